import { safeLine } from '../../base/visible.ts';
import { decodedWords } from '../mime/encodings.ts';
import type { HeaderBlock } from './fields.ts';

/** The parts of a header shown in a list of messages. */
export interface ListedHeader {
  /** Decoded, on one line, at most 200 characters, all visible. */
  readonly subject?: string;
  /** With its angle brackets, at most 300 characters. */
  readonly messageId?: string;
}

/** Number of characters of a field that are decoded. */
const maxReadCharacters = 2000;
const maxSubjectCharacters = 200;
const maxMessageIdCharacters = 300;

/** Returns Subject and Message-ID as shown in lists. */
export function listedHeader(header: Pick<HeaderBlock, 'get'>): ListedHeader {
  const subject = shownSubject(header.get('Subject') ?? '');
  const messageId = /<[^<>]+>/.exec((header.get('Message-ID') ?? '').slice(0, maxReadCharacters))?.[0];
  return {
    ...(subject !== '' && { subject }),
    ...(messageId !== undefined && { messageId: shownMessageId(messageId) }),
  };
}

/** Returns a Message-ID as shown in lists. */
export function shownMessageId(messageId: string): string {
  return safeLine(messageId).slice(0, maxMessageIdCharacters);
}

function shownSubject(field: string): string {
  const text = safeLine(decodedWords(field.slice(0, maxReadCharacters), { unknownCharset: 'guessed' }));
  if (text.length <= maxSubjectCharacters) return text;
  // Keeps whole characters; two units may make one.
  return [...text].slice(0, maxSubjectCharacters).join('').trimEnd();
}
