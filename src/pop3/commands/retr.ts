import type { ReadableFolder } from '../../mailbox/mail-store.ts';
import { type Pop3Command, parseNumbers } from '../command.ts';
import { top as topOf } from '../wire/top.ts';

/** RETR (RFC 1939 section 5). The message is streamed, not held in memory. */
export const retr: Pop3Command = async ({ maildrop, out }, argument) => {
  const [number = 0] = parseNumbers(argument, 1);
  const { size, stream } = await maildrop.folder.content(maildrop.get(number).uid);
  out.line(size === undefined ? '+OK' : `+OK ${size} octets`);
  await out.message(stream);
  return { text: undefined };
};

/** TOP (RFC 1939 section 7). */
export const top: Pop3Command = async ({ maildrop, out }, argument) => {
  const [number = 0, lines = 0] = parseNumbers(argument, 2);
  const { uid } = maildrop.get(number);
  const first = await maildrop.folder.content(uid, { offset: 0, length: firstPartBytes });
  out.line('+OK');
  await out.message(topOf(inGrowingParts(maildrop.folder, uid, first.stream), lines));
  return { text: undefined };
};

/** Enough for most headers. */
const firstPartBytes = 16 * 1024;

const maxPartBytes = 1024 * 1024;

/** Reads a message in growing parts: about twice as much is read as is used, whatever the size of the message. */
async function* inGrowingParts(folder: ReadableFolder, uid: number, first: AsyncIterable<Buffer>) {
  let part = first;
  let length = firstPartBytes;
  for (let offset = 0; ; ) {
    let read = 0;
    for await (const chunk of part) {
      read += chunk.length;
      yield chunk;
    }
    if (read < length) return;
    offset += read;
    length = Math.min(2 * length, maxPartBytes);
    part = (await folder.content(uid, { offset, length })).stream;
  }
}
