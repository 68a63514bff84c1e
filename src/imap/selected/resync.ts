import { TimeSlice } from '../../base/turns/time-slice.ts';
import type { ImapWriter } from '../wire/response-writer.ts';
import { formatGaps, formatSequenceSet, type SequenceSet, selectNumbers } from '../wire/sequence-set.ts';
import type { KnownState } from './parameters.ts';
import type { SelectedFolder } from './selected-folder.ts';

/** `* VANISHED (EARLIER) …`: messages removed since a mod-sequence (RFC 7162 section 3.2.10.1). */
export async function tellVanished(
  folder: SelectedFolder,
  modseq: number,
  known: SequenceSet | undefined,
  out: ImapWriter,
): Promise<void> {
  const removed = await folder.open.removedSince(modseq);
  const gone = (uid: number): boolean => folder.get(uid) === undefined;
  const vanished =
    removed === undefined
      ? // If removals are no longer remembered, everything that is absent counts as removed.
        formatGaps(folder.uids, known ?? everyUid, folder.open.uidNext - 1)
      : formatSequenceSet((known === undefined ? removed : selectNumbers(known, removed)).filter(gone));
  if (vanished !== '') out.untagged(`VANISHED (EARLIER) ${vanished}`);
}

const everyUid: SequenceSet = [{ from: 1, to: Number.POSITIVE_INFINITY }];

/** Sends the changes since the state a client remembers. */
export async function tellNews(folder: SelectedFolder, known: KnownState, out: ImapWriter): Promise<void> {
  await tellVanished(folder, known.modseq, known.uids, out);
  const asked = known.uids === undefined ? folder.uids : selectNumbers(known.uids, folder.uids);
  const slice = new TimeSlice();
  for (const uid of asked) {
    if (slice.isOver) await slice.next();
    if ((folder.get(uid)?.modseq ?? 0) <= known.modseq) continue;
    folder.tellMessageFlags(uid, out, true);
    await out.drained();
  }
}
