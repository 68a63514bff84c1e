import MimeNode from 'nodemailer/lib/mime-node';

/** Octets to be written as they are, or in base64. */
export type Piece = Buffer | { readonly base64: readonly Buffer[] };

/** One MIME entity (RFC 2045). */
export interface Part {
  /** Content fields, each with its CRLF; one character per octet. */
  readonly header: string;
  readonly body: readonly Piece[];
}

/** The value of a header field in the supported forms. */
export type FieldValue = string | Date | readonly { readonly name: string; readonly address: string }[];

const root = new MimeNode(false, { keepBcc: true });

/** Header fields, encoded (RFC 2047, RFC 2231) and folded, each with its CRLF. */
export function writeFields(
  fields: readonly (readonly [name: string, value: FieldValue])[],
  options: { readonly filename?: string } = {},
): string {
  const node = new MimeNode(false, { rootNode: root, keepBcc: true, ...options });
  for (const [name, value] of fields) {
    // Setting replaces the type that the filename suggests, and keeps a list of addresses in one field.
    if (Array.isArray(value))
      node.setHeader(
        name,
        value.map((mailbox) => ({ ...mailbox })),
      );
    else if (name === 'Content-Type') node.setHeader(name, value as string);
    else node.addHeader(name, value as string | Date);
  }
  const text = node.buildHeaders();
  return text === '' ? '' : `${text}\r\n`;
}

/** A text of the given subtype, in UTF-8. */
export function textPart(subtype: 'plain' | 'html', text: string): Part {
  return {
    header: writeFields([
      ['Content-Type', `text/${subtype}; charset=utf-8`],
      ['Content-Transfer-Encoding', 'base64'],
    ]),
    body: [{ base64: [Buffer.from(text)] }],
  };
}

/** Several entities in one. @param boundary must not occur in any of them */
export function multipart(subtype: string, boundary: string, parts: readonly Part[]): Part {
  const body = parts.flatMap((part): readonly Piece[] => [
    Buffer.from(`--${boundary}\r\n${part.header}\r\n`, 'latin1'),
    ...part.body,
    Buffer.from('\r\n'),
  ]);
  return {
    header: `Content-Type: multipart/${subtype};\r\n\tboundary="${boundary}"\r\n`,
    body: [...body, Buffer.from(`--${boundary}--\r\n`)],
  };
}

/** Number of octets encoded at a time; whole lines of 57. */
const encodedAtATime = 57 * 1024;

/** All pieces in one buffer, without intermediate copies of that size. */
export function writePieces(pieces: readonly Piece[]): Buffer {
  const whole = Buffer.allocUnsafe(pieces.reduce((sum, piece) => sum + lengthOf(piece), 0));
  let position = 0;
  for (const piece of pieces) {
    if (Buffer.isBuffer(piece)) {
      position += piece.copy(whole, position);
      continue;
    }
    for (const text of base64Lines(piece.base64)) position += whole.write(text, position, 'latin1');
  }
  return whole.subarray(0, position);
}

function lengthOf(piece: Piece): number {
  if (Buffer.isBuffer(piece)) return piece.length;
  const octets = piece.base64.reduce((sum, chunk) => sum + chunk.length, 0);
  return 4 * Math.ceil(octets / 3) + 2 * Math.ceil(octets / 57);
}

/** Base64 (RFC 2045 section 6.8) in lines of 76 characters. */
function* base64Lines(chunks: readonly Buffer[]): Generator<string> {
  let rest = Buffer.alloc(0);
  for (const chunk of chunks) {
    const octets: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (; octets.length - start >= encodedAtATime; start += encodedAtATime) {
      yield inLines(octets.toString('base64', start, start + encodedAtATime));
    }
    rest = Buffer.from(octets.subarray(start));
  }
  if (rest.length > 0) yield inLines(rest.toString('base64'));
}

function inLines(text: string): string {
  return text.replace(/.{76}/g, '$&\r\n');
}
