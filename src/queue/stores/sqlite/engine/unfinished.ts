import type { UnfinishedAttempt } from '../../../message.ts';
import type { AttemptStart, SentCount } from '../../../store.ts';
import type { Statements } from './statements.ts';

/** No attempt is under way for longer: one that began this long before a time has ended before it. */
export const longestAttemptMs = 3_600_000;

/** Records that an attempt on a message is under way; within a transaction. */
export function beginUnfinished(db: Statements, id: string, { courier, startedAtMs }: AttemptStart): void {
  db.sql('INSERT OR REPLACE INTO unfinished (message_id, courier, started_at) VALUES (?, ?, ?)').run(
    id,
    courier,
    Math.round(startedAtMs),
  );
}

export function endUnfinished(db: Statements, id: string): void {
  db.sql('DELETE FROM unfinished WHERE message_id = ?').run(id);
}

/** See {@link QueueStore.cancelAttempt}; within a transaction. */
export function restoreUnfinished(db: Statements, id: string, before: UnfinishedAttempt | undefined): void {
  if (!before) {
    endUnfinished(db, id);
    return;
  }
  db.sql(
    `INSERT OR REPLACE INTO unfinished (message_id, courier, started_at)
     SELECT id, ?, ? FROM messages WHERE id = ?`,
  ).run(before.courier ?? null, Math.round(before.startedAtMs), id);
}

/** See {@link QueueStore.sentSince}: for one destination, or a range of them. */
export function unfinishedCounts(
  db: Statements,
  [from, to]: readonly [string, string],
  sinceMs: number,
  nowMs: number,
): SentCount[] {
  // CROSS JOIN fixes the order: few attempts are unfinished, and SQLite would otherwise read through all messages,
  // delivered ones too.
  return db
    .sql(
      `SELECT json_array_length(recipients) AS recipients, started_at,
         min(?, started_at + ${longestAttemptMs}) AS ended_at
       FROM unfinished CROSS JOIN messages ON id = message_id WHERE lane >= ? AND lane <= ? AND started_at >= ?`,
    )
    .all(nowMs, from, to, sinceMs - longestAttemptMs)
    .map((row) => ({
      startedAtMs: row.started_at as number,
      endedAtMs: row.ended_at as number,
      recipients: row.recipients as number,
      external: 0,
    }));
}
