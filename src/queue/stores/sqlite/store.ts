import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Readable } from 'node:stream';
import { makeOwnFolder } from '../../../base/files/own-folder.ts';
import type { LearnedPause } from '../../limits/pause.ts';
import type { AttemptRecord, MessageState, QueuedMessage } from '../../message.ts';
import type {
  AttemptResult,
  DestinationDue,
  GivenUp,
  QueueFilter,
  QueueStore,
  QueueTotal,
  SentCount,
  Spool,
} from '../../store.ts';
import { isDiskFull, writeFailure } from '../disk-full.ts';
import { newId } from '../queue-id.ts';
import { Reserve } from '../reserve.ts';
import { Room, type RoomLimits } from '../room.ts';
import { Bodies, setBodiesAside } from './bodies.ts';
import { CommitGroup } from './commit-group.ts';
import { delayedMessages, noteDelayTold } from './delays.ts';
import { expiredMessages, giveUp } from './expiry.ts';
import { filterCondition } from './filter.ts';
import {
  accountsOfDestination,
  allPauses,
  externalOfConnection,
  forgetAttempts,
  insertCount,
  nextDueOfDestination,
  purgeCounts,
  sentOfConnection,
  sentOfDestination,
  upsertPause,
} from './limits.ts';
import { insertMessage, recordOutcome } from './outcome.ts';
import {
  type AttemptRow,
  attemptOfRow,
  damagedMessage,
  type MessageRow,
  messageOfRow,
  unreadableEntry,
} from './rows.ts';
import { assertIntact, openDatabase } from './schema.ts';
import { FileSpool } from './spool.ts';
import { Statements } from './statements.ts';
import { totalsOf } from './totals.ts';
import { foreignChangesOf, StoredUsage } from './usage.ts';

export type { RoomLimits } from '../room.ts';

/** How a queue is opened. */
export interface SqliteStoreOptions {
  /**
   * True for the one bridge that delivers from it: leftovers of messages that were never accepted are then removed,
   * and the database is looked through.
   */
  readonly exclusive: boolean;
  /** No bound where left out. */
  readonly room?: RoomLimits;
  /** Told once of each message that turns out to be damaged; it is quarantined already. */
  onQuarantined?(id: string, damage: string): void;
  /** Told of bodies without a database, which were moved to a folder instead of being removed. */
  onBodiesSetAside?(count: number, folder: string): void;
}

/**
 * Opens the queue in a folder: a SQLite database in WAL mode with `synchronous = FULL`, small bodies inside it, large
 * ones as files in `bodies/`.
 * @throws BridgeError `queue-unreadable`, `queue-format-newer`, `queue-damaged`, `data-folder-unsafe`
 */
export function openSqliteStore(folder: string, options: SqliteStoreOptions): QueueStore {
  const bodies = join(folder, 'bodies');
  for (const each of [folder, bodies]) makeOwnFolder(each);
  const file = join(folder, 'queue.sqlite');
  const isNew = !existsSync(file);
  const db = openDatabase(file);
  if (!options.exclusive) return new SqliteStore(db, folder, bodies, options);
  try {
    assertIntact(db, file);
  } catch (error) {
    db.close();
    throw error;
  }
  // Somebody has moved the database away: its bodies are all that is left of the messages.
  const aside = isNew ? setBodiesAside(bodies, join(folder, 'recovered')) : 0;
  if (aside > 0) options.onBodiesSetAside?.(aside, join(folder, 'recovered'));
  const store = new SqliteStore(db, folder, bodies, options);
  store.tidy();
  return store;
}

class SqliteStore implements QueueStore {
  readonly #db: DatabaseSync;
  readonly #folder: string;
  readonly #bodyFolder: string;
  readonly #options: SqliteStoreOptions;
  readonly #statements: Statements;
  readonly #bodies: Bodies;
  readonly #group: CommitGroup;
  readonly #reserve: Reserve;
  readonly #room: Room | undefined;
  readonly #quarantining = new Set<string>();
  readonly #usage: StoredUsage;

  constructor(db: DatabaseSync, folder: string, bodyFolder: string, options: SqliteStoreOptions) {
    this.#db = db;
    this.#folder = folder;
    this.#bodyFolder = bodyFolder;
    this.#options = options;
    this.#statements = new Statements(db);
    this.#usage = new StoredUsage(this.#statements);
    this.#bodies = new Bodies(this.#statements, bodyFolder, (id, damage) => this.#found(id, damage));
    this.#group = new CommitGroup(db);
    this.#reserve = new Reserve(join(folder, 'reserve'));
    this.#room = options.room && new Room(folder, options.room, this.#reserve, () => this.#usage.current());
  }

  /** What the bridge does at its start. */
  tidy(): void {
    this.#bodies.removeOrphans();
    if (this.#room) this.#reserve.take();
  }

  spool(): Spool {
    return new FileSpool(
      newId(),
      this.#bodyFolder,
      async (id, message, body) => {
        this.#room?.assert(body.size);
        const queued = await this.#group.run(() => insertMessage(this.#statements, id, message, body));
        this.#usage.add(1, body.size);
        return queued;
      },
      () => this.#room?.assertDisk(0),
    );
  }

  destinations(): readonly DestinationDue[] {
    const rows = this.#sql(
      `SELECT lane, min(next_attempt_at) AS next FROM messages WHERE state = 'queued' GROUP BY lane`,
    ).all();
    return rows.map((row) => ({ destination: row.lane as string, nextAttemptAtMs: row.next as number }));
  }

  accounts(destination: string): readonly string[] {
    return accountsOfDestination(this.#statements, destination);
  }

  due(destination: string, nowMs: number, limit: number, account?: string): readonly QueuedMessage[] {
    const ofAccount = account === undefined ? [] : [account];
    return this.#messages(
      `SELECT * FROM messages WHERE state = 'queued' AND lane = ? ${account === undefined ? '' : 'AND account = ?'}
         AND next_attempt_at <= ? ORDER BY next_attempt_at, id LIMIT ?`,
      destination,
      ...ofAccount,
      nowMs,
      limit,
    ).filter(({ state }) => state === 'queued');
  }

  nextDueMs(destination: string, afterMs: number): number | undefined {
    return nextDueOfDestination(this.#statements, destination, afterMs);
  }

  get(id: string): QueuedMessage | undefined {
    return this.#messages('SELECT * FROM messages WHERE id = ?', id)[0];
  }

  list(filter: QueueFilter, limit: number): readonly QueuedMessage[] {
    const { sql, values } = filterCondition(filter);
    return this.#messages(`SELECT * FROM messages WHERE ${sql} ORDER BY id LIMIT ?`, ...values, limit);
  }

  totals(filter: QueueFilter): readonly QueueTotal[] {
    return totalsOf(this.#statements, filter);
  }

  count(state: MessageState): number {
    return this.#sql('SELECT count(*) AS n FROM messages WHERE state = ?').get(state)?.n as number;
  }

  assertRoom(octets: number): void {
    this.#room?.assert(octets);
  }

  open(id: string, options: { readonly evenIfDamaged?: boolean } = {}): Readable {
    return this.#bodies.open(id, options.evenIfDamaged === true);
  }

  attempts(id: string): readonly AttemptRecord[] {
    const rows = this.#sql(`SELECT * FROM attempts WHERE message_id = ? AND outcomes <> '[]' ORDER BY number`).all(id);
    return (rows as unknown as AttemptRow[]).map(attemptOfRow);
  }

  sentSince(destination: string, sinceMs: number): readonly SentCount[] {
    return sentOfDestination(this.#statements, destination, sinceMs);
  }

  sentOfConnectionSince(connection: string, sinceMs: number): readonly SentCount[] {
    return sentOfConnection(this.#statements, connection, sinceMs);
  }

  externalSince(connection: string, sinceMs: number): readonly (SentCount & { readonly destination: string })[] {
    return externalOfConnection(this.#statements, connection, sinceMs);
  }

  countSent(destination: string, sent: SentCount): Promise<void> {
    return this.#write(() => insertCount(this.#statements, destination, sent));
  }

  pauses(): readonly LearnedPause[] {
    return allPauses(this.#statements);
  }

  setPause(pause: LearnedPause): Promise<void> {
    return this.#write(() => upsertPause(this.#statements, pause));
  }

  async endPause(key: string): Promise<void> {
    await this.#change('DELETE FROM pauses WHERE key = ?', key);
  }

  defer(ids: readonly string[], untilMs: number): Promise<void> {
    return this.#write(() => {
      for (const id of ids) {
        this.#sql(`UPDATE messages SET next_attempt_at = ? WHERE id = ? AND state = 'queued'`).run(
          Math.ceil(untilMs),
          id,
        );
      }
    });
  }

  async record(id: string, result: AttemptResult): Promise<QueuedMessage | undefined> {
    const { file, freedOctets, bounce } = await this.#write(() => recordOutcome(this.#statements, id, result));
    if (file !== undefined) this.#bodies.unlink(file);
    if (freedOctets !== undefined) this.#usage.add(-1, -freedOctets);
    if (bounce) this.#usage.add(1, bounce.size);
    return bounce;
  }

  async hasten(nowMs: number): Promise<void> {
    await this.#change(
      `UPDATE messages SET next_attempt_at = ? WHERE state = 'queued' AND next_attempt_at > ?`,
      nowMs,
      nowMs,
    );
  }

  expired(connection: string, nowMs: number, afterId: string, limit: number): readonly QueuedMessage[] {
    const found = this.#messages(expiredMessages, connection, nowMs, afterId, limit);
    return found.filter(({ state }) => state === 'queued');
  }

  async giveUp(id: string, given: GivenUp): Promise<QueuedMessage | undefined> {
    const bounce = await this.#write(() => giveUp(this.#statements, id, given));
    if (bounce) this.#usage.add(1, bounce.size);
    return bounce;
  }

  delayed(receivedBeforeMs: number, limit: number): readonly QueuedMessage[] {
    return this.#messages(delayedMessages, receivedBeforeMs, limit).filter(({ state }) => state === 'queued');
  }

  async noteDelayTold(id: string, warning: AttemptResult['bounce']): Promise<QueuedMessage | undefined> {
    const queued = await this.#write(() => noteDelayTold(this.#statements, id, warning));
    if (queued) this.#usage.add(1, queued.size);
    return queued;
  }

  hold(filter: QueueFilter): Promise<number> {
    const { sql, values } = filterCondition(filter);
    return this.#change(`UPDATE messages SET state = 'held' WHERE state = 'queued' AND ${sql}`, ...values);
  }

  release(filter: QueueFilter, nowMs: number): Promise<number> {
    const { sql, values } = filterCondition(filter);
    return this.#change(
      `UPDATE messages SET next_attempt_at = ?, finished_at = NULL, damage = NULL,
         expires_at = CASE state WHEN 'queued' THEN expires_at ELSE max(expires_at, ? + expires_at - received_at) END,
         recipients = CASE state WHEN 'failed' THEN replace(recipients, '"state":"failed"', '"state":"pending"')
           ELSE recipients END,
         state = 'queued'
       WHERE state <> 'delivered'
         AND (body_file IS NOT NULL OR EXISTS (SELECT 1 FROM bodies WHERE message_id = id)) AND ${sql}`,
      nowMs,
      nowMs,
      ...values,
    );
  }

  async remove(filter: QueueFilter): Promise<number> {
    const { sql, values } = filterCondition(filter);
    return await this.#delete(sql, values);
  }

  async quarantine(id: string, damage: string): Promise<void> {
    await this.#change(
      `UPDATE messages SET state = 'quarantined', damage = ? WHERE state <> 'delivered' AND id = ?`,
      damage,
      id,
    );
  }

  async purge(before: { readonly deliveredMs: number; readonly failedMs: number }): Promise<number> {
    return await this.#delete(`finished_at IS NOT NULL AND finished_at < CASE state WHEN 'failed' THEN ? ELSE ? END`, [
      before.failedMs,
      before.deliveredMs,
    ]);
  }

  async purgeCounts(startedBeforeMs: number): Promise<void> {
    await this.#write(() => purgeCounts(this.#statements, startedBeforeMs));
  }

  foreignChanges(): number {
    return foreignChangesOf(this.#statements);
  }

  async close(): Promise<void> {
    this.#group.flush();
    this.#db.close();
  }

  /** Whatever makes the queue smaller or settles a message: it may use the reserve when the disk is full. */
  async #write<T>(operation: () => T): Promise<T> {
    try {
      return await this.#group.run(operation);
    } catch (error) {
      if (!isDiskFull(error, this.#folder)) throw error;
      this.#room?.lookAgain();
      if (!this.#reserve.release()) throw writeFailure(error, this.#folder);
      return await this.#group.run(operation);
    }
  }

  #change(update: string, ...values: readonly (string | number)[]): Promise<number> {
    return this.#write(() => Number(this.#sql(update).run(...values).changes));
  }

  async #delete(condition: string, values: readonly (string | number)[]): Promise<number> {
    const rows = await this.#write(() => {
      const gone = this.#sql(`DELETE FROM messages WHERE ${condition} RETURNING id, body_file`).all(...values);
      for (const row of gone) {
        this.#sql('DELETE FROM bodies WHERE message_id = ?').run(row.id as string);
        forgetAttempts(this.#statements, row.id as string);
      }
      return gone;
    });
    for (const row of rows) if (row.body_file !== null) this.#bodies.unlink(row.body_file as string);
    this.#usage.forget();
    return rows.length;
  }

  #messages(sql: string, ...values: readonly (string | number)[]): QueuedMessage[] {
    return (this.#sql(sql).all(...values) as unknown as MessageRow[]).map((row) => {
      try {
        return messageOfRow(row);
      } catch {
        this.#found(row.id, unreadableEntry);
        return damagedMessage(row);
      }
    });
  }

  /** A damaged message goes out of the way of the others; only the bridge itself does that. */
  #found(id: string, damage: string): void {
    if (!this.#options.exclusive || this.#quarantining.has(id)) return;
    this.#quarantining.add(id);
    this.quarantine(id, damage)
      .then(() => this.#options.onQuarantined?.(id, damage))
      // It stays where it is, and is found again.
      .catch(() => {})
      .finally(() => this.#quarantining.delete(id));
  }

  #sql(text: string) {
    return this.#statements.sql(text);
  }
}
