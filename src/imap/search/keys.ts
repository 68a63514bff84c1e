import { ImapSyntaxError } from '../reply.ts';
import { parseDay } from '../wire/format.ts';
import type { Scanner } from '../wire/scanner.ts';
import type { MessageSet } from '../wire/sequence-set.ts';

/**
 * A search key (RFC 9051 section 6.4.4, RFC 5032, RFC 7162 section 3.1.5, RFC 8474 section 4.3). Days have the form
 * `2026-11-30`.
 */
export type SearchKey =
  | { readonly kind: 'all' }
  | { readonly kind: 'recent' }
  | { readonly kind: 'flag'; readonly flag: string }
  | { readonly kind: 'numbers'; readonly set: MessageSet; readonly byUid: boolean }
  | { readonly kind: 'received'; readonly when: 'before' | 'on' | 'since'; readonly day: string }
  | { readonly kind: 'sent'; readonly when: 'before' | 'on' | 'since'; readonly day: string }
  | { readonly kind: 'older' | 'younger'; readonly seconds: number }
  | { readonly kind: 'larger' | 'smaller'; readonly size: number }
  | { readonly kind: 'modseq'; readonly modseq: number }
  | { readonly kind: 'emailid' | 'threadid'; readonly id: string }
  | { readonly kind: 'header' | 'address'; readonly field: string; readonly text: string }
  | { readonly kind: 'body' | 'text'; readonly text: string }
  | { readonly kind: 'not'; readonly key: SearchKey }
  | { readonly kind: 'and' | 'or'; readonly keys: readonly SearchKey[] };

/** Every key in a tree of keys. */
export function* everyKey(key: SearchKey): Generator<SearchKey> {
  yield key;
  if (key.kind === 'not') yield* everyKey(key.key);
  if (key.kind === 'and' || key.kind === 'or') for (const inner of key.keys) yield* everyKey(inner);
}

const flags: Readonly<Record<string, string>> = {
  ANSWERED: '\\Answered',
  DELETED: '\\Deleted',
  DRAFT: '\\Draft',
  FLAGGED: '\\Flagged',
  SEEN: '\\Seen',
};

/** Maximum keys in one command, including nested ones; more are refused. */
const maxKeys = 2_000;

/** One key after another, all of which must match. */
export function parseSearchKeys(scanner: Scanner): SearchKey {
  const budget = { keys: maxKeys };
  const keys = [parseKey(scanner, 0, budget)];
  while (scanner.trySpace()) keys.push(parseKey(scanner, 0, budget));
  return { kind: 'and', keys };
}

/** Number of keys that may still follow. */
interface KeyBudget {
  keys: number;
}

function parseKey(scanner: Scanner, depth: number, budget: KeyBudget): SearchKey {
  if (--budget.keys < 0) throw new ImapSyntaxError('SEARCH is given too many keys.');
  if (scanner.ahead('(')) {
    const keys = scanner.nested(depth, (inner) =>
      scanner.list(() => parseKey(scanner, inner, budget), { allowEmpty: false }),
    );
    return { kind: 'and', keys };
  }
  if (scanner.aheadMessageSet()) return { kind: 'numbers', set: scanner.messageSet(), byUid: false };
  return parseNamed(scanner, scanner.word(), depth, budget);
}

function parseNamed(scanner: Scanner, name: string, depth: number, budget: KeyBudget): SearchKey {
  const flag = flagKey(name);
  if (flag !== undefined) return flag;
  switch (name) {
    case 'ALL':
      return { kind: 'all' };
    case 'RECENT':
      return { kind: 'recent' };
    case 'OLD':
      return { kind: 'not', key: { kind: 'recent' } };
    case 'NEW':
      return { kind: 'and', keys: [{ kind: 'recent' }, { kind: 'not', key: { kind: 'flag', flag: '\\Seen' } }] };
    case 'NOT':
      return { kind: 'not', key: operand(scanner, depth, budget) };
    case 'OR':
      return { kind: 'or', keys: [operand(scanner, depth, budget), operand(scanner, depth, budget)] };
    case 'UID':
      scanner.space();
      return { kind: 'numbers', set: scanner.messageSet(), byUid: true };
    case 'LARGER':
    case 'SMALLER':
      scanner.space();
      return { kind: name === 'LARGER' ? 'larger' : 'smaller', size: scanner.number() };
    case 'OLDER':
    case 'YOUNGER':
      return { kind: name === 'OLDER' ? 'older' : 'younger', seconds: interval(scanner) };
    case 'MODSEQ':
      return { kind: 'modseq', modseq: parseModseq(scanner) };
    case 'EMAILID':
    case 'THREADID':
      scanner.space();
      return { kind: name === 'EMAILID' ? 'emailid' : 'threadid', id: scanner.objectId() };
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

/** Seconds, at least one (RFC 5032). */
function interval(scanner: Scanner): number {
  scanner.space();
  const seconds = scanner.number();
  if (seconds === 0) throw new ImapSyntaxError('An interval of no seconds.');
  return seconds;
}

/** `[entry-name entry-type-req] mod-sequence`; flags have no mod-sequences of their own here (RFC 7162 section 3.1.5). */
function parseModseq(scanner: Scanner): number {
  scanner.space();
  if (scanner.ahead('"')) {
    scanner.string();
    scanner.space();
    if (!['PRIV', 'SHARED', 'ALL'].includes(scanner.word())) throw new ImapSyntaxError('MODSEQ is malformed.');
    scanner.space();
  }
  return scanner.modseq();
}

function operand(scanner: Scanner, depth: number, budget: KeyBudget): SearchKey {
  scanner.space();
  return scanner.nested(depth, (inner) => parseKey(scanner, inner, budget));
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
  const day = parseDay(scanner.astring());
  if (day === undefined) throw new ImapSyntaxError('A date is malformed.');
  const when = (match[2] ?? '').toLowerCase() as 'before' | 'on' | 'since';
  return match[1] === undefined ? { kind: 'received', when, day } : { kind: 'sent', when, day };
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
  if (name === 'SUBJECT') return { kind: 'header', field: name, text };
  if (['FROM', 'TO', 'CC', 'BCC'].includes(name)) return { kind: 'address', field: name, text };
  throw new ImapSyntaxError('Unknown SEARCH key.');
}
