import type { FollowUp, FollowUpChange, NewFollowUp } from '../../../follow-ups/follow-up.ts';
import { destinationOf } from '../../../message.ts';
import type { Statements } from './statements.ts';

/**
 * Records the follow-up of a message; within a transaction. If requested again, the counts add up, unless one is
 * unknown.
 */
export function insertFollowUp(db: Statements, id: string, followUp: NewFollowUp, nowMs: number): void {
  const { connection, mailbox, note, times = null, dueAtMs } = followUp;
  db.sql(
    `INSERT INTO follow_ups (message_id, lane, connection, mailbox, note, times, since, due, tries)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)
     ON CONFLICT (message_id) DO UPDATE SET note = excluded.note, times = times + excluded.times,
       since = excluded.since, due = excluded.due, tries = 0`,
  ).run(id, destinationOf(followUp), connection, mailbox, note, times, Math.round(nowMs), Math.round(dueAtMs));
}

/** See {@link QueueStore.followUpDestinations}. */
export function destinationsToFollowUp(db: Statements, nowMs: number): string[] {
  return db
    .sql('SELECT DISTINCT lane FROM follow_ups WHERE due <= ?')
    .all(nowMs)
    .map((row) => row.lane as string);
}

/** See {@link QueueStore.followUps}. */
export function dueFollowUps(db: Statements, destination: string, nowMs: number, limit: number): FollowUp[] {
  return db
    .sql('SELECT * FROM follow_ups WHERE due <= ? AND lane = ? ORDER BY due, message_id LIMIT ?')
    .all(nowMs, destination, limit)
    .map((row) => ({
      id: row.message_id as string,
      connection: row.connection as string,
      mailbox: row.mailbox as string,
      note: row.note as string,
      ...(row.times === null ? {} : { times: row.times as number }),
      sinceMs: row.since as number,
      dueAtMs: row.due as number,
      tries: row.tries as number,
    }));
}

/** See {@link QueueStore.changeFollowUps}; within a transaction. */
export function updateFollowUps(db: Statements, changes: readonly FollowUpChange[]): void {
  for (const change of changes) {
    if ('over' in change) db.sql('DELETE FROM follow_ups WHERE message_id = ?').run(change.id);
    else {
      db.sql('UPDATE follow_ups SET times = times - ?, tries = ?, due = ? WHERE message_id = ?').run(
        change.done,
        change.tries,
        Math.round(change.dueAtMs),
        change.id,
      );
    }
  }
}

/** See {@link QueueStore.hastenFollowUps}; within a transaction. */
export function hastenFollowUps(db: Statements, nowMs: number, latestMs: number): void {
  db.sql('UPDATE follow_ups SET due = ?, since = min(since, ?) WHERE due > ?').run(
    Math.round(nowMs),
    Math.round(nowMs),
    Math.round(latestMs),
  );
}
