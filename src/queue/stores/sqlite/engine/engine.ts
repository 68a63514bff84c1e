import type { DatabaseSync } from 'node:sqlite';
import { BridgeError } from '../../../../base/errors.ts';
import type { RecordOptions, StoredRecord } from '../../../../base/record-table.ts';
import type { FollowUp, FollowUpChange, NewFollowUp } from '../../../follow-ups/follow-up.ts';
import type { LearnedPause } from '../../../limits/pause.ts';
import type {
  AttemptRecord,
  MessageState,
  NewMessage,
  Notice,
  QueuedMessage,
  UnfinishedAttempt,
} from '../../../message.ts';
import type {
  AttemptResult,
  AttemptStart,
  DestinationDue,
  GivenUp,
  QueueFilter,
  QueueSummary,
  QueueTotal,
  SentCount,
} from '../../../store.ts';
import type { KeptAttempt, KeptMessage } from '../../../transfer/transfer.ts';
import { isDiskFull, writeFailure } from '../../disk-full.ts';
import type { SeenMessages, Sight } from '../../page.ts';
import type { Reserve } from '../../reserve.ts';
import { Room, type RoomLimits } from '../../room.ts';
import {
  type AttemptRow,
  attemptOfRow,
  damagedMessage,
  type MessageRow,
  messageColumns,
  messageOfRow,
  unreadableEntry,
} from '../../rows.ts';
import type { SpooledBody } from '../spool.ts';
import { Bodies, type BodySource } from './bodies.ts';
import { CommitGroup } from './commit-group.ts';
import { delayedMessages, noteDelayTold } from './delays.ts';
import { expiredMessages, giveUp } from './expiry.ts';
import { filterCondition } from './filter.ts';
import {
  destinationsToFollowUp,
  dueFollowUps,
  hastenFollowUps,
  insertFollowUp,
  updateFollowUps,
} from './follow-ups.ts';
import {
  accountsOfDestination,
  allPauses,
  externalOfConnection,
  forgetAttempts,
  insertCount,
  longestDue,
  nextDueOfDestination,
  purgeCounts,
  sentOfConnection,
  sentOfDestination,
  upsertPause,
} from './limits.ts';
import { insertMessage, recordOutcome } from './outcome.ts';
import { countOf, deliveredSince, seenMessages, summaryOf } from './overview.ts';
import { addRecord, getRecord, listRecords, putRecord } from './records.ts';
import { endRun } from './runs.ts';
import { Statements } from './statements.ts';
import { totalsOf } from './totals.ts';
import {
  adoptAttempts,
  adoptFollowUps,
  adoptMessage,
  forgetMessages,
  keptCounts,
  keptMessages,
  keptRecords,
} from './transfer.ts';
import { beginUnfinished, endUnfinished, restoreUnfinished } from './unfinished.ts';
import { foreignChangesOf, StoredUsage } from './usage.ts';

/** What an engine reports unasked. */
export type EngineEvent =
  /** A message turned out to be damaged; it is already quarantined. */
  | { readonly kind: 'quarantined'; readonly id: string; readonly damage: string }
  /** Bodies without a database were moved to a folder instead of being removed. */
  | { readonly kind: 'bodies-set-aside'; readonly count: number; readonly folder: string };

/** An attempt that has begun. */
export interface Begun {
  /** The message before the attempt. */
  readonly message: QueuedMessage;
  readonly content?: Uint8Array<ArrayBuffer>;
}

/** The parts of an engine. */
export interface EngineParts {
  readonly db: DatabaseSync;
  readonly folder: string;
  readonly bodyFolder: string;
  /** Whether this is the one bridge that delivers from the queue, not a command beside it. */
  readonly exclusive: boolean;
  /** Unlimited if left out. */
  readonly room: RoomLimits | undefined;
  readonly reserve: Reserve;
  tell(event: EngineEvent): void;
}

/**
 * All code that touches the database and blocks meanwhile: for a thread of its own, or for a process with nothing else
 * to do. Arguments and results are plain values that can be sent to another thread. Changes that come within one turn
 * of the event loop are committed together.
 */
export class Engine {
  readonly #db: DatabaseSync;
  readonly #parts: EngineParts;
  readonly #statements: Statements;
  readonly #bodies: Bodies;
  readonly #group: CommitGroup;
  readonly #room: Room | undefined;
  readonly #quarantining = new Set<string>();
  readonly #usage: StoredUsage;

  constructor(parts: EngineParts) {
    const { db, folder, bodyFolder, room, reserve } = parts;
    this.#db = db;
    this.#parts = parts;
    this.#statements = new Statements(db);
    this.#usage = new StoredUsage(this.#statements);
    this.#bodies = new Bodies(this.#statements, bodyFolder, (id, damage) => this.found(id, damage));
    this.#group = new CommitGroup(db);
    this.#room = room && new Room(folder, room, reserve, () => this.#usage.current());
  }

  /** Runs when the bridge starts. */
  tidy(): void {
    this.#bodies.removeOrphans();
    if (this.#room) this.#parts.reserve.take();
  }

  async insert(id: string, message: NewMessage, body: SpooledBody): Promise<void> {
    try {
      this.#room?.assert(body.size);
      await this.#group.run(() => insertMessage(this.#statements, id, message, body));
      this.#usage.add(1, body.size);
    } catch (error) {
      throw writeFailure(error, this.#parts.folder);
    }
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
    const accounts = account === undefined ? this.accounts(destination) : [account];
    const found =
      accounts.length > 1
        ? this.#messages(
            `SELECT ${messageColumns} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY next_attempt_at, id`,
            JSON.stringify(longestDue(this.#statements, { destination, accounts }, nowMs, limit)),
          )
        : this.#messages(
            `SELECT ${messageColumns} WHERE state = 'queued' AND lane = ? AND account = ? AND next_attempt_at <= ?
             ORDER BY next_attempt_at, id LIMIT ?`,
            destination,
            accounts[0] ?? '',
            nowMs,
            limit,
          );
    return found.filter(({ state }) => state === 'queued');
  }

  nextDueMs(destination: string, afterMs: number): number | undefined {
    return nextDueOfDestination(this.#statements, destination, afterMs);
  }

  get(id: string): QueuedMessage | undefined {
    return this.#messages(`SELECT ${messageColumns} WHERE id = ?`, id)[0];
  }

  list(filter: QueueFilter, limit: number): readonly QueuedMessage[] {
    const { sql, values } = filterCondition(filter);
    return this.#messages(`SELECT ${messageColumns} WHERE ${sql} ORDER BY id LIMIT ?`, ...values, limit);
  }

  /** See {@link QueueStore.page}: one of several sights. */
  seen(filter: QueueFilter, sight: Sight): SeenMessages {
    return seenMessages(this.#statements, filter, sight, (row) => this.#message(row));
  }

  summary(): QueueSummary {
    return summaryOf(this.#statements);
  }

  deliveredSince(sinceMs: number): number {
    return deliveredSince(this.#statements, sinceMs);
  }

  totals(filter: QueueFilter): readonly QueueTotal[] {
    return totalsOf(this.#statements, filter);
  }

  count(state: MessageState): number {
    return countOf(this.#statements, state);
  }

  /**
   * @returns whether there is so much room that the next calls can be skipped for a while
   * @throws BridgeError `queue-full`
   */
  assertRoom(bytes: number): boolean {
    this.#room?.assert(bytes);
    return this.#room?.isWide() ?? true;
  }

  /** Checks only the disk, for a message on its way in. @throws BridgeError `queue-full` */
  assertDisk(bytes: number): void {
    this.#room?.assertDisk(bytes);
  }

  /** Where a body is. @throws BridgeError `queue-body-missing`, `queue-body-damaged` */
  body(id: string, evenIfDamaged: boolean): BodySource {
    return this.#bodies.find(id, evenIfDamaged);
  }

  attempts(id: string): readonly AttemptRecord[] {
    const rows = this.#sql(`SELECT * FROM attempts WHERE message_id = ? AND outcomes <> '[]' ORDER BY number`).all(id);
    return (rows as unknown as AttemptRow[]).map(attemptOfRow);
  }

  sentSince(destination: string, sinceMs: number, nowMs: number): readonly SentCount[] {
    return sentOfDestination(this.#statements, destination, sinceMs, nowMs);
  }

  sentOfConnectionSince(connection: string, sinceMs: number, nowMs: number): readonly SentCount[] {
    return sentOfConnection(this.#statements, connection, sinceMs, nowMs);
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

  async record(id: string, result: AttemptResult): Promise<readonly QueuedMessage[]> {
    const { file, freedOctets, bounces } = await this.#write(() => recordOutcome(this.#statements, id, result));
    if (file !== undefined) this.#bodies.unlink(file);
    if (freedOctets !== undefined) this.#usage.add(-1, -freedOctets);
    this.#countIn(bounces);
    return bounces;
  }

  /** @param withContent also returns the body if it is small and sound */
  async begin(id: string, attempt: AttemptStart, withContent: boolean): Promise<Begun | undefined> {
    const queued = () => {
      const message = this.get(id);
      return message?.state === 'queued' ? message : undefined;
    };
    const message = await this.#whereThereIsRoom(() => {
      const found = queued();
      if (found) beginUnfinished(this.#statements, id, attempt);
      return found;
    }, queued);
    const content = message && withContent ? this.#bodies.small(id) : undefined;
    return message && { message, ...(content && { content }) };
  }

  async cancelAttempt(id: string, before: UnfinishedAttempt | undefined): Promise<void> {
    await this.#whereThereIsRoom(
      () => restoreUnfinished(this.#statements, id, before),
      () => {},
    );
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

  async giveUp(id: string, given: GivenUp): Promise<readonly QueuedMessage[]> {
    const bounces = await this.#write(() => giveUp(this.#statements, id, given));
    this.#countIn(bounces);
    return bounces;
  }

  delayed(receivedBeforeMs: number, afterId: string, limit: number): readonly QueuedMessage[] {
    const found = this.#messages(delayedMessages, receivedBeforeMs, afterId, limit);
    return found.filter(({ state }) => state === 'queued');
  }

  async noteDelayTold(id: string, warning: Notice | undefined): Promise<QueuedMessage | undefined> {
    const queued = await this.#write(() => noteDelayTold(this.#statements, id, warning));
    if (queued) this.#countIn([queued]);
    return queued;
  }

  addFollowUp(id: string, followUp: NewFollowUp, nowMs: number): Promise<void> {
    return this.#write(() => insertFollowUp(this.#statements, id, followUp, nowMs));
  }

  followUpDestinations(nowMs: number): readonly string[] {
    return destinationsToFollowUp(this.#statements, nowMs);
  }

  followUps(destination: string, nowMs: number, limit: number): readonly FollowUp[] {
    return dueFollowUps(this.#statements, destination, nowMs, limit);
  }

  changeFollowUps(changes: readonly FollowUpChange[]): Promise<void> {
    return this.#write(() => updateFollowUps(this.#statements, changes));
  }

  hastenFollowUps(nowMs: number, latestMs: number): Promise<void> {
    return this.#write(() => hastenFollowUps(this.#statements, nowMs, latestMs));
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

  getRecord(kind: string, key: string, nowMs: number): StoredRecord | undefined {
    return getRecord(this.#statements, kind, key, nowMs);
  }

  listRecords(kind: string, nowMs: number, prefix: string): ReadonlyMap<string, StoredRecord> {
    return listRecords(this.#statements, kind, nowMs, prefix);
  }

  addRecord(
    kind: string,
    key: string,
    value: string,
    nowMs: number,
    options: RecordOptions,
  ): Promise<StoredRecord | undefined> {
    return this.#write(() => addRecord(this.#statements, [kind, key, value], nowMs, options), options.soft);
  }

  putRecord(
    kind: string,
    key: string,
    value: string,
    options: RecordOptions & { readonly ifVersion?: number },
  ): Promise<number | undefined> {
    return this.#write(() => putRecord(this.#statements, [kind, key, value], options), options.soft);
  }

  async deleteRecord(kind: string, key: string): Promise<void> {
    await this.#change('DELETE FROM records WHERE kind = ? AND key = ?', kind, key);
  }

  async purgeRecords(nowMs: number): Promise<void> {
    await this.#change('DELETE FROM records WHERE expires_at <= ?', nowMs);
  }

  keptMessages(afterId: string, limit: number): readonly KeptMessage[] {
    return keptMessages(this.#statements, afterId, limit, (row) => this.#message(row));
  }

  keptCounts(id: string, number: number, limit: number): readonly KeptAttempt[] {
    return keptCounts(this.#statements, id, number, limit);
  }

  keptRecords(kind: string, afterKey: string, limit: number): readonly (readonly [string, StoredRecord])[] {
    return keptRecords(this.#statements, kind, afterKey, limit);
  }

  /** @param body undefined: there is none */
  adopt(kept: KeptMessage, body: SpooledBody | undefined): Promise<QueuedMessage> {
    return this.#adopt(() => adoptMessage(this.#statements, kept, body));
  }

  adoptCounts(counts: readonly KeptAttempt[]): Promise<void> {
    return this.#adopt(() => adoptAttempts(this.#statements, counts));
  }

  adoptFollowUps(followUps: readonly FollowUp[]): Promise<void> {
    return this.#adopt(() => adoptFollowUps(this.#statements, followUps));
  }

  async forget(ids: readonly string[]): Promise<void> {
    const files = await this.#write(() => forgetMessages(this.#statements, ids));
    for (const file of files) this.#bodies.unlink(file);
    this.#usage.forget();
  }

  /** Changes whenever another process has changed the database. */
  foreignChanges(): number {
    return foreignChangesOf(this.#statements);
  }

  /** Quarantines a damaged message so that it does not hold up others; only the bridge itself does that. */
  found(id: string, damage: string): void {
    if (!this.#parts.exclusive || this.#quarantining.has(id)) return;
    this.#quarantining.add(id);
    this.quarantine(id, damage)
      .then(() => this.#parts.tell({ kind: 'quarantined', id, damage }))
      // It stays where it is and is found again.
      .catch(() => {})
      .finally(() => this.#quarantining.delete(id));
  }

  /** Commits what waits, and ends. */
  close(): void {
    // If this fails on a full disk and the machine then goes down, the next run assumes more attempts under way than
    // there were.
    if (this.#parts.exclusive) this.#group.run(() => endRun(this.#statements)).catch(() => {});
    this.#group.flush();
    this.#db.close();
  }

  #countIn(notices: readonly QueuedMessage[]): void {
    for (const { size } of notices) this.#usage.add(1, size);
  }

  /**
   * Writes softly. A full disk must not stop delivery, which makes room: what is not recorded costs a second copy after
   * a crash.
   */
  async #whereThereIsRoom<T>(operation: () => T, otherwise: () => T): Promise<T> {
    try {
      return await this.#write(operation, true);
    } catch (error) {
      if (!(error instanceof BridgeError) || error.code !== 'queue-full') throw error;
      return otherwise();
    }
  }

  /** For changes that shrink the queue or settle a message: they may use the reserve when the disk is full. */
  async #write<T>(operation: () => T, soft = false): Promise<T> {
    try {
      return await this.#group.run(operation, soft);
    } catch (error) {
      const { folder, reserve } = this.#parts;
      if (!isDiskFull(error, folder)) throw error;
      this.#room?.lookAgain();
      if (!reserve.release()) throw writeFailure(error, folder);
      return await this.#group.run(operation, soft);
    }
  }

  async #adopt<T>(operation: () => T): Promise<T> {
    try {
      return await this.#group.run(operation);
    } catch (error) {
      throw writeFailure(error, this.#parts.folder);
    } finally {
      this.#usage.forget();
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
        endUnfinished(this.#statements, row.id as string);
        forgetAttempts(this.#statements, row.id as string);
      }
      return gone;
    });
    for (const row of rows) if (row.body_file !== null) this.#bodies.unlink(row.body_file as string);
    this.#usage.forget();
    return rows.length;
  }

  #messages(sql: string, ...values: readonly (string | number)[]): QueuedMessage[] {
    return (this.#sql(sql).all(...values) as unknown as MessageRow[]).map((row) => this.#message(row));
  }

  #message(row: MessageRow): QueuedMessage {
    try {
      return messageOfRow(row);
    } catch {
      this.found(row.id, unreadableEntry);
      return damagedMessage(row);
    }
  }

  #sql(text: string) {
    return this.#statements.sql(text);
  }
}
