import type { Transferred } from '../../mailbox/mail-store.ts';
import { command, type ImapCompletion, type ImapContext } from '../command.ts';
import { ImapReply } from '../reply.ts';
import type { Scanner } from '../wire/scanner.ts';
import { formatSequenceSet, type MessageSet } from '../wire/sequence-set.ts';
import { tryCreate } from './append.ts';
import { expungeIssued, messagesNamed } from './message-set.ts';

/** COPY (RFC 9051 section 6.4.7, with the code of RFC 4315). */
export const copy = command(parseCopy, async (context, { set, target }, { byUid }): Promise<ImapCompletion> => {
  const uids = messagesToTake(context, set, byUid);
  const code = copyUid(await tryCreate(() => context.folder.open.copy(uids, target)));
  return { text: 'COPY completed.', ...(code !== undefined && { code }) };
});

/** MOVE (RFC 9051 section 6.4.8). The code precedes the EXPUNGE responses, in a response of its own. */
export const move = command(parseCopy, async (context, { set, target }, { byUid }): Promise<ImapCompletion> => {
  const { folder, out, enabled } = context;
  if (folder.open.readOnly) throw new ImapReply('NO', 'The folder was opened to read only.', { code: 'READ-ONLY' });
  const uids = messagesToTake(context, set, byUid);
  const transferred = await tryCreate(() => folder.open.move(uids, target));
  const code = copyUid(transferred);
  if (code !== undefined) out.untagged(`OK [${code}] Moved.`);
  folder.markRemoved(transferred.from);
  const highest = () => (enabled.qresync ? `HIGHESTMODSEQ ${folder.toldModseq}` : undefined);
  return { text: 'MOVE completed.', code: highest };
});

/** COPY copies all messages or none (RFC 9051 section 6.4.7): none if the client names one that is gone. */
function messagesToTake({ folder }: ImapContext, set: MessageSet, byUid: boolean): number[] {
  const uids = messagesNamed(folder, set, byUid);
  if (!byUid && uids.some((uid) => folder.isRemoved(uid))) throw expungeIssued();
  return uids;
}

function parseCopy(scanner: Scanner): { set: MessageSet; target: string } {
  scanner.space();
  const set = scanner.messageSet();
  scanner.space();
  return { set, target: scanner.mailbox() };
}

function copyUid({ uidValidity, from, to }: Transferred): string | undefined {
  if (from.length === 0) return undefined;
  return `COPYUID ${uidValidity} ${formatSequenceSet(from)} ${formatSequenceSet(to)}`;
}
