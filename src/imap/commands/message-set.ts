import { ImapReply } from '../reply.ts';
import type { SelectedFolder } from '../selected/selected-folder.ts';
import type { MessageSet } from '../wire/sequence-set.ts';

/**
 * Returns the UIDs that a command's message set names. UIDs that do not exist are ignored; sequence numbers that do not
 * exist are an error (RFC 9051 section 6.4.9 and the grammar's seq-number).
 */
export function messagesNamed(folder: SelectedFolder, set: MessageSet, byUid: boolean): number[] {
  if (!byUid && set !== 'saved' && folder.exceeds(set)) {
    throw new ImapReply('BAD', 'The specified message set is invalid.');
  }
  return folder.resolve(set, byUid);
}

/** Reply for messages that somebody else has deleted; some clients recognize the words "have been deleted". */
export const deletedText = 'Some of the messages have been deleted.';

/** Reply to a command that refers to messages removed by somebody else, before the client has been told. */
export function expungeIssued(): ImapReply {
  return new ImapReply('NO', deletedText, { code: 'EXPUNGEISSUED' });
}
