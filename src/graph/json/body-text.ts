import { isAscii, isUtf8 } from 'node:buffer';
import { decodeText, isKnownCharset } from '../../message/mime/charset.ts';
import type { MimePart } from '../../message/mime/part.ts';

/** The decoded text of a part, because the JSON form has no parameters to say how to decode it. */
export function bodyText({ type, parameters }: MimePart, octets: Buffer): string {
  const declared = parameters.get('charset');
  if (type === 'text/html') return decodeText(octets, declared ?? htmlCharset(octets));
  const text = decodeText(octets, declared);
  if (parameters.get('format')?.toLowerCase() !== 'flowed') return text;
  return unflowed(text, parameters.get('delsp')?.toLowerCase() === 'yes');
}

/** The charset that HTML names itself if its part names none; UTF-8 beyond ASCII is not mistaken for anything else. */
function htmlCharset(octets: Buffer): string | undefined {
  if (isUtf8(octets) && !isAscii(octets)) return undefined;
  const start = octets.toString('latin1', 0, 2048);
  const charset = /<meta\b[^>]*\bcharset\s*=\s*["']?\s*([\w:.-]+)/i.exec(start)?.[1];
  // HTML that could be read so far is not UTF-16 (WHATWG HTML, "Determining the character encoding").
  return isKnownCharset(charset) && !/^utf-?16/i.test(charset ?? '') ? charset : undefined;
}

interface Paragraph {
  readonly quotes: string;
  text: string;
  goesOn: boolean;
}

/**
 * Puts each paragraph of format=flowed text on one line (RFC 3676 section 4.2): a line that ends with a space continues
 * in the next one of the same quote depth, and a stuffed space at the beginning of a line is removed.
 * @param deletesSpace DelSp: the space at the end is not part of the text
 */
export function unflowed(text: string, deletesSpace: boolean): string {
  const paragraphs: Paragraph[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [, quotes = '', content = ''] = /^(>*) ?(.*)$/s.exec(line) ?? [];
    const isSignature = content === '-- ';
    const goesOn = content.endsWith(' ') && !isSignature;
    const words = goesOn && deletesSpace ? content.slice(0, -1) : content;
    const last = paragraphs.at(-1);
    if (last?.goesOn && last.quotes === quotes && !isSignature) {
      last.text += words;
      last.goesOn = goesOn;
    } else paragraphs.push({ quotes, text: words, goesOn });
  }
  return paragraphs.map(({ quotes, text: words }) => (quotes === '' ? words : `${quotes} ${words}`)).join('\r\n');
}
