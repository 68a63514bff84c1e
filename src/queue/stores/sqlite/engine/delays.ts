import type { Notice, QueuedMessage } from '../../../message.ts';
import { messageColumns } from '../../rows.ts';
import { insertNotice } from './outcome.ts';
import type { Statements } from './statements.ts';

/** Finds messages for {@link QueueStore.delayed}. Only looks at queued messages, through the index of what is due. */
export const delayedMessages = `
  SELECT ${messageColumns} WHERE state = 'queued' AND delay_told = 0 AND is_bounce = 0 AND received_at < ?
    AND id > ?
  ORDER BY +id LIMIT ?`;

/** Records that the sender knows of a delay; within a transaction. @returns the warning as queued, if there is one */
export function noteDelayTold(db: Statements, id: string, warning: Notice | undefined): QueuedMessage | undefined {
  const { changes } = db
    .sql(`UPDATE messages SET delay_told = 1 WHERE id = ? AND state = 'queued' AND delay_told = 0`)
    .run(id);
  // Settled or held meanwhile: the warning would no longer be true.
  return changes > 0 && warning ? insertNotice(db, warning) : undefined;
}
