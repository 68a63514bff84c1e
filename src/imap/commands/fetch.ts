import { MailStoreError, type MessageSummary } from '../../mailbox/mail-store.ts';
import { command, type ImapCompletion, type ImapContext } from '../command.ts';
import { type FetchItem, parseFetchItems } from '../fetch/items.ts';
import { FetchedMessage } from '../fetch/message-source.ts';
import { respondToFetch } from '../fetch/respond.ts';
import { ImapReply } from '../reply.ts';
import type { Scanner } from '../wire/scanner.ts';
import type { SequenceSet } from '../wire/sequence-set.ts';
import { messagesNamed } from './message-set.ts';

/** RFC 9051 section 6.4.5. */
export const fetch = command(parseFetch, async (context, { set, items }, { byUid }): Promise<ImapCompletion> => {
  const wanted = byUid && !items.some(({ kind }) => kind === 'UID') ? [{ kind: 'UID' as const }, ...items] : items;
  let gone = 0;
  for (const uid of messagesNamed(context.folder, set, byUid)) {
    context.presence.gone.throwIfAborted();
    const message = context.folder.get(uid);
    if (message === undefined) continue;
    if (!(await fetchOne(context, message, wanted))) gone++;
  }
  // RFC 2180 section 4.1.2: what another session has removed meanwhile.
  if (gone > 0) throw new ImapReply('NO', 'Some of the messages are gone.', { code: 'EXPUNGEISSUED' });
  return { text: 'FETCH completed.', holdExpunges: !byUid };
});

function parseFetch(scanner: Scanner): { set: SequenceSet; items: readonly FetchItem[] } {
  scanner.space();
  const set = scanner.sequenceSet();
  scanner.space();
  return { set, items: parseFetchItems(scanner) };
}

/** @returns false if the message is gone */
async function fetchOne(context: ImapContext, message: MessageSummary, items: readonly FetchItem[]): Promise<boolean> {
  const { folder, out } = context;
  try {
    const nowSeen = await markSeen(context, message, items);
    const shown =
      nowSeen && !items.some(({ kind }) => kind === 'FLAGS') ? [...items, { kind: 'FLAGS' as const }] : items;
    const source = new FetchedMessage(folder.open, message.uid);
    const current = folder.get(message.uid) ?? message;
    await respondToFetch(out, folder.sequenceNumber(message.uid), current, source, shown);
    return true;
  } catch (error) {
    if (error instanceof MailStoreError && error.code === 'no-such-message') return false;
    throw error;
  }
}

/** A section fetched without PEEK makes the message seen. @returns whether it was not before */
async function markSeen({ folder }: ImapContext, message: MessageSummary, items: readonly FetchItem[]) {
  const reads = items.some((item) => item.kind === 'SECTION' && !item.peek);
  if (!reads || folder.open.readOnly || message.flags.includes('\\Seen')) return false;
  const changed = await folder.open.setFlags([message.uid], 'add', ['\\Seen']);
  for (const [uid, flags] of changed) folder.setFlags(uid, flags);
  return changed.size > 0;
}
