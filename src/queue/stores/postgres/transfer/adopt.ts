import type { Database } from '../../../../postgres/database.ts';
import { durably } from '../../../../postgres/durability.ts';
import type { QueuedMessage } from '../../../message.ts';
import type { KeptAttempt, KeptMessage } from '../../../transfer/transfer.ts';
import { adoptedMessage } from '../../adopted.ts';
import { jsonOf, textOf } from '../rows.ts';
import { acceptanceColumns, acceptanceEntries, type BodyEnd, partsLost } from '../writes/accept.ts';

/** A message of another store on its way into the tables. */
export interface Adoption {
  readonly kept: KeptMessage;
  /** The message as it will be here. */
  readonly message: QueuedMessage;
  readonly body: BodyEnd;
  readonly hasBody: boolean;
}

/** @param body undefined: there is none */
export function adoption(kept: KeptMessage, body: BodyEnd | undefined): Adoption {
  const { size } = kept.message;
  const message = adoptedMessage(kept, body);
  // What the body should be, so that any damage shows whenever it is read.
  const mark = { size, crc: kept.bodyCrc ?? body?.crc ?? 0 };
  const { parts, last } = body ?? { parts: 1, last: Buffer.alloc(0) };
  return { kept, message, body: { ...mark, parts, last }, hasBody: body !== undefined };
}

const ownColumns = `${acceptanceColumns}, has_body boolean, state text, attempts integer, finished_at bigint, damage text,
  delay_told boolean, unfinished_courier text, unfinished_at bigint`;

const attemptColumns = `id text, number integer, destination text, started_at bigint, duration_ms bigint,
  delivered integer, external integer, upstream_id text, outcomes jsonb, courier text, passed_over jsonb`;

const insertAttempts = (entries: string): string => `
  INSERT INTO mailbridge.attempts (message_id, number, destination, started_at, duration_ms, delivered, external,
    upstream_id, outcomes, courier, passed_over)
  SELECT id, number, destination, started_at, duration_ms, delivered, external, upstream_id, outcomes, courier,
    passed_over
  FROM json_to_recordset(${entries}::json) AS t (${attemptColumns})
  ON CONFLICT (message_id, number) DO NOTHING`;

const adopt = `
  WITH input AS MATERIALIZED (SELECT * FROM json_to_recordset($1::json) AS i (${ownColumns})),
  spooled AS (
    DELETE FROM mailbridge.spools s USING input i
    WHERE i.parts > 1 AND s.message_id = i.id AND s.parts = i.parts - 1 RETURNING s.message_id
  ),
  accepted AS MATERIALIZED (
    SELECT * FROM input WHERE parts = 1 OR id IN (SELECT message_id FROM spooled)
  ),
  open AS (
    INSERT INTO mailbridge.messages (id, destination, account, connection, mailbox, courier, envelope, recipients,
      is_bounce, size, crc, parts, attempts, received_at, expires_at, next_attempt_at, finished_at, state, damage,
      delay_told, accepted_by, subject, internet_message_id, notice_about)
    SELECT id, destination, account, connection, mailbox, courier, envelope, recipients, is_bounce, size, crc, parts,
      attempts, received_at, expires_at, next_attempt_at, finished_at, state, damage, delay_told, accepted_by,
      subject, internet_message_id, notice_about
    FROM accepted WHERE state <> 'delivered'
    ON CONFLICT (id) DO NOTHING RETURNING id
  ),
  done AS (
    INSERT INTO mailbridge.delivered (id, destination, account, connection, mailbox, courier, envelope, recipients,
      is_bounce, size, attempts, received_at, expires_at, next_attempt_at, finished_at, subject, internet_message_id,
      notice_about)
    SELECT id, destination, account, connection, mailbox, courier, envelope, recipients, is_bounce, size, attempts,
      received_at, expires_at, next_attempt_at, finished_at, subject, internet_message_id, notice_about
    FROM accepted WHERE state = 'delivered'
    ON CONFLICT (id) DO NOTHING
  ),
  bodies AS (
    INSERT INTO mailbridge.bodies (message_id, part, content)
    SELECT a.id, a.parts - 1, substring($2::bytea FROM a.at + 1 FOR a.length)
    FROM accepted a JOIN open USING (id) WHERE a.has_body
  ),
  unfinished AS (
    INSERT INTO mailbridge.unfinished (message_id, courier, started_at)
    SELECT a.id, a.unfinished_courier, a.unfinished_at FROM accepted a JOIN open USING (id)
    WHERE a.unfinished_at IS NOT NULL
    ON CONFLICT (message_id) DO NOTHING
  ),
  tries AS (${insertAttempts('$3')})
  SELECT id, ${durably} FROM accepted`;

/** Adopts messages; repeated calls adopt each once. @returns for each whether it is there, or why not */
export async function adoptAll(db: Database, all: readonly Adoption[], by: string): Promise<(true | Error)[]> {
  const { entries, octets } = acceptanceEntries(
    all.map(({ message, body }) => ({ queued: message, message, body })),
    by,
  );
  const input = entries.map((entry, i) => ({ ...entry, ...ownEntry(all[i] as Adoption) }));
  const attempts = all.flatMap(({ kept }) => kept.attempts).map(attemptEntry);
  const rows = await db.attempt(adopt, [jsonOf(input), octets, jsonOf(attempts)]);
  const there = new Set(rows.map(({ id }) => id));
  const missing = all.map(({ message }) => message.id).filter((id) => !there.has(id));
  if (missing.length > 0) for (const id of await adoptedBefore(db, missing)) there.add(id);
  return all.map(({ message: { id } }) => there.has(id) || partsLost(id));
}

/** Those that an earlier try with a lost answer has already adopted. */
async function adoptedBefore(db: Database, ids: readonly string[]): Promise<string[]> {
  const found = await db.attempt('SELECT id FROM mailbridge.messages WHERE id = ANY($1::text[])', [ids]);
  return found.map(({ id }) => id as string);
}

function ownEntry({ message, kept, hasBody }: Adoption) {
  const { state, attempts, finishedAtMs, damage, unfinished } = message;
  return {
    ...{ has_body: hasBody, state, attempts, finished_at: finishedAtMs ?? null },
    ...{ damage: damage === undefined ? null : textOf(damage), delay_told: kept.isDelayTold },
    ...{ unfinished_courier: unfinished?.courier ?? null, unfinished_at: unfinished?.startedAtMs ?? null },
  };
}

function attemptEntry({ id, number, destination, delivered, external, record }: KeptAttempt) {
  return {
    ...{ id, number, destination, delivered, external, upstream_id: record.upstreamId ?? null },
    ...{ started_at: Math.round(record.startedAtMs), duration_ms: Math.round(record.durationMs) },
    ...{ outcomes: record.outcomes, courier: record.courier ?? null, passed_over: record.passedOver ?? null },
  };
}

/** See {@link StoreTransfer.adoptCounts}. */
export async function adoptCounts(db: Database, counts: readonly KeptAttempt[]): Promise<void> {
  await db.ask(`WITH adopted AS (${insertAttempts('$1')}) SELECT ${durably}`, [jsonOf(counts.map(attemptEntry))]);
}
