import { messageStates } from '../../../message.ts';
import type { QueueFilter, QueueTotal } from '../../../store.ts';
import { filterCondition } from './filter.ts';
import type { Statements } from './statements.ts';

/** Sums for each mailbox and state, in that order. */
export function totalsOf(db: Statements, filter: QueueFilter): QueueTotal[] {
  const { sql, values } = filterCondition(filter);
  const rows = db
    .sql(
      `SELECT min(mailbox) AS mailbox, state, count(*) AS messages, sum(size) AS octets, min(received_at) AS oldest
       FROM messages WHERE ${sql} GROUP BY lower(mailbox), state ORDER BY lower(mailbox), state`,
    )
    .all(...values);
  return rows.map((row) => ({
    mailbox: row.mailbox as string,
    state: messageStates.find((each) => each === row.state) ?? 'quarantined',
    messages: row.messages as number,
    octets: row.octets as number,
    oldestReceivedAtMs: row.oldest as number,
  }));
}
