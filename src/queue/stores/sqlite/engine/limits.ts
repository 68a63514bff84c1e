import type { LearnedPause } from '../../../limits/pause.ts';
import type { SentCount } from '../../../store.ts';
import { newId } from '../../queue-id.ts';
import type { Statements } from './statements.ts';
import { longestAttemptMs, unfinishedCounts } from './unfinished.ts';

/** Accounts with queued messages in a destination. Jumps from one to the next, so the index is not read in full. */
export function accountsOfDestination(db: Statements, destination: string): string[] {
  return db
    .sql(
      `WITH RECURSIVE accounts (account) AS (
         SELECT min(account) FROM messages WHERE state = 'queued' AND lane = ?
         UNION ALL
         SELECT (SELECT min(account) FROM messages WHERE state = 'queued' AND lane = ? AND account > accounts.account)
         FROM accounts WHERE account IS NOT NULL
       ) SELECT account FROM accounts WHERE account IS NOT NULL`,
    )
    .all(destination, destination)
    .map((row) => row.account as string);
}

/** Ids of the due messages of some accounts in a destination, longest due first. */
export function longestDue(
  db: Statements,
  { destination, accounts }: { readonly destination: string; readonly accounts: readonly string[] },
  nowMs: number,
  limit: number,
): string[] {
  const rows = accounts.flatMap((account) =>
    db
      .sql(
        `SELECT id, next_attempt_at FROM messages
         WHERE state = 'queued' AND lane = ? AND account = ? AND next_attempt_at <= ?
         ORDER BY next_attempt_at, id LIMIT ?`,
      )
      .all(destination, account, nowMs, limit),
  );
  const found = rows.map((row) => ({ id: row.id as string, next: row.next_attempt_at as number }));
  found.sort((a, b) => a.next - b.next || (a.id < b.id ? -1 : 1));
  return found.slice(0, limit).map(({ id }) => id);
}

/** See {@link QueueStore.nextDueMs}. */
export function nextDueOfDestination(db: Statements, destination: string, afterMs: number): number | undefined {
  let earliest: number | undefined;
  for (const account of accountsOfDestination(db, destination)) {
    const row = db
      .sql(
        `SELECT min(next_attempt_at) AS next FROM messages
         WHERE state = 'queued' AND lane = ? AND account = ? AND next_attempt_at > ?`,
      )
      .get(destination, account, afterMs);
    const next = (row?.next as number | null) ?? undefined;
    if (next !== undefined && (earliest === undefined || next < earliest)) earliest = next;
  }
  return earliest;
}

const sentColumns = 'lane, started_at, started_at + duration_ms AS ended_at, delivered, external';

/** See {@link QueueStore.sentSince}. */
export function sentOfDestination(db: Statements, destination: string, sinceMs: number, nowMs: number): SentCount[] {
  const ended = db
    .sql(
      `SELECT ${sentColumns} FROM attempts WHERE lane = ? AND started_at >= ? AND delivered > 0
         AND started_at + duration_ms >= ? ORDER BY started_at`,
    )
    .all(destination, sinceMs - longestAttemptMs, sinceMs)
    .map(sentOfRow);
  return [...ended, ...unfinishedCounts(db, [destination, destination], sinceMs, nowMs)];
}

/** See {@link QueueStore.sentOfConnectionSince}. */
export function sentOfConnection(db: Statements, connection: string, sinceMs: number, nowMs: number): SentCount[] {
  const ended = db
    .sql(
      `SELECT ${sentColumns} FROM attempts WHERE lane > ? AND lane < ? AND started_at >= ? AND delivered > 0
         AND started_at + duration_ms >= ?`,
    )
    .all(...destinationRange(connection), sinceMs - longestAttemptMs, sinceMs)
    .map(sentOfRow);
  return [...ended, ...unfinishedCounts(db, destinationRange(connection), sinceMs, nowMs)];
}

/** See {@link QueueStore.externalSince}. */
export function externalOfConnection(db: Statements, connection: string, sinceMs: number) {
  return db
    .sql(
      `SELECT ${sentColumns} FROM attempts WHERE lane > ? AND lane < ? AND started_at >= ? AND delivered > 0
         AND external > 0 AND started_at + duration_ms >= ?`,
    )
    .all(...destinationRange(connection), sinceMs - longestAttemptMs, sinceMs)
    .map((row) => ({ ...sentOfRow(row), destination: row.lane as string }));
}

/** Destinations are CONNECTION/MAILBOX, and "0" comes after "/". */
function destinationRange(connection: string): readonly [string, string] {
  return [`${connection}/`, `${connection}0`];
}

function sentOfRow(row: Record<string, unknown>): SentCount {
  return {
    startedAtMs: row.started_at as number,
    endedAtMs: row.ended_at as number,
    recipients: row.delivered as number,
    external: row.external as number,
  };
}

/** Counts a delivery that the queue did not hold: an attempt without a message. */
export function insertCount(db: Statements, destination: string, sent: SentCount): void {
  db.sql(
    `INSERT INTO attempts (message_id, number, lane, started_at, duration_ms, delivered, external, outcomes)
     VALUES (?, 0, ?, ?, ?, ?, ?, '[]')`,
  ).run(
    `sent-${newId()}`,
    destination,
    Math.round(sent.startedAtMs),
    Math.round(sent.endedAtMs - sent.startedAtMs),
    sent.recipients,
    sent.external,
  );
}

/** Keeps what the limits need of the attempts on a message that is removed: how much was sent, not the recipients. */
export function forgetAttempts(db: Statements, id: string): void {
  db.sql('DELETE FROM attempts WHERE message_id = ? AND delivered = 0').run(id);
  db.sql(`UPDATE attempts SET outcomes = '[]', upstream_id = NULL, passed_over = NULL WHERE message_id = ?`).run(id);
}

/** Removes counts that no limit needs any more. */
export function purgeCounts(db: Statements, startedBeforeMs: number): void {
  db.sql(`DELETE FROM attempts WHERE started_at < ? AND NOT EXISTS (SELECT 1 FROM messages WHERE id = message_id)`).run(
    startedBeforeMs,
  );
}

/** See {@link QueueStore.pauses}. */
export function allPauses(db: Statements): LearnedPause[] {
  return db
    .sql('SELECT * FROM pauses')
    .all()
    .map((row) => ({
      key: row.key as string,
      untilMs: row.until as number,
      sinceMs: row.since as number,
      code: row.code as string,
      text: row.text as string,
      strikes: row.strikes as number,
      needsAdmin: row.needs_admin === 1,
    }));
}

export function upsertPause(db: Statements, { key, untilMs, sinceMs, code, text, strikes, needsAdmin }: LearnedPause) {
  db.sql(
    `INSERT OR REPLACE INTO pauses (key, until, since, code, text, strikes, needs_admin) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  ).run(key, Math.round(untilMs), Math.round(sinceMs), code, text, strikes, needsAdmin ? 1 : 0);
}
