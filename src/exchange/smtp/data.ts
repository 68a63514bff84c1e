import type { Transform, TransformCallback } from 'node:stream';

/** nodemailer's stream of a message being sent: it doubles dots and ends the message (RFC 5321 section 4.5.2). */
export interface DataStream extends Transform {
  inByteCount: number;
  outByteCount: number;
  /** The last byte of the message so far; false before the first. */
  lastByte: number | false;
}

const CR = 0x0d;
const DOT = 0x2e;

/**
 * Passes on unchanged the pieces without a dot at the start of a line. nodemailer examines every byte, also to fix line
 * ends; messages need no fixing here, because none is accepted whose lines do not end in CRLF.
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
