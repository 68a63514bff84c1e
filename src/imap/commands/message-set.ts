import { ImapReply } from '../reply.ts';
import type { SelectedFolder } from '../selected/selected-folder.ts';
import type { MessageSet } from '../wire/sequence-set.ts';

/**
 * The UIDs a command's message set names. UIDs that do not exist are passed over; sequence numbers that do not
 * exist are an error (RFC 9051 section 6.4.9 and the grammar's seq-number).
 */
export function messagesNamed(folder: SelectedFolder, set: MessageSet, byUid: boolean): number[] {
  if (!byUid && set !== 'saved' && folder.exceeds(set)) {
    throw new ImapReply('BAD', 'The specified message set is invalid.');
  }
  return folder.resolve(set, byUid);
}

/** Of messages that somebody else has deleted; some clients know the words "have been deleted". */
export const deletedText = 'Some of the messages have been deleted.';

/** What refers to messages that somebody else has removed and the client has not been told of. */
export function expungeIssued(): ImapReply {
  return new ImapReply('NO', deletedText, { code: 'EXPUNGEISSUED' });
}
