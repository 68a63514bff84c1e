import type { TransformCallback } from 'node:stream';
import { expect, test } from 'vitest';
import { type DataStream, withPlainPieces } from '../../../src/exchange/smtp/data.ts';

/** The pieces that the dot-doubling stream sees, and its counts. */
function pass(...pieces: string[]) {
  const seen: string[] = [];
  const passed: string[] = [];
  const stream = {
    inByteCount: 0,
    outByteCount: 0,
    lastByte: false as number | false,
    _transform(piece: Buffer, _: BufferEncoding, done: TransformCallback) {
      seen.push(piece.toString());
      stream.lastByte = piece.at(-1) ?? stream.lastByte;
      done();
    },
  };
  withPlainPieces(stream as unknown as DataStream);
  for (const piece of pieces) {
    stream._transform(Buffer.from(piece), 'utf8', (_, out?: Buffer) => void (out && passed.push(out.toString())));
  }
  return { seen, passed, counts: [stream.inByteCount, stream.outByteCount] };
}

test.each([
  [['a\r\n.b\r\n'], ['a\r\n.b\r\n']],
  [['.b\r\n'], ['.b\r\n']],
  [['a\r\n', '.b\r\n'], ['.b\r\n']],
  [['a\r', '\n.b\r\n'], ['\n.b\r\n']],
  [['a\r\n', '.'], ['.']],
  [[''], ['']],
])('no line of %j that begins with a dot is sent before its dot is doubled', (pieces, seen) => {
  expect(pass(...pieces).seen).toEqual(seen);
});

test('pieces without such a line are sent as they are, and counted', () => {
  expect(pass('a.b\r\n', 'c\r\n', 'd')).toEqual({ seen: [], passed: ['a.b\r\n', 'c\r\n', 'd'], counts: [9, 9] });
});
