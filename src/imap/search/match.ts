import type { MessageSummary } from '../../mailbox/mail-store.ts';
import type { HeaderBlock } from '../../message/header/fields.ts';
import type { ParsedMessage } from '../fetch/parsed-message.ts';
import { addressesHold } from './addresses.ts';
import { compareDays, toldDay, writtenDay } from './days.ts';
import type { SearchKey } from './keys.ts';
import { fieldText, textsOf } from './texts.ts';

/** A message that SEARCH examines, with as much of it as is known. */
export interface Candidate {
  readonly message: MessageSummary;
  readonly recent: boolean;
  /** In milliseconds. */
  readonly now: number;
  emailId(): string;
  /** Whether a message set of sequence numbers or UIDs contains it. */
  named(key: SearchKey & { kind: 'numbers' }): boolean;
  /** The store's own search result; undefined if it has not searched. */
  found(key: SearchKey & { kind: 'body' | 'text' }): boolean | undefined;
  readonly header?: HeaderBlock;
  readonly parsed?: ParsedMessage;
}

/** Tells whether a message matches; undefined if more of it must be known. */
export function matches(key: SearchKey, candidate: Candidate): boolean | undefined {
  switch (key.kind) {
    case 'not': {
      const inner = matches(key.key, candidate);
      return inner === undefined ? undefined : !inner;
    }
    case 'and':
      return joined(key.keys, candidate, false);
    case 'or':
      return joined(key.keys, candidate, true);
    case 'sent':
    case 'header':
    case 'address':
      return candidate.header === undefined ? undefined : matchesHeader(key, candidate.header);
    case 'body':
    case 'text':
      return matchesText(key, candidate);
    default:
      return matchesSummary(key, candidate);
  }
}

/** @param decides the result of a single key that decides the whole */
function joined(keys: readonly SearchKey[], candidate: Candidate, decides: boolean): boolean | undefined {
  let open = false;
  for (const key of keys) {
    const result = matches(key, candidate);
    if (result === decides) return decides;
    if (result === undefined) open = true;
  }
  return open ? undefined : !decides;
}

type SummaryKey = Exclude<SearchKey, { kind: 'not' | 'and' | 'or' | 'sent' | 'header' | 'address' | 'body' | 'text' }>;

function matchesSummary(key: SummaryKey, candidate: Candidate): boolean {
  const { message } = candidate;
  switch (key.kind) {
    case 'all':
      return true;
    case 'recent':
      return candidate.recent;
    case 'flag':
      return message.flags.some((flag) => flag.toLowerCase() === key.flag.toLowerCase());
    case 'numbers':
      return candidate.named(key);
    case 'received':
      return compareDays(toldDay(new Date(message.receivedMs)), key.when, key.day);
    case 'older':
      return message.receivedMs <= candidate.now - key.seconds * 1000;
    case 'younger':
      return message.receivedMs >= candidate.now - key.seconds * 1000;
    case 'larger':
      return message.size > key.size;
    case 'smaller':
      return message.size < key.size;
    case 'modseq':
      return message.modseq >= key.modseq;
    case 'emailid':
      return candidate.emailId() === key.id;
    case 'threadid':
      return message.threadId === key.id;
  }
}

type HeaderKey = Extract<SearchKey, { kind: 'sent' | 'header' | 'address' }>;

function matchesHeader(key: HeaderKey, header: HeaderBlock): boolean {
  if (key.kind === 'sent') {
    const day = writtenDay(header.get('Date') ?? '');
    return day !== undefined && compareDays(day, key.when, key.day);
  }
  const holds = holding(key.text);
  if (header.fields.some((field) => field.is(key.field) && holds(fieldText(field)))) return true;
  return key.kind === 'address' && addressesHold(header, key.field, holds);
}

function matchesText(key: SearchKey & { kind: 'body' | 'text' }, candidate: Candidate): boolean | undefined {
  const found = candidate.found(key);
  if (found !== undefined) return found;
  const holds = holding(key.text);
  if (key.kind === 'text' && candidate.header !== undefined) {
    if (candidate.header.fields.some((field) => holds(`${field.name}: ${fieldText(field)}`))) return true;
  }
  if (candidate.parsed === undefined) return undefined;
  for (const text of textsOf(candidate.parsed)) if (holds(text)) return true;
  return false;
}

function holding(wanted: string): (text: string) => boolean {
  const lower = wanted.toLowerCase();
  return (text) => text.toLowerCase().includes(lower);
}
