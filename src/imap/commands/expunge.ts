import { command } from '../command.ts';
import type { SelectedFolder } from '../selected-folder.ts';

/** EXPUNGE and UID EXPUNGE (RFC 9051 sections 6.4.3 and 6.4.9). The responses follow by themselves. */
export const expunge = command(
  (scanner, { byUid }) => {
    if (!byUid) return undefined;
    scanner.space();
    return scanner.sequenceSet();
  },
  async (context, set) => {
    const { folder } = context;
    const uids = set === undefined ? folder.uids : folder.resolve(set, true);
    folder.markRemoved(await folder.open.remove(deletedAmong(folder, uids)));
    return { text: 'EXPUNGE completed.' };
  },
);

/** Those of `uids` that carry \Deleted. */
export function deletedAmong(folder: SelectedFolder, uids: readonly number[]): number[] {
  return uids.filter((uid) => folder.get(uid)?.flags.includes('\\Deleted'));
}
