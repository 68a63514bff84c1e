import { command } from '../command.ts';
import { ImapReply } from '../reply.ts';
import type { SelectedFolder } from '../selected/selected-folder.ts';

/** EXPUNGE and UID EXPUNGE (RFC 9051 sections 6.4.3 and 6.4.9). The responses are sent after the command. */
export const expunge = command(
  (scanner, { byUid }) => {
    if (!byUid) return undefined;
    scanner.space();
    return scanner.messageSet();
  },
  async ({ folder, enabled }, set) => {
    if (folder.open.readOnly) throw new ImapReply('NO', 'The folder was opened to read only.', { code: 'READ-ONLY' });
    const uids = set === undefined ? folder.uids : folder.resolve(set, true);
    folder.markRemoved(await folder.open.remove(deletedAmong(folder, uids)));
    // RFC 7162 section 3.2.7.
    const highest = () => (enabled.qresync ? `HIGHESTMODSEQ ${folder.toldModseq}` : undefined);
    return { text: 'EXPUNGE completed.', code: highest };
  },
);

/** The members of `uids` that carry \Deleted. */
export function deletedAmong(folder: SelectedFolder, uids: readonly number[]): number[] {
  return uids.filter((uid) => folder.get(uid)?.flags.includes('\\Deleted'));
}
