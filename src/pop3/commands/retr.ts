import { type Pop3Command, parseNumbers } from '../command.ts';
import { top as topOf } from '../wire/top.ts';

/** RETR (RFC 1939 section 5). The message is sent as it is read, not held in memory. */
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
  const { stream } = await maildrop.folder.content(maildrop.get(number).uid);
  out.line('+OK');
  await out.message(topOf(stream, lines));
  return { text: undefined };
};
