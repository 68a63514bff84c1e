import { TimeSlice } from '../../base/turns/time-slice.ts';
import { MailStoreError, type MessageContent } from '../../mailbox/mail-store.ts';
import { type CommandCall, command, type ImapCompletion, type ImapContext } from '../command.ts';
import {
  type FetchItem,
  headerFieldsNeeded,
  makesSeen,
  parseFetchItems,
  partNeeded,
  type SectionItem,
} from '../fetch/items.ts';
import { FetchedMessage } from '../fetch/message-source.ts';
import { type FetchModifiers, parseFetchModifiers } from '../fetch/modifiers.ts';
import { respondToFetch } from '../fetch/respond.ts';
import { ImapReply, ImapSyntaxError } from '../reply.ts';
import { tellVanished } from '../selected/resync.ts';
import type { Scanner } from '../wire/scanner.ts';
import type { MessageSet } from '../wire/sequence-set.ts';
import { expungeIssued, messagesNamed } from './message-set.ts';

interface FetchArguments extends FetchModifiers {
  readonly set: MessageSet;
  readonly items: readonly FetchItem[];
}

/** Number of messages marked \Seen at once, before they are sent. */
const pageSize = 100;

/** RFC 9051 section 6.4.5, with the modifiers of RFC 7162 sections 3.1.4 and 3.2.6. */
export const fetch = command(parseFetch, async (context, parsed, { byUid }): Promise<ImapCompletion> => {
  const { folder, enabled } = context;
  const { set, changedSince, vanished } = parsed;
  if (vanished && !enabled.qresync) throw new ImapReply('BAD', 'ENABLE QRESYNC comes before VANISHED.');
  if (changedSince !== undefined || parsed.items.some(({ kind }) => kind === 'MODSEQ')) context.enable(['CONDSTORE']);
  const items = itemsToTell(parsed, byUid);
  const named = messagesNamed(folder, set, byUid);
  if (vanished && changedSince !== undefined && set !== 'saved') {
    await tellVanished(folder, changedSince, set, context.out);
  }
  const wanted = changedSince === undefined ? named : named.filter((uid) => modseqOf(context, uid) > changedSince);
  const failures: ImapReply[] = [];
  const atOnce = items.some(makesSeen) ? pageSize : wanted.length;
  for (let at = 0; at < wanted.length; at += atOnce) {
    await fetchPage(context, wanted.slice(at, at + atOnce), items, failures);
  }
  if (failures[0] !== undefined) throw failures[0];
  return { text: 'FETCH completed.', holdExpunges: !byUid };
});

function parseFetch(scanner: Scanner, { byUid }: CommandCall): FetchArguments {
  scanner.space();
  const set = scanner.messageSet();
  scanner.space();
  const items = parseFetchItems(scanner);
  const modifiers = parseFetchModifiers(scanner);
  if (modifiers.vanished && (!byUid || modifiers.changedSince === undefined)) {
    throw new ImapSyntaxError('VANISHED needs UID FETCH and CHANGEDSINCE.');
  }
  return { set, items, ...modifiers };
}

/** UID and MODSEQ are sent if the command implies them. */
function itemsToTell({ items, changedSince }: FetchArguments, byUid: boolean): readonly FetchItem[] {
  const asks = (kind: FetchItem['kind']): boolean => items.some((item) => item.kind === kind);
  return [
    ...(byUid && !asks('UID') ? [{ kind: 'UID' as const }] : []),
    ...items,
    ...(changedSince !== undefined && !asks('MODSEQ') ? [{ kind: 'MODSEQ' as const }] : []),
  ];
}

function modseqOf({ folder }: ImapContext, uid: number): number {
  return folder.get(uid)?.modseq ?? 0;
}

async function fetchPage(
  context: ImapContext,
  uids: readonly number[],
  items: readonly FetchItem[],
  failures: ImapReply[],
): Promise<void> {
  const nowSeen = await markSeen(context, uids, items);
  let answered = 0;
  const slice = new TimeSlice(context.presence.gone);
  for await (const { uid, source, shown } of sourcesOf(context, uids, items)) {
    context.presence.gone.throwIfAborted();
    answered++;
    if (slice.isOver) await slice.next();
    try {
      await fetchOne(context, uid, source, nowSeen.has(uid) ? withFlags(context, shown) : shown);
    } catch (error) {
      if (!isOneMessagesFailure(error)) throw error;
      if (failures.length === 0) failures.push(error instanceof ImapReply ? error : expungeIssued());
    } finally {
      source.release();
    }
  }
  // RFC 2180 section 4.1.2: another session has removed messages meanwhile.
  if (answered < uids.length) failures.push(expungeIssued());
}

function isOneMessagesFailure(error: unknown): boolean {
  return error instanceof ImapReply || (error instanceof MailStoreError && error.code === 'no-such-message');
}

interface Sourced {
  readonly uid: number;
  readonly source: FetchedMessage;
  readonly shown: readonly FetchItem[];
}

/** The messages with as much content as the items need, requested in bulk; messages that are gone are left out. */
async function* sourcesOf(
  { folder, presence }: ImapContext,
  uids: readonly number[],
  items: readonly FetchItem[],
): AsyncGenerator<Sourced> {
  const needed = items.filter((item) => partNeeded(item) !== 'none');
  const [only] = needed;
  if (needed.length === 0) {
    for (const uid of uids) yield { uid, source: FetchedMessage.withoutContent(), shown: items };
  } else if (needed.every((item) => partNeeded(item) === 'header')) {
    for await (const { uid, header } of folder.open.headers(uids, presence.gone, headerFieldsNeeded(needed))) {
      yield { uid, source: FetchedMessage.ofHeader(header), shown: items };
    }
  } else if (needed.length === 1 && only?.kind === 'SECTION' && isRangeOfWhole(only)) {
    const shown = items.map((item) => (item === only ? { ...only, rangeGiven: true as const } : item));
    for (const uid of uids) {
      const content = await contentUnlessGone(() => folder.open.content(uid, only.range));
      if (content !== undefined) yield { uid, source: FetchedMessage.ofContent(content), shown };
    }
  } else {
    for await (const { uid, content } of folder.open.contents(uids, presence.gone)) {
      yield { uid, source: FetchedMessage.ofContent(content), shown: items };
    }
  }
}

function isRangeOfWhole({ section, range }: SectionItem): boolean {
  return range !== undefined && section.path.length === 0 && section.what === 'ALL';
}

async function contentUnlessGone(read: () => Promise<MessageContent>): Promise<MessageContent | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof MailStoreError && error.code === 'no-such-message') return undefined;
    throw error;
  }
}

async function fetchOne(
  { folder, out }: ImapContext,
  uid: number,
  source: FetchedMessage,
  items: readonly FetchItem[],
): Promise<void> {
  const message = folder.get(uid);
  if (message !== undefined) await respondToFetch(out, folder, message, source, items);
}

function withFlags({ enabled }: ImapContext, items: readonly FetchItem[]): readonly FetchItem[] {
  const asks = (kind: FetchItem['kind']): boolean => items.some((item) => item.kind === kind);
  return [
    ...items,
    ...(asks('FLAGS') ? [] : [{ kind: 'FLAGS' as const }]),
    ...(enabled.condstore && !asks('MODSEQ') ? [{ kind: 'MODSEQ' as const }] : []),
  ];
}

/** Marks messages as seen if a section is fetched without PEEK. @returns those that were unseen before */
async function markSeen({ folder }: ImapContext, uids: readonly number[], items: readonly FetchItem[]) {
  if (folder.open.readOnly || !items.some(makesSeen)) return new Set<number>();
  const unseen = uids.filter((uid) => folder.get(uid)?.flags.includes('\\Seen') === false);
  if (unseen.length === 0) return new Set<number>();
  const { changed } = await folder.open.setFlags(unseen, 'add', ['\\Seen']);
  for (const [uid, now] of changed) folder.setFlags(uid, now);
  return new Set(changed.keys());
}
