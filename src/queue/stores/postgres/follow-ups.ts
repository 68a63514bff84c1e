import type { Database } from '../../../postgres/database.ts';
import { durably } from '../../../postgres/durability.ts';
import type { FollowUp, FollowUpChange, NewFollowUp } from '../../follow-ups/follow-up.ts';
import { destinationOf } from '../../message.ts';
import { jsonOf, textOf } from './rows.ts';

/** See {@link QueueStore.addFollowUp}. If requested again, the counts add up, unless one is unknown. */
export async function addFollowUp(db: Database, id: string, followUp: NewFollowUp, nowMs: number): Promise<void> {
  const { connection, mailbox, note, times = null, dueAtMs } = followUp;
  await db.ask(
    `WITH added AS (
       INSERT INTO mailbridge.follow_ups AS f (message_id, destination, connection, mailbox, note, times, since, due, tries)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)
       ON CONFLICT (message_id) DO UPDATE SET note = excluded.note, times = f.times + excluded.times,
         since = excluded.since, due = excluded.due, tries = 0
     )
     SELECT ${durably}`,
    [id, destinationOf(followUp), connection, mailbox, textOf(note), times, Math.round(nowMs), Math.round(dueAtMs)],
  );
}

/** See {@link QueueStore.followUpDestinations}. */
export async function followUpDestinations(db: Database, nowMs: number): Promise<string[]> {
  const rows = await db.ask('SELECT DISTINCT destination FROM mailbridge.follow_ups WHERE due <= $1', [nowMs]);
  return rows.map((row) => row.destination as string);
}

/** See {@link QueueStore.followUps}. */
export async function dueFollowUps(
  db: Database,
  destination: string,
  nowMs: number,
  limit: number,
): Promise<FollowUp[]> {
  const rows = await db.ask(
    `SELECT * FROM mailbridge.follow_ups WHERE destination = $1 AND due <= $2 ORDER BY due, message_id LIMIT $3`,
    [destination, nowMs, limit],
  );
  return rows.map((row) => ({
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

/** See {@link QueueStore.changeFollowUps}. */
export async function changeFollowUps(db: Database, changes: readonly FollowUpChange[]): Promise<void> {
  const input = changes.map((change) => ('over' in change ? change : { ...change, due: Math.round(change.dueAtMs) }));
  await db.ask(
    `WITH input AS MATERIALIZED (
       SELECT * FROM json_to_recordset($1::json) AS i (id text, over boolean, done integer, tries integer, due bigint)
     ),
     gone AS (DELETE FROM mailbridge.follow_ups f USING input i WHERE i.id = f.message_id AND i.over),
     changed AS (
       UPDATE mailbridge.follow_ups f SET times = f.times - i.done, tries = i.tries, due = i.due
       FROM input i WHERE i.id = f.message_id AND i.over IS NULL
     )
     SELECT ${durably}`,
    [jsonOf(input)],
  );
}

/** See {@link QueueStore.hastenFollowUps}. */
export async function hastenFollowUps(db: Database, nowMs: number, latestMs: number): Promise<void> {
  await db.ask(
    `WITH changed AS (
       UPDATE mailbridge.follow_ups SET due = $1::bigint, since = least(since, $1::bigint) WHERE due > $2
     )
     SELECT ${durably}`,
    [Math.round(nowMs), Math.round(latestMs)],
  );
}
