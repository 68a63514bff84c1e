import { crc32 } from 'node:zlib';
import { destinationOf, type NewMessage, type Notice, type QueuedMessage } from '../../../message.ts';
import type { AttemptResult } from '../../../store.ts';
import { newId } from '../../queue-id.ts';
import { envelopeColumn, queuedMessage } from '../../rows.ts';
import type { SpooledBody } from '../spool.ts';
import { insertFollowUp } from './follow-ups.ts';
import type { Statements } from './statements.ts';
import { restoreUnfinished } from './unfinished.ts';

/** Inserts a message into the tables; within a transaction. */
export function insertMessage(db: Statements, id: string, message: NewMessage, body: SpooledBody): QueuedMessage {
  const queued = queuedMessage(id, message, body.size);
  db.sql(
    `INSERT INTO messages (id, lane, account, connection, mailbox, courier, envelope, recipients, is_bounce, size,
       body_file, body_crc, state, attempts, received_at, expires_at, next_attempt_at, subject, internet_message_id,
       notice_about)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', 0, ?, ?, ?, ?, ?, ?)`,
  ).run(
    id,
    destinationOf(message),
    message.account,
    message.connection,
    message.mailbox,
    message.courier,
    envelopeColumn(message.envelope),
    JSON.stringify(queued.recipients),
    message.isBounce ? 1 : 0,
    body.size,
    'file' in body ? body.file : null,
    'file' in body ? body.crc : crc32(body.content),
    message.receivedAtMs,
    message.expiresAtMs,
    queued.nextAttemptAtMs,
    message.subject ?? null,
    message.messageId ?? null,
    message.noticeAbout ?? null,
  );
  if ('content' in body) db.sql('INSERT INTO bodies (message_id, content) VALUES (?, ?)').run(id, body.content);
  return queued;
}

/** What an outcome leaves to do. */
export interface Recorded {
  /** The file of a body that is no longer needed. */
  readonly file?: string;
  /** Octets of the body, if it is no longer needed. */
  readonly freedOctets?: number;
  readonly bounces: readonly QueuedMessage[];
}

/** Writes the outcome of an attempt together with its bounces; within a transaction. */
export function recordOutcome(db: Statements, id: string, result: AttemptResult): Recorded {
  const row = updateMessage(db, id, result);
  const { attempt, followUp } = result;
  restoreUnfinished(db, id, result.unfinished);
  if (followUp) insertFollowUp(db, id, followUp, attempt.startedAtMs + attempt.durationMs);
  // Deleted by an administrator while the attempt was under way.
  if (!row) return { bounces: [] };
  insertAttempt(db, id, row, result);
  const bounces = (result.bounces ?? []).map((bounce) => insertNotice(db, bounce));
  if (result.state !== 'delivered') return { bounces };
  // Failed messages keep their body, so that an administrator can still send them; delivered ones do not.
  dropBody(db, id, row.body_file);
  return { freedOctets: row.size, ...(row.body_file === null ? {} : { file: row.body_file }), bounces };
}

interface UpdatedRow {
  readonly lane: string;
  readonly attempts: number;
  readonly size: number;
  readonly body_file: string | null;
}

/** A hold or a quarantine set during the attempt outlives an attempt that settled nothing. */
function updateMessage(db: Statements, id: string, result: AttemptResult): UpdatedRow | undefined {
  const { state, attempt, recipients, nextAttemptAtMs, courier } = result;
  const isFinished = state === 'delivered' || state === 'failed';
  const finishedAt = isFinished ? Math.round(attempt.startedAtMs + attempt.durationMs) : null;
  const row = db
    .sql(
      `UPDATE messages SET attempts = attempts + 1, recipients = ?, next_attempt_at = ?, finished_at = ?,
         courier = coalesce(?, courier),
         state = CASE WHEN ? = 'queued' AND state IN ('held', 'quarantined') THEN state ELSE ? END
       WHERE id = ? RETURNING lane, attempts, size, body_file`,
    )
    .get(JSON.stringify(recipients), Math.round(nextAttemptAtMs), finishedAt, courier ?? null, state, state, id);
  return row as unknown as UpdatedRow | undefined;
}

function insertAttempt(db: Statements, id: string, row: UpdatedRow, { attempt }: AttemptResult): void {
  db.sql(
    `INSERT INTO attempts (message_id, number, lane, started_at, duration_ms, delivered, external, upstream_id,
       outcomes, courier, passed_over)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    id,
    row.attempts,
    row.lane,
    attempt.startedAtMs,
    Math.round(attempt.durationMs),
    attempt.outcomes.filter((each) => each.outcome === 'delivered').length,
    attempt.externalDelivered ?? 0,
    attempt.upstreamId ?? null,
    JSON.stringify(attempt.outcomes),
    attempt.courier ?? null,
    attempt.passedOver?.length ? JSON.stringify(attempt.passedOver) : null,
  );
}

/** Inserts a notice of the bridge into the tables; within a transaction. */
export function insertNotice(db: Statements, { message, content }: Notice): QueuedMessage {
  return insertMessage(db, newId(), message, { content, size: content.length });
}

function dropBody(db: Statements, id: string, file: string | null): void {
  if (file === null) db.sql('DELETE FROM bodies WHERE message_id = ?').run(id);
  else db.sql('UPDATE messages SET body_file = NULL WHERE id = ?').run(id);
}
