import { randomInt } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { BridgeError } from '../../base/errors.ts';
import { type AttemptRecord, laneOf, type MessageState, type NewMessage, type QueuedMessage } from '../message.ts';
import type { AttemptResult, LaneDue, QueueFilter, QueueStore, SentCount, Spool } from '../store.ts';
import { CommitGroup } from './commit-group.ts';
import {
  type AttemptRow,
  attemptOfRow,
  envelopeColumn,
  filterCondition,
  type MessageRow,
  messageOfRow,
  queuedMessage,
} from './sqlite-rows.ts';
import { openDatabase } from './sqlite-schema.ts';
import { FileSpool, type SpooledBody } from './sqlite-spool.ts';

/**
 * Opens the queue in a folder: a SQLite database in WAL mode with `synchronous = FULL`, small bodies inside it, large
 * ones as files in `bodies/`.
 * @param options.exclusive true for the one bridge that delivers from it: leftovers of messages that were never
 *   accepted are then removed
 * @throws BridgeError `queue-unreadable`, `queue-format-newer`
 */
export function openSqliteStore(folder: string, options: { readonly exclusive: boolean }): QueueStore {
  const bodies = join(folder, 'bodies');
  mkdirSync(bodies, { recursive: true, mode: 0o700 });
  const store = new SqliteStore(openDatabase(join(folder, 'queue.sqlite')), bodies);
  if (options.exclusive) store.removeOrphans();
  return store;
}

class SqliteStore implements QueueStore {
  readonly #db: DatabaseSync;
  readonly #bodies: string;
  readonly #group: CommitGroup;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync, bodies: string) {
    this.#db = db;
    this.#bodies = bodies;
    this.#group = new CommitGroup(db);
  }

  spool(): Spool {
    return new FileSpool(newId(), this.#bodies, (id, message, size, body) =>
      this.#group.run(() => this.#insert(id, message, size, body)),
    );
  }

  lanes(): readonly LaneDue[] {
    const rows = this.#sql(
      `SELECT lane, min(next_attempt_at) AS next FROM messages WHERE state = 'queued' GROUP BY lane`,
    ).all();
    return rows.map((row) => ({ lane: row.lane as string, nextAttemptAtMs: row.next as number }));
  }

  due(lane: string, nowMs: number, limit: number): readonly QueuedMessage[] {
    return this.#messages(
      `SELECT * FROM messages WHERE state = 'queued' AND lane = ? AND next_attempt_at <= ?
       ORDER BY next_attempt_at, id LIMIT ?`,
      lane,
      nowMs,
      limit,
    );
  }

  nextDueMs(lane: string, afterMs: number): number | undefined {
    const row = this.#sql(
      `SELECT min(next_attempt_at) AS next FROM messages WHERE state = 'queued' AND lane = ? AND next_attempt_at > ?`,
    ).get(lane, afterMs);
    return (row?.next as number | null) ?? undefined;
  }

  get(id: string): QueuedMessage | undefined {
    return this.#messages('SELECT * FROM messages WHERE id = ?', id)[0];
  }

  list(filter: QueueFilter, limit: number): readonly QueuedMessage[] {
    const { sql, values } = filterCondition(filter);
    return this.#messages(`SELECT * FROM messages WHERE ${sql} ORDER BY id LIMIT ?`, ...values, limit);
  }

  count(state: MessageState): number {
    return this.#sql('SELECT count(*) AS n FROM messages WHERE state = ?').get(state)?.n as number;
  }

  open(id: string): Readable {
    const content = this.#sql('SELECT content FROM bodies WHERE message_id = ?').get(id)?.content as
      | Uint8Array<ArrayBuffer>
      | undefined;
    if (content) return Readable.from([Buffer.from(content.buffer, content.byteOffset, content.length)]);
    const file = this.#wholeFile(id);
    if (file) return createReadStream(file, { highWaterMark: 256 * 1024 });
    throw new BridgeError('queue-body-missing', `The body of message ${id} is missing or incomplete.`);
  }

  hasBody(id: string): boolean {
    return (
      this.#sql('SELECT 1 FROM bodies WHERE message_id = ?').get(id) !== undefined || this.#wholeFile(id) !== undefined
    );
  }

  /** The file of a body, if it is there with all its octets: half a message would be worse than none. */
  #wholeFile(id: string): string | undefined {
    const row = this.#sql('SELECT size, body_file FROM messages WHERE id = ? AND body_file IS NOT NULL').get(id);
    if (!row) return undefined;
    const file = join(this.#bodies, row.body_file as string);
    return statSync(file, { throwIfNoEntry: false })?.size === row.size ? file : undefined;
  }

  attempts(id: string): readonly AttemptRecord[] {
    const rows = this.#sql('SELECT * FROM attempts WHERE message_id = ? ORDER BY number').all(id);
    return (rows as unknown as AttemptRow[]).map(attemptOfRow);
  }

  sentSince(lane: string, sinceMs: number): readonly SentCount[] {
    const rows = this.#sql(
      'SELECT started_at, delivered FROM attempts WHERE lane = ? AND started_at >= ? AND delivered > 0 ORDER BY started_at',
    ).all(lane, sinceMs);
    return rows.map((row) => ({ startedAtMs: row.started_at as number, recipients: row.delivered as number }));
  }

  async record(id: string, result: AttemptResult): Promise<QueuedMessage | undefined> {
    const { file, bounce } = await this.#group.run(() => this.#recordNow(id, result));
    if (file) this.#unlink(file);
    return bounce;
  }

  hold(filter: QueueFilter): Promise<number> {
    return this.#change(filter, `UPDATE messages SET state = 'held' WHERE state = 'queued'`);
  }

  release(filter: QueueFilter, nowMs: number): Promise<number> {
    return this.#group.run(() => {
      const { sql, values } = filterCondition(filter);
      // A failed message can only come back while its body is still there.
      const ran = this.#sql(
        `UPDATE messages SET state = 'queued', next_attempt_at = ?, finished_at = NULL,
           recipients = CASE state WHEN 'failed' THEN replace(recipients, '"state":"failed"', '"state":"pending"')
             ELSE recipients END
         WHERE state IN ('queued', 'held', 'failed')
           AND (body_file IS NOT NULL OR EXISTS (SELECT 1 FROM bodies WHERE message_id = id)) AND ${sql}`,
      ).run(nowMs, ...values);
      return Number(ran.changes);
    });
  }

  async remove(filter: QueueFilter): Promise<number> {
    const { sql, values } = filterCondition(filter);
    return await this.#delete(sql, values);
  }

  async purge(finishedBeforeMs: number): Promise<number> {
    return await this.#delete('finished_at < ?', [finishedBeforeMs]);
  }

  foreignChanges(): number {
    return this.#sql('PRAGMA data_version').get()?.data_version as number;
  }

  async close(): Promise<void> {
    this.#group.flush();
    this.#db.close();
  }

  /** Files of messages that were being received when the last run ended: nobody was told that they were accepted. */
  removeOrphans(): void {
    const known = new Set(
      this.#sql('SELECT body_file FROM messages WHERE body_file IS NOT NULL')
        .all()
        .map((row) => row.body_file),
    );
    for (const file of readdirSync(this.#bodies)) if (!known.has(file)) this.#unlink(file);
  }

  #insert(id: string, message: NewMessage, size: number, body: SpooledBody): QueuedMessage {
    const queued = queuedMessage(id, message, size);
    this.#sql(
      `INSERT INTO messages (id, lane, account, connection, mailbox, courier, envelope, recipients, is_bounce, size,
         body_file, state, attempts, received_at, expires_at, next_attempt_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', 0, ?, ?, ?)`,
    ).run(
      id,
      laneOf(message),
      message.account,
      message.connection,
      message.mailbox,
      message.courier,
      envelopeColumn(message.envelope),
      JSON.stringify(queued.recipients),
      message.isBounce ? 1 : 0,
      size,
      'file' in body ? body.file : null,
      message.receivedAtMs,
      message.expiresAtMs,
      queued.nextAttemptAtMs,
    );
    if ('content' in body) this.#sql('INSERT INTO bodies (message_id, content) VALUES (?, ?)').run(id, body.content);
    return queued;
  }

  #recordNow(id: string, result: AttemptResult): { file?: string; bounce?: QueuedMessage } {
    const row = this.#sql('SELECT lane, attempts, state, body_file FROM messages WHERE id = ?').get(id) as
      | { lane: string; attempts: number; state: string; body_file: string | null }
      | undefined;
    // Deleted by an administrator while the attempt was under way.
    if (!row) return {};
    const number = row.attempts + 1;
    const { attempt } = result;
    this.#sql(
      `INSERT INTO attempts (message_id, number, lane, started_at, duration_ms, delivered, upstream_id, outcomes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ).run(
      id,
      number,
      row.lane,
      attempt.startedAtMs,
      Math.round(attempt.durationMs),
      attempt.outcomes.filter((each) => each.outcome === 'delivered').length,
      attempt.upstreamId ?? null,
      JSON.stringify(attempt.outcomes),
    );
    // An administrator's hold that came during the attempt outlives an attempt that settled nothing.
    const state = row.state === 'held' && result.state === 'queued' ? 'held' : result.state;
    const finishedAt = state === 'delivered' || state === 'failed' ? attempt.startedAtMs + attempt.durationMs : null;
    this.#sql(
      `UPDATE messages SET attempts = ?, recipients = ?, state = ?, next_attempt_at = ?, finished_at = ? WHERE id = ?`,
    ).run(
      number,
      JSON.stringify(result.recipients),
      state,
      Math.round(result.nextAttemptAtMs),
      finishedAt === null ? null : Math.round(finishedAt),
      id,
    );
    const bounce =
      result.bounce &&
      this.#insert(newId(), result.bounce.message, result.bounce.content.length, { content: result.bounce.content });
    if (state !== 'delivered') return bounce ? { bounce } : {};
    // What failed keeps its body, so that an administrator can still send it; what is delivered does not.
    this.#sql('DELETE FROM bodies WHERE message_id = ?').run(id);
    if (row.body_file === null) return bounce ? { bounce } : {};
    this.#sql('UPDATE messages SET body_file = NULL WHERE id = ?').run(id);
    return { file: row.body_file, ...(bounce ? { bounce } : {}) };
  }

  #change(filter: QueueFilter, update: string): Promise<number> {
    const { sql, values } = filterCondition(filter);
    return this.#group.run(() => Number(this.#sql(`${update} AND ${sql}`).run(...values).changes));
  }

  async #delete(condition: string, values: readonly (string | number)[]): Promise<number> {
    const rows = await this.#group.run(() => {
      const gone = this.#sql(`DELETE FROM messages WHERE ${condition} RETURNING id, body_file`).all(...values);
      for (const row of gone) {
        this.#sql('DELETE FROM bodies WHERE message_id = ?').run(row.id as string);
        this.#sql('DELETE FROM attempts WHERE message_id = ?').run(row.id as string);
      }
      return gone;
    });
    for (const row of rows) if (row.body_file !== null) this.#unlink(row.body_file as string);
    return rows.length;
  }

  #messages(sql: string, ...values: readonly (string | number)[]): QueuedMessage[] {
    return (this.#sql(sql).all(...values) as unknown as MessageRow[]).map(messageOfRow);
  }

  /** A prepared statement, prepared once. */
  #sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (!statement) {
      statement = this.#db.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  #unlink(file: string): void {
    try {
      unlinkSync(join(this.#bodies, file));
    } catch {
      // The next start removes it as an orphan.
    }
  }
}

let lastTime = 0;

/** Letters and digits, sorted by time: nine for the millisecond, five by chance. */
function newId(): string {
  lastTime = Math.max(lastTime, Date.now());
  return (
    lastTime.toString(36).padStart(9, '0') +
    randomInt(36 ** 5)
      .toString(36)
      .padStart(5, '0')
  );
}
