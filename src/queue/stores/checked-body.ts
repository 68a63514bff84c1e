import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';

/** What a body has to match; not every message has a known checksum. */
export interface BodyMark {
  readonly size: number;
  readonly crc: number | undefined;
}

/** Whether the octets are the complete body. */
export function isWhole(content: Uint8Array, mark: BodyMark): boolean {
  return content.length === mark.size && (mark.crc === undefined || crc32(content) === mark.crc);
}

/**
 * A body as a stream whose last octets are kept back until all octets are known to be right: an upstream never gets the
 * end of a damaged message, and so never accepts it.
 * @param damaged makes the error that ends the stream otherwise
 */
export function checkedBody(source: Readable, mark: BodyMark, damaged: () => Error): Readable {
  return Readable.from(checked(source, mark, damaged), { objectMode: false, highWaterMark: 256 * 1024 });
}

async function* checked(source: AsyncIterable<Buffer>, mark: BodyMark, damaged: () => Error): AsyncGenerator<Buffer> {
  let crc = 0;
  let size = 0;
  let last: Buffer | undefined;
  for await (const chunk of source) {
    if (last) yield last;
    if (mark.crc !== undefined) crc = crc32(chunk, crc);
    size += chunk.length;
    last = chunk;
  }
  if (size !== mark.size || (mark.crc !== undefined && crc !== mark.crc)) throw damaged();
  if (last) yield last;
}
