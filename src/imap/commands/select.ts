import { command } from '../command.ts';
import { SelectedFolder } from '../selected-folder.ts';
import type { ImapWriter } from '../wire/response-writer.ts';
import type { Scanner } from '../wire/scanner.ts';

const flags = '\\Seen \\Answered \\Flagged \\Deleted \\Draft';

/** SELECT and EXAMINE (RFC 9051 sections 6.3.2 and 6.3.3). */
export const select = command(parseName, async (context, folderName, { name }) => {
  // A folder is left even where the next one cannot be entered.
  await context.select(undefined);
  const folder = await SelectedFolder.of(await context.store.open(folderName, { readOnly: name === 'EXAMINE' }));
  await context.select(folder);
  describe(folder, context.out);
  return { text: `${name} completed.`, code: folder.open.readOnly ? 'READ-ONLY' : 'READ-WRITE' };
});

function parseName(scanner: Scanner): string {
  scanner.space();
  return scanner.mailbox();
}

function describe(folder: SelectedFolder, out: ImapWriter): void {
  const firstUnseen = folder.uids.findIndex((uid) => !folder.get(uid)?.flags.includes('\\Seen'));
  out.untagged(`${folder.uids.length} EXISTS`);
  out.untagged('0 RECENT');
  out.untagged(`FLAGS (${flags})`);
  out.untagged(`OK [PERMANENTFLAGS (${folder.open.readOnly ? '' : `${flags} \\*`})] Permanent flags`);
  if (firstUnseen >= 0) out.untagged(`OK [UNSEEN ${firstUnseen + 1}] Is the first unseen message`);
  out.untagged(`OK [UIDVALIDITY ${folder.open.uidValidity}] UIDVALIDITY value`);
  out.untagged(`OK [UIDNEXT ${folder.open.uidNext}] The next unique identifier value`);
}
