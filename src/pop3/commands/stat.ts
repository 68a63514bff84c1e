import { type Pop3Command, parseNumbers } from '../command.ts';

/** RFC 1939 section 5. */
export const stat: Pop3Command = async ({ maildrop }) => ({ text: `${maildrop.count} ${maildrop.octets}` });

/** LIST (RFC 1939 section 5). */
export const list: Pop3Command = async ({ maildrop, out }, argument) => {
  if (argument.trim() !== '') {
    const [number = 0] = parseNumbers(argument, 1);
    return { text: `${number} ${maildrop.get(number).size}` };
  }
  out.line(`+OK ${maildrop.count} ${maildrop.octets}`);
  for (const { number, size } of maildrop.messages()) {
    out.line(`${number} ${size}`);
    await out.drained();
  }
  out.line('.');
  out.flush();
  return { text: undefined };
};

/** UIDL (RFC 1939 section 7). */
export const uidl: Pop3Command = async ({ maildrop, out }, argument) => {
  if (argument.trim() !== '') {
    const [number = 0] = parseNumbers(argument, 1);
    return { text: `${number} ${maildrop.get(number).uniqueId}` };
  }
  out.line('+OK');
  for (const { number, uniqueId } of maildrop.messages()) {
    out.line(`${number} ${uniqueId}`);
    await out.drained();
  }
  out.line('.');
  out.flush();
  return { text: undefined };
};
