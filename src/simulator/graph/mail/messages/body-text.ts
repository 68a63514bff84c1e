import { decodeText } from '../../../../message/mime/charset.ts';
import { transferDecoder } from '../../../../message/mime/decoders.ts';
import { allParts, type MimePart } from '../../../../message/mime/part.ts';
import { readWholeMime } from '../../../../message/mime/reader.ts';

/** A message's text as Graph shows it. */
export interface BodyText {
  readonly contentType: 'html' | 'text';
  readonly content: string;
}

/** The body shown for a message: its HTML, else its plain text. */
export function bodyOf(octets: Buffer): BodyText {
  const parts = [...allParts(readWholeMime(octets))].filter((part) => part.disposition !== 'attachment');
  const html = parts.find(({ type }) => type === 'text/html');
  if (html) return { contentType: 'html', content: textOf(html, octets) };
  const plain = parts.find(({ type, parts: within }) => type === 'text/plain' && within.length === 0);
  return { contentType: 'text', content: plain ? textOf(plain, octets) : '' };
}

/** The first words, without markup. Learn: 255 characters. */
export function previewOf({ contentType, content }: BodyText): string {
  const text = contentType === 'html' ? plainTextOf(content) : content;
  return text.slice(0, 255);
}

/** Roughly Exchange's plain text version of HTML. */
export function plainTextOf(html: string): string {
  return html
    .replace(/<(style|script)\b[\s\S]*?<\/\1>/gi, '')
    .replace(/<br\s*\/?>|<\/(?:p|div|tr|h\d)>/gi, '\r\n')
    .replace(/<[^>]*>/g, '')
    .replace(/&nbsp;/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, '&')
    .trim();
}

function textOf({ start, end, encoding, parameters }: MimePart, octets: Buffer): string {
  const decoder = transferDecoder(encoding);
  const decoded = Buffer.concat([decoder.push(octets.subarray(start, end)), decoder.end()]);
  return decodeText(decoded, parameters.get('charset'));
}
