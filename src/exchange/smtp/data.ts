import type { Transform, TransformCallback } from 'node:stream';

/** nodemailer's stream of a message on its way: it doubles dots and ends the message (RFC 5321 section 4.5.2). */
export interface DataStream extends Transform {
  inByteCount: number;
  outByteCount: number;
  /** The last octet of the message so far; false before the first. */
  lastByte: number | false;
}

const CR = 0x0d;
const DOT = 0x2e;

/**
 * Lets pieces through that hold no dot at the start of a line. nodemailer looks at each octet by itself, for line ends
 * to fix as well; a message has none here: nothing is accepted whose lines do not end in CRLF.
 */
export function withPlainPieces(stream: DataStream): DataStream {
  const { _transform: transform } = stream;
  stream._transform = (piece: Buffer, encoding: BufferEncoding, done: TransformCallback) => {
    const last = piece.at(-1);
    if (last === undefined || stream.lastByte === CR || piece[0] === DOT || piece.includes('\n.')) {
      transform.call(stream, piece, encoding, done);
      return;
    }
    stream.inByteCount += piece.length;
    stream.outByteCount += piece.length;
    stream.lastByte = last;
    done(null, piece);
  };
  return stream;
}
