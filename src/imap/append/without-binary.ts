import type { MimePart } from '../../message/mime/part.ts';
import { readWholeMime } from '../../message/mime/reader.ts';

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly octets: Buffer;
}

/**
 * Returns a message whose parts with the transfer encoding `binary` are converted to base64: neither a literal of RFC
 * 9051 nor most stores can hold NUL (RFC 3516 section 4.3). The bytes are unchanged if there is no such part.
 */
export function withoutBinary(message: Buffer): Buffer {
  const edits = editsOf(message, readWholeMime(message)).sort((a, b) => a.start - b.start);
  const pieces: Buffer[] = [];
  let copied = 0;
  for (const { start, end, octets } of edits) {
    pieces.push(message.subarray(copied, start), octets);
    copied = end;
  }
  return edits.length === 0 ? message : Buffer.concat([...pieces, message.subarray(copied)]);
}

function editsOf(message: Buffer, part: MimePart): Edit[] {
  const within = [...part.parts, ...(part.message === undefined ? [] : [part.message])];
  const edits = within.flatMap((child) => editsOf(message, child));
  const field = part.header.field('Content-Transfer-Encoding');
  if (field === undefined || field.value().toLowerCase() !== 'binary') return edits;
  const isLeaf = within.length === 0;
  // The header ends where the body begins; its fields are views into it.
  const { raw } = part.header;
  const start = part.start - raw.length + field.raw.byteOffset - raw.byteOffset;
  const name = isLeaf ? 'base64' : '8bit';
  edits.push({
    start,
    end: start + field.raw.length,
    octets: Buffer.from(`Content-Transfer-Encoding: ${name}\r\n`),
  });
  if (isLeaf) edits.push({ start: part.start, end: part.bodyEnd, octets: base64Lines(message, part) });
  return edits;
}

function base64Lines(message: Buffer, { start, bodyEnd }: MimePart): Buffer {
  const lines = message.toString('base64', start, bodyEnd).match(/.{1,76}/g) ?? [];
  return Buffer.from(lines.map((line) => `${line}\r\n`).join(''));
}
