import type { QueuedMessage } from '../../../message.ts';
import type { GivenUp } from '../../../store.ts';
import { messageColumns } from '../../rows.ts';
import { insertNotice } from './outcome.ts';
import type { Statements } from './statements.ts';

/** Finds messages for {@link QueueStore.expired}, through the index of what is due. */
export const expiredMessages = `
  SELECT ${messageColumns} WHERE state = 'queued' AND connection = ? AND expires_at <= ? AND id > ?
  ORDER BY +id LIMIT ?`;

/** Gives a message up without an attempt; within a transaction. @returns the bounces as queued */
export function giveUp(db: Statements, id: string, given: GivenUp): readonly QueuedMessage[] {
  const { changes } = db
    .sql(`UPDATE messages SET state = 'failed', recipients = ?, finished_at = ? WHERE id = ? AND state = 'queued'`)
    .run(JSON.stringify(given.recipients), Math.round(given.finishedAtMs), id);
  return changes > 0 ? (given.bounces ?? []).map((bounce) => insertNotice(db, bounce)) : [];
}
