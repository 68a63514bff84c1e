import { decodedWords } from '../../../../message/mime/encodings.ts';
import { GraphFault } from '../../graph-error.ts';
import type { Described } from './describe-message.ts';
import { extendedProperty } from './property-values.ts';

/** Whether a message matches. */
export type MessageFilter = (message: Described) => boolean;

const dates: Readonly<Record<string, (message: Described) => Date>> = {
  receiveddatetime: ({ message }) => message.internalDate,
  sentdatetime: ({ sentAt }) => sentAt,
  createddatetime: ({ message }) => message.createdAt,
  lastmodifieddatetime: ({ message }) => message.modifiedAt,
};
const flags: Readonly<Record<string, (message: Described) => boolean>> = {
  isread: ({ message }) => message.flags.includes('\\Seen'),
  isdraft: ({ isDraft }) => isDraft,
  hasattachments: ({ hasAttachments }) => hasAttachments,
};
const quoted = `'((?:[^']|'')*)'`;

/** Each supported kind of condition: its form and its meaning. */
const conditions: readonly { form: RegExp; filter(...captures: readonly string[]): MessageFilter }[] = [
  {
    form: new RegExp(`^internetMessageId eq ${quoted}$`, 'i'),
    filter: (text) => {
      const wanted = unquoted(text);
      return ({ internetMessageId }) => internetMessageId === wanted;
    },
  },
  {
    form: new RegExp(`^subject eq ${quoted}$`, 'i'),
    filter: (text) => {
      const wanted = unquoted(text);
      return (message) => decodedWords(message.field('subject')) === wanted;
    },
  },
  {
    form: new RegExp(`^(${Object.keys(flags).join('|')}) eq (true|false)$`, 'i'),
    filter: (name = '', value = '') => {
      const flag = flags[name.toLowerCase()];
      return (message) => String(flag?.(message)) === value.toLowerCase();
    },
  },
  {
    form: new RegExp(
      `^(${Object.keys(dates).join('|')}) (ge|gt|le|lt) (\\d{4}-\\d\\d-\\d\\d(?:T[\\d:.]+(?:Z|[+-]\\d\\d:\\d\\d))?)$`,
      'i',
    ),
    filter: (name = '', operator = '', value = '') => {
      const wanted = Date.parse(value);
      const date = dates[name.toLowerCase()];
      if (Number.isNaN(wanted)) throw invalid();
      return (message) => compare(date?.(message).getTime() ?? 0, operator.toLowerCase(), wanted);
    },
  },
  {
    form: new RegExp(
      `^singleValueExtendedProperties/any\\( ?(\\w+) ?: ?\\1/id eq ${quoted} and \\1/value eq ${quoted} ?\\)$`,
      'i',
    ),
    filter: (_, id, value) => {
      const [wantedId, wanted] = [unquoted(id), unquoted(value)];
      return (message) => extendedProperty(message, wantedId) === wanted;
    },
  },
];

/** Reads `$filter`: conditions joined by `and`. @throws GraphFault 400 for anything else */
export function readFilter(filter: string | null): {
  readonly matches: MessageFilter | undefined;
  readonly text: string;
} {
  if (filter === null) return { matches: undefined, text: '' };
  const filters = conjuncts(filter).map((text) => {
    for (const { form, filter: make } of conditions) {
      const match = form.exec(text);
      if (match) return make(...match.slice(1));
    }
    throw invalid();
  });
  return { matches: (message) => filters.every((each) => each(message)), text: filter };
}

/** Splits at each `and` outside parentheses and quotes. */
function conjuncts(filter: string): readonly string[] {
  const tokens = filter.trim().match(/'(?:[^']|'')*'|[()]|\s+|[^\s()']+/g) ?? [];
  const found = [''];
  let depth = 0;
  for (const token of tokens) {
    if (token === '(') depth++;
    if (token === ')') depth--;
    if (depth === 0 && token.toLowerCase() === 'and') found.push('');
    else found.push(`${found.pop() ?? ''}${/^\s+$/.test(token) ? ' ' : token}`);
  }
  return found.map((text) => text.trim());
}

function unquoted(text = ''): string {
  return text.replaceAll("''", "'");
}

function compare(value: number, operator: string, wanted: number): boolean {
  if (operator === 'ge') return value >= wanted;
  if (operator === 'gt') return value > wanted;
  return operator === 'le' ? value <= wanted : value < wanted;
}

function invalid(): GraphFault {
  return new GraphFault(400, 'ErrorInvalidUrlQueryFilter', 'The query filter contains one or more invalid nodes.');
}
