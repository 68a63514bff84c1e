import { crc32 } from 'node:zlib';
import { destinationOf, type NewMessage, type QueuedMessage } from '../../message.ts';
import type { AttemptResult } from '../../store.ts';
import { newId } from '../queue-id.ts';
import { envelopeColumn, queuedMessage } from './rows.ts';
import type { SpooledBody } from './spool.ts';
import type { Statements } from './statements.ts';

/** Puts a message into the tables; within a transaction. */
export function insertMessage(db: Statements, id: string, message: NewMessage, body: SpooledBody): QueuedMessage {
  const queued = queuedMessage(id, message, body.size);
  db.sql(
    `INSERT INTO messages (id, lane, account, connection, mailbox, courier, envelope, recipients, is_bounce, size,
       body_file, body_crc, state, attempts, received_at, expires_at, next_attempt_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', 0, ?, ?, ?)`,
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
    body.crc,
    message.receivedAtMs,
    message.expiresAtMs,
    queued.nextAttemptAtMs,
  );
  if ('content' in body) db.sql('INSERT INTO bodies (message_id, content) VALUES (?, ?)').run(id, body.content);
  return queued;
}

/** What an outcome left behind. */
export interface Recorded {
  /** The file of a body that is needed no more. */
  readonly file?: string;
  /** Of the body, where it is needed no more. */
  readonly freedOctets?: number;
  readonly bounce?: QueuedMessage;
}

/** Writes what an attempt came to, and the notification with it; within a transaction. */
export function recordOutcome(db: Statements, id: string, result: AttemptResult): Recorded {
  const row = updateMessage(db, id, result);
  // Deleted by an administrator while the attempt was under way.
  if (!row) return {};
  insertAttempt(db, id, row, result);
  const bounce = result.bounce && insertBounce(db, result.bounce);
  const noticed = bounce ? { bounce } : {};
  if (result.state !== 'delivered') return noticed;
  // What failed keeps its body, so that an administrator can still send it; what is delivered does not.
  dropBody(db, id, row.body_file);
  return { freedOctets: row.size, ...(row.body_file === null ? {} : { file: row.body_file }), ...noticed };
}

interface UpdatedRow {
  readonly lane: string;
  readonly attempts: number;
  readonly size: number;
  readonly body_file: string | null;
}

/** A hold or a quarantine that came during the attempt outlives an attempt that settled nothing. */
function updateMessage(db: Statements, id: string, result: AttemptResult): UpdatedRow | undefined {
  const { state, attempt, recipients, nextAttemptAtMs } = result;
  const isFinished = state === 'delivered' || state === 'failed';
  const finishedAt = isFinished ? Math.round(attempt.startedAtMs + attempt.durationMs) : null;
  const row = db
    .sql(
      `UPDATE messages SET attempts = attempts + 1, recipients = ?, next_attempt_at = ?, finished_at = ?,
         state = CASE WHEN ? = 'queued' AND state IN ('held', 'quarantined') THEN state ELSE ? END
       WHERE id = ? RETURNING lane, attempts, size, body_file`,
    )
    .get(JSON.stringify(recipients), Math.round(nextAttemptAtMs), finishedAt, state, state, id);
  return row as unknown as UpdatedRow | undefined;
}

function insertAttempt(db: Statements, id: string, row: UpdatedRow, { attempt }: AttemptResult): void {
  db.sql(
    `INSERT INTO attempts (message_id, number, lane, started_at, duration_ms, delivered, external, upstream_id,
       outcomes)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
  );
}

/** Puts a notification of our own into the tables; within a transaction. */
export function insertBounce(
  db: Statements,
  { message, content }: NonNullable<AttemptResult['bounce']>,
): QueuedMessage {
  return insertMessage(db, newId(), message, { content, size: content.length, crc: crc32(content) });
}

function dropBody(db: Statements, id: string, file: string | null): void {
  if (file === null) db.sql('DELETE FROM bodies WHERE message_id = ?').run(id);
  else db.sql('UPDATE messages SET body_file = NULL WHERE id = ?').run(id);
}
