import { type Pop3Command, parseNumbers } from '../command.ts';

/** DELE (RFC 1939 section 5): takes effect at QUIT. */
export const dele: Pop3Command = async ({ maildrop }, argument) => {
  const [number = 0] = parseNumbers(argument, 1);
  maildrop.delete(number);
  return { text: '' };
};

/** RSET (RFC 1939 section 5). */
export const rset: Pop3Command = async ({ maildrop }) => {
  maildrop.reset();
  return { text: '' };
};
