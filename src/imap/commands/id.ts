import { command } from '../command.ts';
import { ImapSyntaxError } from '../reply.ts';
import { formatString } from '../wire/format.ts';
import type { Scanner } from '../wire/scanner.ts';

/** RFC 2971 section 3.3 allows a client this many fields. */
const maxFields = 30;

/** RFC 2971. */
export const id = command(parseFields, async (context, fields) => {
  const answer = context.session.identify(fields);
  context.out.untagged(`ID ${answer === undefined ? 'NIL' : formatFields(answer)}`);
  return { text: 'ID completed.' };
});

function parseFields(scanner: Scanner): ReadonlyMap<string, string> {
  scanner.space();
  if (!scanner.ahead('(')) {
    if (scanner.word() !== 'NIL') throw new ImapSyntaxError('ID takes NIL or a list.');
    return new Map();
  }
  const words = scanner.list(() => scanner.nstring() ?? '');
  if (words.length % 2 !== 0 || words.length > 2 * maxFields) throw new ImapSyntaxError('ID takes up to 30 pairs.');
  const fields = new Map<string, string>();
  for (let index = 0; index < words.length; index += 2) fields.set(words[index] ?? '', words[index + 1] ?? '');
  return fields;
}

function formatFields(fields: ReadonlyMap<string, string>): string {
  return `(${[...fields].flat().map(formatString).join(' ')})`;
}
