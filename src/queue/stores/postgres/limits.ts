import type { Database } from '../../../postgres/database.ts';
import { durably } from '../../../postgres/durability.ts';
import type { ResultRow } from '../../../postgres/session.ts';
import type { LearnedPause } from '../../limits/pause.ts';
import type { SentCount } from '../../store.ts';
import { textOf } from './rows.ts';
import { lowerGrants } from './writes/spent.ts';
import { longestAttemptMs } from './writes/unfinished.ts';

const sentColumns = 'destination, started_at, started_at + duration_ms AS ended_at, delivered, external';

/** See {@link QueueStore.sentSince}: for one destination, or all of a connection. */
export async function sentSince(
  db: Database,
  of: { readonly destination: string } | { readonly connection: string },
  sinceMs: number,
  nowMs: number,
): Promise<SentCount[]> {
  const range = 'destination' in of ? [of.destination, of.destination] : destinationRange(of.connection);
  const rows = await db.ask(
    `SELECT * FROM (
       SELECT ${sentColumns} FROM mailbridge.attempts
       WHERE destination >= $1 AND destination <= $2 AND started_at >= $3::bigint - ${longestAttemptMs} AND delivered > 0
         AND started_at + duration_ms >= $3::bigint
       UNION ALL
       SELECT m.destination, u.started_at, least($4::bigint, u.started_at + ${longestAttemptMs}),
         jsonb_array_length(m.recipients), 0
       FROM mailbridge.unfinished u JOIN mailbridge.messages m ON m.id = u.message_id
       WHERE m.destination >= $1 AND m.destination <= $2 AND u.started_at >= $3::bigint - ${longestAttemptMs}
     ) sent ORDER BY started_at`,
    [...range, Math.ceil(sinceMs), Math.round(nowMs)],
  );
  return rows.map(sentOfRow);
}

/** See {@link QueueStore.externalSince}. */
export async function externalSince(db: Database, connection: string, sinceMs: number) {
  const rows = await db.ask(
    `SELECT ${sentColumns} FROM mailbridge.attempts
     WHERE destination > $1 AND destination < $2 AND started_at >= $3::bigint - ${longestAttemptMs} AND delivered > 0
       AND external > 0 AND started_at + duration_ms >= $3::bigint`,
    [...destinationRange(connection), Math.ceil(sinceMs)],
  );
  return rows.map((row) => ({ ...sentOfRow(row), destination: row.destination as string }));
}

/** Destinations are CONNECTION/MAILBOX, and "0" comes after "/". */
export function destinationRange(connection: string): readonly [string, string] {
  return [`${connection}/`, `${connection}0`];
}

function sentOfRow(row: ResultRow): SentCount {
  return {
    startedAtMs: row.started_at as number,
    endedAtMs: row.ended_at as number,
    recipients: row.delivered as number,
    external: row.external as number,
  };
}

/** See {@link QueueStore.countSent}. @param id used for nothing else @param token of the process, as in its grants */
export async function countSent(
  db: Database,
  id: string,
  destination: string,
  sent: SentCount,
  token: string,
): Promise<void> {
  await db.ask(
    `WITH counted AS (
       INSERT INTO mailbridge.attempts (message_id, number, destination, started_at, duration_ms, delivered, external,
         outcomes)
       VALUES ($1, 0, $2, $3, $4, $5, $6, '[]') ON CONFLICT DO NOTHING RETURNING destination, external
     ),
     settled AS MATERIALIZED (SELECT * FROM counted),
     ${lowerGrants('$7')}
     SELECT ${durably}`,
    [
      id,
      destination,
      Math.round(sent.startedAtMs),
      Math.round(sent.endedAtMs - sent.startedAtMs),
      sent.recipients,
      sent.external,
      token,
    ],
  );
}

/** See {@link QueueStore.purgeCounts}. */
export async function purgeCounts(db: Database, startedBeforeMs: number): Promise<void> {
  const some = 5000;
  for (let removed = some; removed === some; ) {
    const [row] = await db.ask(
      `WITH old AS (
         SELECT a.message_id, a.number FROM mailbridge.attempts a WHERE a.started_at < $1
           AND NOT EXISTS (SELECT FROM mailbridge.messages m WHERE m.id = a.message_id)
           AND NOT EXISTS (SELECT FROM mailbridge.delivered d WHERE d.id = a.message_id)
         LIMIT ${some}
       ),
       gone AS (
         DELETE FROM mailbridge.attempts a USING old o WHERE a.message_id = o.message_id AND a.number = o.number
         RETURNING a.number
       )
       SELECT count(*) AS removed FROM gone`,
      [startedBeforeMs],
    );
    removed = row?.removed as number;
  }
}

/** See {@link QueueStore.pauses}. */
export async function allPauses(db: Database): Promise<LearnedPause[]> {
  return (await db.ask('SELECT * FROM mailbridge.pauses')).map((row) => ({
    key: row.key as string,
    untilMs: row.until as number,
    sinceMs: row.since as number,
    code: row.code as string,
    text: row.text as string,
    strikes: row.strikes as number,
    needsAdmin: row.needs_admin as boolean,
  }));
}

export async function setPause(db: Database, pause: LearnedPause): Promise<void> {
  const { key, untilMs, sinceMs, code, text, strikes, needsAdmin } = pause;
  await db.ask(
    `WITH written AS (
       INSERT INTO mailbridge.pauses (key, until, since, code, text, strikes, needs_admin)
       VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (key) DO UPDATE SET until = excluded.until, since = excluded.since, code = excluded.code,
         text = excluded.text, strikes = excluded.strikes, needs_admin = excluded.needs_admin
     )
     SELECT ${durably}`,
    [key, Math.round(untilMs), Math.round(sinceMs), textOf(code), textOf(text), strikes, needsAdmin],
  );
}

export async function endPause(db: Database, key: string): Promise<void> {
  await db.ask(
    `WITH gone AS (DELETE FROM mailbridge.pauses WHERE key = $1)
     SELECT ${durably}`,
    [key],
  );
}
