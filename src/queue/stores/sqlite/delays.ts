import type { QueuedMessage } from '../../message.ts';
import type { AttemptResult } from '../../store.ts';
import { insertBounce } from './outcome.ts';
import type { Statements } from './statements.ts';

/** Finds what {@link QueueStore.delayed} asks for. Only queued messages are looked at, by the index of what is due. */
export const delayedMessages = `
  SELECT * FROM messages WHERE state = 'queued' AND delay_told = 0 AND is_bounce = 0 AND received_at < ?
  ORDER BY +id LIMIT ?`;

/** Notes that the sender knows of a delay; within a transaction. @returns the warning as queued, if there is one */
export function noteDelayTold(db: Statements, id: string, warning: AttemptResult['bounce']): QueuedMessage | undefined {
  const { changes } = db
    .sql(`UPDATE messages SET delay_told = 1 WHERE id = ? AND state = 'queued' AND delay_told = 0`)
    .run(id);
  // Settled or held meanwhile: what the warning says would no longer be true.
  return changes > 0 && warning ? insertBounce(db, warning) : undefined;
}
