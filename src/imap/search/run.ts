import { TimeSlice } from '../../base/turns/time-slice.ts';
import type { OpenFolder } from '../../mailbox/mail-store.ts';
import type { ImapContext } from '../command.ts';
import { FetchedMessage } from '../fetch/message-source.ts';
import type { SelectedFolder } from '../selected/selected-folder.ts';
import { type Membership, membership } from '../wire/sequence-set.ts';
import { everyKey, type SearchKey } from './keys.ts';
import { type Candidate, matches } from './match.ts';

type TextKey = SearchKey & { kind: 'body' | 'text' };
type NumbersKey = SearchKey & { kind: 'numbers' };
type Found = ReadonlyMap<TextKey, ReadonlySet<number>>;

/**
 * Returns the UIDs of the messages that match, ascending. Headers, and then whole messages, are requested from the
 * store only for messages still undecided, and in bulk.
 */
export async function searched({ folder, presence }: ImapContext, key: SearchKey): Promise<readonly number[]> {
  const signal = presence.gone;
  const candidates = candidatesOf(folder);
  const matched: number[] = [];
  let found: Found = new Map();
  /** @returns whether the message is still undecided */
  const judge: Judge = (uid, seen) => {
    const candidate = candidates(uid, found);
    const result = candidate === undefined ? false : matches(key, { ...candidate, ...seen });
    if (result === true) matched.push(uid);
    return result === undefined;
  };
  const slice = new TimeSlice(signal);
  let open = await inQuestion([...folder.uids], judge, slice);
  if (open.length === 0) return matched;
  found = await foundByStore(folder.open, key, signal);
  if (found.size > 0) open = await inQuestion(open, judge, slice);
  const fields = headerFieldsAsked(key);
  if (fields.length > 0) open = await byHeaders(folder.open, open, { fields, signal, judge, slice });
  await byContents(folder.open, open, { signal, judge, slice });
  return matched.sort((a, b) => a - b);
}

function candidatesOf(folder: SelectedFolder): (uid: number, found: Found) => Candidate | undefined {
  // Each set is prepared once for all messages; its numbers are never expanded into a list.
  const sets = new Map<SearchKey, Membership>();
  const now = Date.now();
  const saved = new Set(folder.saved);
  const named = (key: NumbersKey, uid: number): boolean => {
    const { set, byUid } = key;
    if (set === 'saved') return saved.has(uid);
    let names = sets.get(key);
    if (names === undefined) {
      names = membership(set, byUid ? folder.uids.at(-1) : folder.uids.length);
      sets.set(key, names);
    }
    return names(byUid ? uid : folder.sequenceNumber(uid));
  };
  return (uid, found) => {
    const message = folder.get(uid);
    if (message === undefined) return undefined;
    return {
      ...{ message, now, recent: folder.isRecent(uid), emailId: () => folder.emailId(uid) },
      named: (key) => named(key, uid),
      found: (key) => found.get(key)?.has(uid),
    };
  };
}

/** Runs the store's own search, once for each text. */
async function foundByStore(open: OpenFolder, key: SearchKey, signal: AbortSignal): Promise<Found> {
  const found = new Map<TextKey, ReadonlySet<number>>();
  if (open.searchText === undefined) return found;
  for (const each of everyKey(key)) {
    if (each.kind !== 'body' && each.kind !== 'text') continue;
    const uids = await open.searchText(each.kind, each.text, signal);
    if (uids !== undefined) found.set(each, uids);
  }
  return found;
}

/** Names of the header fields that keys examine. */
function headerFieldsAsked(key: SearchKey): readonly string[] {
  const fields: string[] = [];
  for (const each of everyKey(key)) {
    if (each.kind === 'sent') fields.push('Date');
    else if (each.kind === 'header' || each.kind === 'address') fields.push(each.field);
  }
  return fields;
}

type Judge = (uid: number, seen: Pick<Candidate, 'header' | 'parsed'>) => boolean;

/** What is needed to judge messages. */
interface Judging {
  readonly signal: AbortSignal;
  readonly judge: Judge;
  readonly slice: TimeSlice;
}

/** @returns those that cannot be decided from what is known of them */
async function inQuestion(uids: readonly number[], judge: Judge, slice: TimeSlice): Promise<number[]> {
  const left: number[] = [];
  for (const uid of uids) {
    if (judge(uid, {})) left.push(uid);
    if (slice.isOver) await slice.next();
  }
  return left;
}

/** @returns those that their header does not decide */
async function byHeaders(
  open: OpenFolder,
  uids: readonly number[],
  { fields, signal, judge, slice }: Judging & { readonly fields: readonly string[] },
) {
  const left: number[] = [];
  if (uids.length === 0) return left;
  for await (const { uid, header } of open.headers(uids, signal, fields)) {
    signal.throwIfAborted();
    if (judge(uid, { header: await FetchedMessage.ofHeader(header).header() })) left.push(uid);
    if (slice.isOver) await slice.next();
  }
  return left;
}

async function byContents(open: OpenFolder, uids: readonly number[], { signal, judge, slice }: Judging) {
  if (uids.length === 0) return;
  for await (const { uid, content } of open.contents(uids, signal)) {
    const message = FetchedMessage.ofContent(content);
    try {
      signal.throwIfAborted();
      const parsed = await message.parsed();
      judge(uid, { parsed, header: parsed.root.header });
      if (slice.isOver) await slice.next();
    } finally {
      message.release();
    }
  }
}
