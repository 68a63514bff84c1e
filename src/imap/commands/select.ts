import { command, type ImapContext } from '../command.ts';
import { ImapReply } from '../reply.ts';
import { parseSelectParameters, type SelectParameters } from '../selected/parameters.ts';
import { tellNews } from '../selected/resync.ts';
import { SelectedFolder } from '../selected/selected-folder.ts';
import { formatString } from '../wire/format.ts';
import type { Scanner } from '../wire/scanner.ts';

interface SelectArguments extends SelectParameters {
  readonly folderName: string;
}

/** SELECT and EXAMINE (RFC 9051 sections 6.3.2 and 6.3.3, RFC 7162 sections 3.1.8 and 3.2.5). */
export const select = command(parseSelect, async (context, { folderName, condstore, known }, { name }) => {
  if (known !== undefined && !context.enabled.qresync) throw new ImapReply('BAD', 'ENABLE QRESYNC comes first.');
  const { enabled, store, out } = context;
  const before = context.state === 'selected';
  // The current folder is left even if the next one cannot be entered.
  await context.select(undefined);
  // Responses for the previous folder end here (RFC 9051 section 7.1, CLOSED).
  if (before && (enabled.qresync || enabled.rev2)) out.untagged('OK [CLOSED] The folder before is left.');
  const signal = context.presence.gone;
  const open = await store.open(folderName, { readOnly: name === 'EXAMINE', isWatched: true, signal });
  const folder = await SelectedFolder.of(open, enabled, signal);
  if (condstore) context.enable(['CONDSTORE']);
  await context.select(folder);
  describe(context, folder);
  if (known !== undefined && known.uidValidity === open.uidValidity) await tellNews(folder, known, out);
  return { text: `${name} completed.`, code: open.readOnly ? 'READ-ONLY' : 'READ-WRITE' };
});

function parseSelect(scanner: Scanner): SelectArguments {
  scanner.space();
  const folderName = scanner.mailbox();
  return { folderName, ...parseSelectParameters(scanner) };
}

function describe(context: ImapContext, folder: SelectedFolder): void {
  const { out, enabled } = context;
  const { open } = folder;
  const firstUnseen = folder.uids.findIndex((uid) => !folder.get(uid)?.flags.includes('\\Seen'));
  out.untagged(`${folder.uids.length} EXISTS`);
  if (!enabled.rev2) out.untagged(`${folder.recentCount} RECENT`);
  folder.tellFlags(out);
  folder.tellPermanentFlags(out);
  if (firstUnseen >= 0) out.untagged(`OK [UNSEEN ${firstUnseen + 1}] Is the first unseen message`);
  out.untagged(`OK [UIDVALIDITY ${open.uidValidity}] UIDVALIDITY value`);
  out.untagged(`OK [UIDNEXT ${open.uidNext}] The next unique identifier value`);
  if (enabled.condstore || context.announces('CONDSTORE')) {
    out.untagged(`OK [HIGHESTMODSEQ ${folder.modseqAtSelect}] Highest mod-sequence`);
  }
  if (context.announces('OBJECTID')) out.untagged(`OK [MAILBOXID (${open.id})] Its id`);
  // RFC 9051 section 6.3.2.
  if (enabled.rev2) out.untagged(`LIST () ${formatString(context.store.delimiter)} ${out.mailbox(open.name)}`);
}
