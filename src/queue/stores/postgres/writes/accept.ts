import { BridgeError } from '../../../../base/errors.ts';
import type { Database } from '../../../../postgres/database.ts';
import { durably } from '../../../../postgres/durability.ts';
import { destinationOf, type NewMessage, type QueuedMessage } from '../../../message.ts';
import { envelopeColumn, queuedMessage } from '../../rows.ts';
import { jsonOf } from '../rows.ts';

/** The last part of a body, and the facts about the whole. */
export interface BodyEnd {
  readonly size: number;
  readonly crc: number;
  /** Number of parts; those before the last are in the store already. */
  readonly parts: number;
  readonly last: Buffer;
}

/** A message on its way into the tables. */
export interface Acceptance {
  readonly queued: QueuedMessage;
  readonly message: NewMessage;
  readonly body: BodyEnd;
}

export function acceptance(id: string, message: NewMessage, body: BodyEnd): Acceptance {
  return { queued: queuedMessage(id, message, body.size), message, body };
}

/** Columns of {@link acceptanceEntries}, for `json_to_recordset`. */
export const acceptanceColumns = `id text, destination text, account text, connection text, mailbox text, courier text,
  envelope jsonb, recipients jsonb, is_bounce boolean, size bigint, crc bigint, parts integer, received_at bigint,
  expires_at bigint, next_attempt_at bigint, accepted_by text, subject text, internet_message_id text,
  notice_about text, at integer, length integer`;

/** Inserts the messages of `accepted` into the table. */
export const insertMessages = `
  INSERT INTO mailbridge.messages (id, destination, account, connection, mailbox, courier, envelope, recipients,
    is_bounce, size, crc, parts, attempts, received_at, expires_at, next_attempt_at, state, accepted_by,
    subject, internet_message_id, notice_about)
  SELECT id, destination, account, connection, mailbox, courier, envelope, recipients, is_bounce, size, crc, parts, 0,
    received_at, expires_at, next_attempt_at, 'queued', accepted_by, subject, internet_message_id, notice_about
  FROM accepted
  ON CONFLICT (id) DO NOTHING
  RETURNING id`;

/** Inserts the last parts of the bodies of `inserted` into the table, cut from one run of octets. */
export const insertBodies = (octets: string): string => `
  INSERT INTO mailbridge.bodies (message_id, part, content)
  SELECT a.id, a.parts - 1, substring(${octets}::bytea FROM a.at + 1 FOR a.length)
  FROM accepted a JOIN inserted USING (id)`;

/** The entries of messages, and the octets they share. @param by the process that accepts them */
export function acceptanceEntries(all: readonly Acceptance[], by: string) {
  let at = 0;
  const entries = all.map(({ queued, message, body }) => {
    const entry = {
      ...{ id: queued.id, destination: destinationOf(message), account: message.account },
      ...{ connection: message.connection, mailbox: message.mailbox, courier: message.courier },
      envelope: JSON.parse(envelopeColumn(message.envelope)) as unknown,
      recipients: queued.recipients,
      ...{ is_bounce: message.isBounce, size: body.size, crc: body.crc, parts: body.parts },
      ...{ received_at: Math.round(message.receivedAtMs), expires_at: Math.round(message.expiresAtMs) },
      ...{ next_attempt_at: Math.round(queued.nextAttemptAtMs), accepted_by: by, at, length: body.last.length },
      ...{ subject: message.subject ?? null, internet_message_id: message.messageId ?? null },
      notice_about: message.noticeAbout ?? null,
    };
    at += body.last.length;
    return entry;
  });
  return { entries, octets: Buffer.concat(all.map(({ body }) => body.last)) };
}

/**
 * A repeated message may meanwhile have been delivered by another instance: then it is in neither of the tables
 * written.
 */
const accept = `
  WITH input AS MATERIALIZED (SELECT * FROM json_to_recordset($1::json) AS i (${acceptanceColumns})),
  spooled AS (
    DELETE FROM mailbridge.spools s USING input i
    WHERE i.parts > 1 AND s.message_id = i.id AND s.parts = i.parts - 1 RETURNING s.message_id
  ),
  accepted AS MATERIALIZED (
    SELECT * FROM input i WHERE (parts = 1 OR id IN (SELECT message_id FROM spooled))
      AND NOT EXISTS (SELECT FROM mailbridge.delivered d WHERE d.id = i.id)
  ),
  inserted AS (${insertMessages}),
  bodies AS (${insertBodies('$2')})
  SELECT id, ${durably} FROM inserted`;

/**
 * Accepts messages; repeated calls accept each once.
 * @returns for each whether it is in the queue, or why not
 */
export async function acceptAll(db: Database, all: readonly Acceptance[], by: string): Promise<(true | Error)[]> {
  const { entries, octets } = acceptanceEntries(all, by);
  const inserted = await db.attempt(accept, [jsonOf(entries), octets]);
  const there = new Set(inserted.map(({ id }) => id));
  const missing = all.map(({ queued }) => queued.id).filter((id) => !there.has(id));
  if (missing.length > 0) for (const id of await acceptedBefore(db, missing, by)) there.add(id);
  return all.map(({ queued }) => there.has(queued.id) || partsLost(queued.id));
}

/** Those that an earlier try with a lost answer has already accepted. */
async function acceptedBefore(db: Database, ids: readonly string[], by: string): Promise<string[]> {
  const found = `
    SELECT id FROM mailbridge.messages WHERE id = ANY($1::text[]) AND accepted_by = $2
    UNION ALL SELECT id FROM mailbridge.delivered WHERE id = ANY($1::text[])`;
  return (await db.attempt(found, [ids, by])).map(({ id }) => id as string);
}

/** PostgreSQL has crashed and lost parts of a body that did not yet have to be durable; or its spool was too old. */
export function partsLost(id: string): BridgeError {
  return new BridgeError('queue-unreachable', `PostgreSQL was restarted while message ${id} came in.`);
}

/** Withdraws messages whose clients were told that they were not accepted, unless an attempt has begun meanwhile. */
export async function withdraw(db: Database, ids: readonly string[], by: string): Promise<void> {
  await db.ask(
    `WITH gone AS (
       DELETE FROM mailbridge.messages m WHERE id = ANY($1::text[]) AND accepted_by = $2 AND attempts = 0
         AND NOT EXISTS (SELECT FROM mailbridge.unfinished u WHERE u.message_id = m.id)
       RETURNING id
     )
     DELETE FROM mailbridge.bodies WHERE message_id IN (SELECT id FROM gone)`,
    [ids, by],
  );
}
