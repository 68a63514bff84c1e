import { safeLine } from '../../base/visible.ts';
import { decodedWords } from '../mime/encodings.ts';
import type { HeaderBlock } from './fields.ts';

/** What a list of messages shows of a header. */
export interface ListedHeader {
  /** Decoded, on one line, at most 200 characters, none of them unseen. */
  readonly subject?: string;
  /** With its angle brackets, at most 300 characters. */
  readonly messageId?: string;
}

/** More than that of a field is not decoded. */
const maxReadCharacters = 2000;
const maxSubjectCharacters = 200;
const maxMessageIdCharacters = 300;

/** Subject and Message-ID as lists show them. */
export function listedHeader(header: Pick<HeaderBlock, 'get'>): ListedHeader {
  const subject = shownSubject(header.get('Subject') ?? '');
  const messageId = /<[^<>]+>/.exec((header.get('Message-ID') ?? '').slice(0, maxReadCharacters))?.[0];
  return {
    ...(subject !== '' && { subject }),
    ...(messageId !== undefined && { messageId: shownMessageId(messageId) }),
  };
}

/** A Message-ID as lists show it. */
export function shownMessageId(messageId: string): string {
  return safeLine(messageId).slice(0, maxMessageIdCharacters);
}

function shownSubject(field: string): string {
  const text = safeLine(decodedWords(field.slice(0, maxReadCharacters), { unknownCharset: 'guessed' }));
  if (text.length <= maxSubjectCharacters) return text;
  // Whole characters; two units may make one.
  return [...text].slice(0, maxSubjectCharacters).join('').trimEnd();
}
