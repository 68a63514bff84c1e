import { crc32 } from 'node:zlib';
import type { StoredRecord } from '../../../../base/record-table.ts';
import type { FollowUp } from '../../../follow-ups/follow-up.ts';
import { destinationOf, type QueuedMessage } from '../../../message.ts';
import type { KeptAttempt, KeptMessage } from '../../../transfer/transfer.ts';
import { adoptedMessage } from '../../adopted.ts';
import { type AttemptRow, attemptOfRow, envelopeColumn, type MessageRow, messageColumns } from '../../rows.ts';
import type { SpooledBody } from '../spool.ts';
import { type RecordRow, recordOfRow } from './records.ts';
import type { Statements } from './statements.ts';
import { endUnfinished, restoreUnfinished } from './unfinished.ts';

type KeptRow = MessageRow & { readonly body_crc: number | null; readonly delay_told: number };
type KeptAttemptRow = AttemptRow & {
  readonly message_id: string;
  readonly number: number;
  readonly lane: string;
  readonly delivered: number;
  readonly external: number;
};

/** See {@link StoreTransfer.messages}. @param messageOf returns the readable part of a row */
export function keptMessages(
  db: Statements,
  afterId: string,
  limit: number,
  messageOf: (row: MessageRow) => QueuedMessage,
): KeptMessage[] {
  const rows = db.sql(`SELECT ${messageColumns} WHERE id > ? ORDER BY id LIMIT ?`).all(afterId, limit);
  return (rows as unknown as KeptRow[]).map((row) => ({
    message: messageOf(row),
    bodyCrc: row.body_crc ?? undefined,
    isDelayTold: row.delay_told === 1,
    attempts: keptAttempts(db.sql('SELECT * FROM attempts WHERE message_id = ? ORDER BY number').all(row.id)),
  }));
}

/** See {@link StoreTransfer.counts}. */
export function keptCounts(db: Statements, id: string, number: number, limit: number): KeptAttempt[] {
  return keptAttempts(
    db
      .sql(
        `SELECT * FROM attempts WHERE (message_id, number) > (?, ?)
           AND NOT EXISTS (SELECT 1 FROM messages WHERE id = message_id) ORDER BY message_id, number LIMIT ?`,
      )
      .all(id, number, limit),
  );
}

function keptAttempts(rows: readonly unknown[]): KeptAttempt[] {
  return (rows as readonly KeptAttemptRow[]).map((row) => ({
    id: row.message_id,
    number: row.number,
    destination: row.lane,
    delivered: row.delivered,
    external: row.external,
    record: attemptOrCount(row),
  }));
}

/** From a damaged row at least what the limits need. */
function attemptOrCount(row: AttemptRow) {
  try {
    return attemptOfRow(row);
  } catch {
    return attemptOfRow({ ...row, outcomes: '[]', passed_over: null });
  }
}

/** See {@link StoreTransfer.records}. */
export function keptRecords(db: Statements, kind: string, afterKey: string, limit: number): [string, StoredRecord][] {
  return db
    .sql('SELECT * FROM records WHERE kind = ? AND key > ? ORDER BY key LIMIT ?')
    .all(kind, afterKey, limit)
    .map((row) => [row.key as string, recordOfRow(row as unknown as RecordRow)]);
}

/** Adopts a message of another store; within a transaction. */
export function adoptMessage(db: Statements, kept: KeptMessage, body: SpooledBody | undefined): QueuedMessage {
  const crc = body && ('file' in body ? body.crc : crc32(body.content));
  const message = adoptedMessage(kept, body && crc !== undefined ? { size: body.size, crc } : undefined);
  const { id } = message;
  const { changes } = db
    .sql(
      `INSERT OR IGNORE INTO messages (id, lane, account, connection, mailbox, courier, envelope, recipients, is_bounce,
         size, body_file, body_crc, state, attempts, received_at, expires_at, next_attempt_at, finished_at, damage,
         delay_told, subject, internet_message_id, notice_about)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      ...[id, destinationOf(message), message.account, message.connection, message.mailbox, message.courier],
      ...[envelopeColumn(message.envelope), JSON.stringify(message.recipients), message.isBounce ? 1 : 0],
      ...[message.size, body && 'file' in body ? body.file : null, kept.bodyCrc ?? crc ?? null, message.state],
      ...[message.attempts, message.receivedAtMs, message.expiresAtMs, message.nextAttemptAtMs],
      ...[message.finishedAtMs ?? null, message.damage ?? null, kept.isDelayTold ? 1 : 0],
      ...[message.subject ?? null, message.messageId ?? null, message.noticeAbout ?? null],
    );
  if (changes === 0) return message;
  if (body && 'content' in body) db.sql('INSERT INTO bodies (message_id, content) VALUES (?, ?)').run(id, body.content);
  restoreUnfinished(db, id, message.unfinished);
  adoptAttempts(db, kept.attempts);
  return message;
}

/** See {@link StoreTransfer.adoptCounts}; within a transaction. */
export function adoptAttempts(db: Statements, attempts: readonly KeptAttempt[]): void {
  for (const { id, number, destination, delivered, external, record } of attempts) {
    db.sql(
      `INSERT OR IGNORE INTO attempts (message_id, number, lane, started_at, duration_ms, delivered, external,
         upstream_id, outcomes, courier, passed_over)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ).run(
      ...[id, number, destination, record.startedAtMs, record.durationMs, delivered, external],
      ...[record.upstreamId ?? null, JSON.stringify(record.outcomes), record.courier ?? null],
      record.passedOver ? JSON.stringify(record.passedOver) : null,
    );
  }
}

/** See {@link StoreTransfer.adoptFollowUps}; within a transaction. */
export function adoptFollowUps(db: Statements, followUps: readonly FollowUp[]): void {
  for (const followUp of followUps) {
    const { id, connection, mailbox, note, times = null, sinceMs, dueAtMs, tries } = followUp;
    db.sql(
      `INSERT OR IGNORE INTO follow_ups (message_id, lane, connection, mailbox, note, times, since, due, tries)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ).run(id, destinationOf(followUp), connection, mailbox, note, times, sinceMs, dueAtMs, tries);
  }
}

/** See {@link StoreTransfer.forget}; within a transaction. @returns the files of their bodies */
export function forgetMessages(db: Statements, ids: readonly string[]): string[] {
  const files: string[] = [];
  for (const id of ids) {
    const row = db.sql('DELETE FROM messages WHERE id = ? RETURNING body_file').get(id);
    if (typeof row?.body_file === 'string') files.push(row.body_file);
    db.sql('DELETE FROM bodies WHERE message_id = ?').run(id);
    db.sql('DELETE FROM attempts WHERE message_id = ?').run(id);
    endUnfinished(db, id);
  }
  return files;
}
