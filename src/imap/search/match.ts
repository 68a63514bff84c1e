import type { MessageSummary } from '../../mailbox/mail-store.ts';
import type { FetchedMessage } from '../fetch/message-source.ts';
import type { ParsedMessage } from '../fetch/parsed-message.ts';
import type { SearchKey } from './keys.ts';
import { fieldText, textsOf } from './texts.ts';

/** A message that SEARCH looks at. */
export interface Candidate {
  readonly message: MessageSummary;
  /** Whether a message set of sequence numbers or UIDs names it. */
  named(key: SearchKey & { kind: 'numbers' }): boolean;
  readonly source: FetchedMessage;
}

const dayMs = 24 * 60 * 60 * 1000;

/** Whether a message matches. Its content is read only where a key asks for it. */
export async function matches(key: SearchKey, candidate: Candidate): Promise<boolean> {
  const { message } = candidate;
  switch (key.kind) {
    case 'all':
      return true;
    case 'none':
      return false;
    case 'flag':
      return message.flags.some((flag) => flag.toLowerCase() === key.flag.toLowerCase());
    case 'numbers':
      return candidate.named(key);
    case 'received':
      return compareDay(message.internalDate, key.when, key.date);
    case 'larger':
      return message.size > key.size;
    case 'smaller':
      return message.size < key.size;
    case 'not':
      return !(await matches(key.key, candidate));
    case 'and':
      for (const inner of cheapFirst(key.keys)) if (!(await matches(inner, candidate))) return false;
      return true;
    case 'or':
      for (const inner of cheapFirst(key.keys)) if (await matches(inner, candidate)) return true;
      return false;
    default:
      return matchesContent(key, await candidate.source.parsed());
  }
}

type ContentKey = Extract<SearchKey, { kind: 'sent' | 'header' | 'body' | 'text' }>;

function matchesContent(key: ContentKey, parsed: ParsedMessage): boolean {
  const { header } = parsed.root;
  if (key.kind === 'sent') {
    const date = new Date((header.get('Date') ?? '').replace(/\([^)]*\)/g, ''));
    return !Number.isNaN(date.getTime()) && compareDay(date, key.when, key.date);
  }
  const wanted = key.text.toLowerCase();
  const holds = (text: string): boolean => text.toLowerCase().includes(wanted);
  if (key.kind === 'header') {
    return header.fields.some((field) => field.is(key.field) && holds(fieldText(field)));
  }
  const inHeader = key.kind === 'text' && header.fields.some((field) => holds(`${field.name}: ${fieldText(field)}`));
  return inHeader || [...textsOf(parsed)].some(holds);
}

/** Days are compared, times and zones are not looked at (RFC 3501 section 6.4.4). */
function compareDay(date: Date, when: 'before' | 'on' | 'since', day: Date): boolean {
  const days = Math.floor(date.getTime() / dayMs) - Math.floor(day.getTime() / dayMs);
  if (when === 'before') return days < 0;
  return when === 'on' ? days === 0 : days >= 0;
}

/** Keys that need no content come first. */
function cheapFirst(keys: readonly SearchKey[]): readonly SearchKey[] {
  return [...keys].sort((a, b) => Number(needsContent(a)) - Number(needsContent(b)));
}

function needsContent(key: SearchKey): boolean {
  if (key.kind === 'not') return needsContent(key.key);
  if (key.kind === 'and' || key.kind === 'or') return key.keys.some(needsContent);
  return key.kind === 'sent' || key.kind === 'header' || key.kind === 'body' || key.kind === 'text';
}
