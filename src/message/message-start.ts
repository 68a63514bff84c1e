import type { Readable } from 'node:stream';
import { HeaderBlock } from './header/fields.ts';

/** Reads the first bytes of a message, at least `octets` if there are that many. Ends the stream. */
export async function messageStart(stream: Readable, octets: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length >= octets) break;
  }
  return Buffer.concat(chunks);
}

/** Reads as much of a message's header as is within its first 64 KiB. */
export async function headerStart(stream: Readable): Promise<HeaderBlock> {
  return HeaderBlock.parse((await messageStart(stream, 65_536)).subarray(0, 65_536));
}
