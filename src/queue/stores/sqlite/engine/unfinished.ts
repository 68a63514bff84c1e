import type { UnfinishedAttempt } from '../../../message.ts';
import type { AttemptStart, SentCount } from '../../../store.ts';
import type { Statements } from './statements.ts';

/** An attempt is not under way for longer than that: one that began so long before a time has ended before it. */
export const longestAttemptMs = 3_600_000;

/** Notes that an attempt on a message is under way; within a transaction. */
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

/**
 * See {@link QueueStore.sentSince}: of one destination, or of all from one to another. CROSS JOIN, for SQLite: the few that are
 * unfinished come first; else it reads through all messages, delivered ones too.
 */
export function unfinishedCounts(
  db: Statements,
  [from, to]: readonly [string, string],
  sinceMs: number,
  nowMs: number,
): SentCount[] {
  // CROSS keeps the order: few attempts are under way, and SQLite would read through all messages instead.
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
