import { TimeSlice } from '../../base/turns/time-slice.ts';
import type { FlagsOutcome } from '../../mailbox/mail-store.ts';
import { command, type ImapCompletion, type ImapContext } from '../command.ts';
import { ImapReply, ImapSyntaxError } from '../reply.ts';
import type { SelectedFolder } from '../selected/selected-folder.ts';
import type { Scanner } from '../wire/scanner.ts';
import { formatSequenceSet, type MessageSet } from '../wire/sequence-set.ts';
import { deletedText, messagesNamed } from './message-set.ts';

interface StoreArguments {
  readonly set: MessageSet;
  readonly how: 'add' | 'remove' | 'replace';
  readonly silent: boolean;
  readonly flags: readonly string[];
  readonly unchangedSince: number | undefined;
}

/** RFC 9051 section 6.4.6, with the condition of RFC 7162 section 3.1.3. */
export const store = command(parseStore, async (context, parsed, { byUid }): Promise<ImapCompletion> => {
  const { folder } = context;
  if (folder.open.readOnly) throw new ImapReply('NO', 'The folder was opened to read only.', { code: 'READ-ONLY' });
  const { set, how, flags, silent, unchangedSince } = parsed;
  if (unchangedSince !== undefined) context.enable(['CONDSTORE']);
  const uids = messagesNamed(folder, set, byUid);
  const outcome = await folder.open.setFlags(uids, how, flags, unchangedSince);
  await tellChanged(context, outcome, silent, byUid);
  const missing = uids.length > outcome.changed.size + outcome.modified.length;
  const { modified } = outcome;
  return {
    // RFC 2180 section 4.2: somebody else has removed messages, and the client does not know yet.
    ...(missing && !silent && !byUid
      ? { text: deletedText, code: 'EXPUNGEISSUED', refused: true }
      : { text: 'STORE completed.' }),
    ...(modified.length > 0 && { text: 'Some have changed meanwhile.', code: modifiedCode(folder, modified, byUid) }),
    holdExpunges: !byUid,
  };
});

async function tellChanged(
  { folder, out, enabled }: ImapContext,
  { changed }: FlagsOutcome,
  silent: boolean,
  byUid: boolean,
): Promise<void> {
  const slice = new TimeSlice();
  for (const [uid, now] of changed) {
    if (slice.isOver) await slice.next();
    folder.setFlags(uid, now);
    if (!silent) folder.tellMessageFlags(uid, out, byUid || enabled.qresync);
    // RFC 7162 section 3.1.3: MODSEQ is sent even if the client asked for .SILENT.
    else if (enabled.condstore) {
      const uidItem = byUid || enabled.qresync ? `UID ${uid} ` : '';
      out.untagged(`${folder.sequenceNumber(uid)} FETCH (${uidItem}MODSEQ (${now.modseq}))`);
    }
    await out.drained();
  }
}

function modifiedCode(folder: SelectedFolder, uids: readonly number[], byUid: boolean): string {
  return `MODIFIED ${formatSequenceSet(byUid ? uids : uids.map((uid) => folder.sequenceNumber(uid)))}`;
}

function parseStore(scanner: Scanner): StoreArguments {
  scanner.space();
  const set = scanner.messageSet();
  scanner.space();
  const unchangedSince = scanner.ahead('(') ? parseModifier(scanner) : undefined;
  const how = scanner.try('+') ? 'add' : scanner.try('-') ? 'remove' : 'replace';
  const item = scanner.word();
  if (item !== 'FLAGS' && item !== 'FLAGS.SILENT') throw new ImapSyntaxError('STORE changes only FLAGS.');
  scanner.space();
  return { set, how, silent: item === 'FLAGS.SILENT', flags: parseFlags(scanner), unchangedSince };
}

function parseModifier(scanner: Scanner): number {
  scanner.expect('(');
  if (scanner.word() !== 'UNCHANGEDSINCE') throw new ImapSyntaxError('Unknown STORE modifier.');
  scanner.space();
  const modseq = scanner.modseq();
  scanner.expect(')');
  scanner.space();
  return modseq;
}

function parseFlags(scanner: Scanner): string[] {
  const flags = scanner.ahead('(') ? scanner.list(() => scanner.flag()) : [scanner.flag()];
  while (scanner.trySpace()) flags.push(scanner.flag());
  // Sessions set it, not clients (RFC 3501 section 2.3.2).
  if (flags.some((flag) => flag.toLowerCase() === '\\recent')) throw new ImapSyntaxError('\\Recent cannot be stored.');
  return flags;
}
