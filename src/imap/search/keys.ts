import { ImapSyntaxError } from '../reply.ts';
import { parseDate } from '../wire/format.ts';
import type { Scanner } from '../wire/scanner.ts';
import type { SequenceSet } from '../wire/sequence-set.ts';

/** A search key (RFC 3501 section 6.4.4). Dates are midnight UTC. */
export type SearchKey =
  | { readonly kind: 'all' }
  | { readonly kind: 'none' }
  | { readonly kind: 'flag'; readonly flag: string }
  | { readonly kind: 'numbers'; readonly set: SequenceSet; readonly byUid: boolean }
  | { readonly kind: 'received'; readonly when: 'before' | 'on' | 'since'; readonly date: Date }
  | { readonly kind: 'sent'; readonly when: 'before' | 'on' | 'since'; readonly date: Date }
  | { readonly kind: 'larger' | 'smaller'; readonly size: number }
  | { readonly kind: 'header'; readonly field: string; readonly text: string }
  | { readonly kind: 'body' | 'text'; readonly text: string }
  | { readonly kind: 'not'; readonly key: SearchKey }
  | { readonly kind: 'and' | 'or'; readonly keys: readonly SearchKey[] };

const flags: Readonly<Record<string, string>> = {
  ANSWERED: '\\Answered',
  DELETED: '\\Deleted',
  DRAFT: '\\Draft',
  FLAGGED: '\\Flagged',
  SEEN: '\\Seen',
};

const maxKeys = 1_000;

/** One key after another, all of which must match. */
export function parseSearchKeys(scanner: Scanner): SearchKey {
  const keys = [parseKey(scanner, 0)];
  while (scanner.trySpace()) {
    if (keys.length >= maxKeys) throw new ImapSyntaxError('SEARCH is given too many keys.');
    keys.push(parseKey(scanner, 0));
  }
  return { kind: 'and', keys };
}

function parseKey(scanner: Scanner, depth: number): SearchKey {
  if (scanner.ahead('(')) {
    const keys = scanner.nested(depth, (inner) => scanner.list(() => parseKey(scanner, inner), { allowEmpty: false }));
    return { kind: 'and', keys };
  }
  if (scanner.aheadDigit() || scanner.ahead('*')) {
    return { kind: 'numbers', set: scanner.sequenceSet(), byUid: false };
  }
  return parseNamed(scanner, scanner.word(), depth);
}

function parseNamed(scanner: Scanner, name: string, depth: number): SearchKey {
  const flag = flagKey(name);
  if (flag !== undefined) return flag;
  switch (name) {
    case 'ALL':
    case 'OLD':
      return { kind: 'all' };
    // No message is \Recent here.
    case 'NEW':
    case 'RECENT':
      return { kind: 'none' };
    case 'NOT':
      return { kind: 'not', key: operand(scanner, depth) };
    case 'OR':
      return { kind: 'or', keys: [operand(scanner, depth), operand(scanner, depth)] };
    case 'UID':
      scanner.space();
      return { kind: 'numbers', set: scanner.sequenceSet(), byUid: true };
    case 'LARGER':
    case 'SMALLER':
      scanner.space();
      return { kind: name === 'LARGER' ? 'larger' : 'smaller', size: scanner.number() };
    case 'KEYWORD':
      scanner.space();
      return { kind: 'flag', flag: scanner.flag() };
    case 'UNKEYWORD':
      scanner.space();
      return { kind: 'not', key: { kind: 'flag', flag: scanner.flag() } };
    default:
      return dateKey(scanner, name) ?? textKey(scanner, name);
  }
}

function operand(scanner: Scanner, depth: number): SearchKey {
  scanner.space();
  return scanner.nested(depth, (inner) => parseKey(scanner, inner));
}

function flagKey(name: string): SearchKey | undefined {
  if (Object.hasOwn(flags, name)) return { kind: 'flag', flag: flags[name] ?? '' };
  const positive = name.startsWith('UN') ? name.slice(2) : '';
  if (Object.hasOwn(flags, positive)) return { kind: 'not', key: { kind: 'flag', flag: flags[positive] ?? '' } };
  return undefined;
}

function dateKey(scanner: Scanner, name: string): SearchKey | undefined {
  const match = /^(SENT)?(BEFORE|ON|SINCE)$/.exec(name);
  if (match === null) return undefined;
  scanner.space();
  const date = parseDate(scanner.astring());
  if (date === undefined) throw new ImapSyntaxError('A date is malformed.');
  const when = (match[2] ?? '').toLowerCase() as 'before' | 'on' | 'since';
  return match[1] === undefined ? { kind: 'received', when, date } : { kind: 'sent', when, date };
}

function textKey(scanner: Scanner, name: string): SearchKey {
  scanner.space();
  if (name === 'HEADER') {
    const field = scanner.astring();
    scanner.space();
    return { kind: 'header', field, text: scanner.astring() };
  }
  const text = scanner.astring();
  if (name === 'BODY' || name === 'TEXT') return { kind: name === 'BODY' ? 'body' : 'text', text };
  if (['FROM', 'TO', 'CC', 'BCC', 'SUBJECT'].includes(name)) return { kind: 'header', field: name, text };
  throw new ImapSyntaxError('Unknown SEARCH key.');
}
