import { type Database, slowDeadlineMs } from '../../../postgres/database.ts';
import type { ResultRow } from '../../../postgres/session.ts';
import type { DestinationDue } from '../../store.ts';
import { messageColumns, openMessages } from './rows.ts';

/**
 * The first message of each account in every destination, or in one. Jumps from one to the next, so the index is not
 * read in full, however many messages wait.
 */
const heads = (condition: string): string => `
  WITH RECURSIVE heads AS (
    (SELECT destination, account, next_attempt_at FROM mailbridge.messages WHERE state = 'queued' ${condition}
     ORDER BY destination, account, next_attempt_at LIMIT 1)
    UNION ALL
    SELECT n.* FROM heads h CROSS JOIN LATERAL (
      SELECT destination, account, next_attempt_at FROM mailbridge.messages
      WHERE state = 'queued' ${condition} AND (destination, account) > (h.destination, h.account)
      ORDER BY destination, account, next_attempt_at LIMIT 1
    ) n
  )`;

const headsOfAll = heads('');
const headsOfOne = heads('AND destination = $1');

/** See {@link QueueStore.destinations}. */
export async function destinationsDue(db: Database): Promise<DestinationDue[]> {
  const rows = await db.ask(
    `${headsOfAll} SELECT destination, min(next_attempt_at) AS next FROM heads GROUP BY destination`,
    [],
    { deadlineMs: slowDeadlineMs },
  );
  return rows.map((row) => ({ destination: row.destination as string, nextAttemptAtMs: row.next as number }));
}

/** See {@link QueueStore.accounts}. */
export async function accountsOf(db: Database, destination: string): Promise<string[]> {
  const rows = await db.ask(`${headsOfOne} SELECT account FROM heads ORDER BY account`, [destination]);
  return rows.map((row) => row.account as string);
}

/** See {@link QueueStore.nextDueMs}. */
export async function nextDueOf(db: Database, destination: string, afterMs: number): Promise<number | undefined> {
  const [row] = await db.ask(
    `${headsOfOne}
     SELECT min(n.next_attempt_at) AS next FROM heads h CROSS JOIN LATERAL (
       SELECT next_attempt_at FROM mailbridge.messages
       WHERE state = 'queued' AND destination = $1 AND account = h.account AND next_attempt_at > $2
       ORDER BY next_attempt_at LIMIT 1
     ) n`,
    [destination, Math.floor(afterMs)],
  );
  return (row?.next as number | null | undefined) ?? undefined;
}

/** Rows of a destination's due messages, longest due first. */
export async function dueOf(
  db: Database,
  destination: string,
  nowMs: number,
  limit: number,
  account?: string,
): Promise<readonly ResultRow[]> {
  const now = Math.floor(nowMs);
  if (account !== undefined) {
    return await db.ask(
      `SELECT ${messageColumns} FROM ${openMessages}
       WHERE m.state = 'queued' AND m.destination = $1 AND m.account = $2 AND m.next_attempt_at <= $3
       ORDER BY m.next_attempt_at, m.id LIMIT $4`,
      [destination, account, now, limit],
    );
  }
  return await db.ask(
    `${headsOfOne},
     soonest AS MATERIALIZED (
       SELECT n.id FROM heads h CROSS JOIN LATERAL (
         SELECT id, next_attempt_at FROM mailbridge.messages
         WHERE state = 'queued' AND destination = $1 AND account = h.account AND next_attempt_at <= $2
         ORDER BY next_attempt_at, id LIMIT $3
       ) n ORDER BY n.next_attempt_at, n.id LIMIT $3
     )
     SELECT ${messageColumns} FROM ${openMessages} WHERE m.id IN (SELECT id FROM soonest) AND m.state = 'queued'
     ORDER BY m.next_attempt_at, m.id`,
    [destination, now, limit],
  );
}

/** Rows for {@link QueueStore.expired}. */
export async function expiredOf(
  db: Database,
  connection: string,
  nowMs: number,
  afterId: string,
  limit: number,
): Promise<readonly ResultRow[]> {
  return await db.ask(
    `SELECT ${messageColumns} FROM ${openMessages}
     WHERE m.state = 'queued' AND m.connection = $1 AND m.expires_at <= $2 AND m.id > $3 ORDER BY m.id LIMIT $4`,
    [connection, Math.floor(nowMs), afterId, limit],
    { deadlineMs: slowDeadlineMs },
  );
}

/** Rows for {@link QueueStore.delayed}. */
export async function delayedSince(
  db: Database,
  receivedBeforeMs: number,
  afterId: string,
  limit: number,
): Promise<readonly ResultRow[]> {
  return await db.ask(
    `SELECT ${messageColumns} FROM ${openMessages}
     WHERE m.state = 'queued' AND NOT m.delay_told AND NOT m.is_bounce AND m.received_at < $1
       AND m.id > $2 ORDER BY m.id LIMIT $3`,
    [Math.ceil(receivedBeforeMs), afterId, limit],
    { deadlineMs: slowDeadlineMs },
  );
}
