import { fieldValue } from './header.ts';
import type { BodyPart } from './part.ts';

/** Octets as text of that charset; of an unknown charset as Latin-1. */
export function decodeCharset(octets: Buffer, charset: string): string {
  try {
    return new TextDecoder(charset).decode(octets);
  } catch {
    return octets.toString('latin1');
  }
}

/** A header value as text: encoded words (RFC 2047) decoded, raw 8-bit taken for UTF-8. */
export function decodeHeaderValue(octets: string): string {
  const text = Buffer.from(octets, 'latin1').toString();
  return text
    .replace(/(=\?[^?\s]+\?[BQbq]\?[^?\s]*\?=)\s+(?==\?)/g, '$1')
    .replace(/=\?([^?*\s]+)(?:\*[^?\s]*)?\?([BQbq])\?([^?\s]*)\?=/g, (_, charset: string, kind: string, data: string) =>
      decodeCharset(kind.toUpperCase() === 'B' ? Buffer.from(data, 'base64') : decodeQ(data), charset),
    );
}

/** The text of every text part, transfer encodings and charsets undone. */
export function* textsOf(part: BodyPart): Generator<string> {
  for (const child of part.parts) yield* textsOf(child);
  if (part.message !== undefined) yield* textsOf(part.message);
  if (part.parts.length > 0 || part.message !== undefined || part.type !== 'TEXT') return;
  yield decodeCharset(decodeTransfer(part), part.contentType.parameters.get('charset') ?? 'utf-8');
}

function decodeTransfer(part: BodyPart): Buffer {
  const encoding = fieldValue(part.fields, 'content-transfer-encoding')?.toLowerCase();
  if (encoding === 'base64') return Buffer.from(part.body.toString('latin1'), 'base64');
  if (encoding === 'quoted-printable') return unescaped(part.body.toString('latin1').replace(/=[ \t]*\r?\n/g, ''));
  return part.body;
}

function decodeQ(data: string): Buffer {
  return unescaped(data.replaceAll('_', ' '));
}

function unescaped(text: string): Buffer {
  const octets = text.replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(octets, 'latin1');
}
