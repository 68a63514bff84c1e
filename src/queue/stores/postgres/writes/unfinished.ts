import type { Database } from '../../../../postgres/database.ts';
import { durably, softly } from '../../../../postgres/durability.ts';
import type { QueuedMessage, UnfinishedAttempt } from '../../../message.ts';
import type { Lease } from '../../../ownership/lease.ts';
import type { AttemptStart } from '../../../store.ts';
import { jsonOf, messageColumns, messageOf } from '../rows.ts';
import { among, fencedBy, leaseColumns, leaseEntry, leaseLost } from './fence.ts';

/** No attempt is under way for longer: one that began this long before a time has ended before it. */
export const longestAttemptMs = 3_600_000;

/** An attempt that begins, on its way into the tables. */
export interface Beginning {
  readonly id: string;
  readonly attempt: AttemptStart;
  /** Unique to this attempt. */
  readonly token: string;
  readonly lease: Lease | undefined;
}

/**
 * Durable before anything is sent: if the server crashes and the bridge then dies or loses its lease, nobody else knows
 * that the message has to be looked for.
 */
const begin = `
  WITH input AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json) AS i (id text, courier text, started_at bigint, token text, ${leaseColumns})
  ),
  ${fencedBy('$2')},
  begun AS (
    INSERT INTO mailbridge.unfinished AS u (message_id, courier, started_at, token)
    SELECT a.id, a.courier, a.started_at, a.token FROM allowed a JOIN mailbridge.messages m USING (id)
    WHERE m.state = 'queued' AND ${among('m.id')}
    ON CONFLICT (message_id) DO UPDATE SET courier = excluded.courier, started_at = excluded.started_at,
      token = excluded.token, before_courier = u.courier, before_started_at = u.started_at
    RETURNING message_id
  )
  SELECT a.id AS input_id, ${messageColumns}, ${durably} FROM allowed a
  LEFT JOIN begun b ON b.message_id = a.id
  LEFT JOIN mailbridge.messages m ON m.id = b.message_id AND ${among('m.id')}
  LEFT JOIN mailbridge.unfinished u ON u.message_id = b.message_id AND ${among('u.message_id')}`;

/** @returns each message as it was before; null if it is not queued */
export async function beginAll(
  db: Database,
  all: readonly Beginning[],
  owner: string,
  unreadable: (id: string) => void,
): Promise<(QueuedMessage | null | Error)[]> {
  const input = all.map(({ id, attempt, token, lease }) => ({
    ...{ id, courier: attempt.courier, started_at: Math.round(attempt.startedAtMs), token },
    ...leaseEntry(lease),
  }));
  const rows = new Map((await db.attempt(begin, [jsonOf(input), owner])).map((row) => [row.input_id, row]));
  return all.map(({ id, lease }) => {
    const row = rows.get(id);
    if (!row) return leaseLost(lease);
    const message = row.id === null ? undefined : messageOf(row, unreadable);
    return message?.state === 'queued' ? message : null;
  });
}

/** Removes beginnings of which nobody knows whether they were written; nothing of them was sent. */
export async function undoBeginnings(db: Database, tokens: readonly string[]): Promise<void> {
  await db.ask(
    `WITH restored AS (
       UPDATE mailbridge.unfinished SET courier = before_courier, started_at = before_started_at, token = NULL,
         before_courier = NULL, before_started_at = NULL
       WHERE token = ANY($1::text[]) AND before_started_at IS NOT NULL
     )
     DELETE FROM mailbridge.unfinished WHERE token = ANY($1::text[]) AND before_started_at IS NULL`,
    [tokens],
  );
}

/** An attempt that was not made, on its way into the tables. */
export interface Cancelling {
  readonly id: string;
  readonly before: UnfinishedAttempt | undefined;
  readonly lease: Lease | undefined;
}

const cancel = `
  WITH input AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json) AS i (id text, courier text, started_at bigint, ${leaseColumns})
  ),
  ${fencedBy('$2')},
  ended AS (
    DELETE FROM mailbridge.unfinished u USING allowed a
    WHERE u.message_id = a.id AND a.started_at IS NULL AND ${among('u.message_id')}
  ),
  restored AS (
    INSERT INTO mailbridge.unfinished (message_id, courier, started_at)
    SELECT a.id, a.courier, a.started_at FROM allowed a JOIN mailbridge.messages m USING (id)
    WHERE a.started_at IS NOT NULL AND ${among('m.id')}
    ON CONFLICT (message_id) DO UPDATE SET courier = excluded.courier, started_at = excluded.started_at, token = NULL,
      before_courier = NULL, before_started_at = NULL
  )
  SELECT id, ${softly} FROM allowed`;

export async function cancelAll(db: Database, all: readonly Cancelling[], owner: string): Promise<(true | Error)[]> {
  const input = all.map(({ id, before, lease }) => ({
    ...{ id, courier: before?.courier ?? null, started_at: before ? Math.round(before.startedAtMs) : null },
    ...leaseEntry(lease),
  }));
  const allowed = new Set((await db.attempt(cancel, [jsonOf(input), owner])).map(({ id }) => id));
  return all.map(({ id, lease }) => (allowed.has(id) ? true : leaseLost(lease)));
}
