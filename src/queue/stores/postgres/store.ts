import { randomInt, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Readable } from 'node:stream';
import type { RecordTable } from '../../../base/record-table.ts';
import { postgresAddress } from '../../../postgres/address.ts';
import { Database, slowDeadlineMs } from '../../../postgres/database.ts';
import { bringUpToDate } from '../../../postgres/migration.ts';
import type { ResultRow } from '../../../postgres/session.ts';
import type { FollowUp, FollowUpChange, NewFollowUp } from '../../follow-ups/follow-up.ts';
import type { LearnedPause } from '../../limits/pause.ts';
import {
  type AttemptRecord,
  destinationOf,
  type MessageState,
  type Notice,
  type QueuedMessage,
  type UnfinishedAttempt,
} from '../../message.ts';
import type { Lease, LeaseTable } from '../../ownership/lease.ts';
import type {
  AttemptResult,
  AttemptStart,
  DestinationDue,
  GivenUp,
  PageRequest,
  QueueFilter,
  QueuePage,
  QueueSummary,
  QueueTotal,
  SentCount,
  Spool,
  StoreChange,
} from '../../store.ts';
import type { MovableStore, StoreTransfer } from '../../transfer/transfer.ts';
import { pageOf } from '../page.ts';
import { newId } from '../queue-id.ts';
import { type AttemptRow, attemptOfRow, unreadableEntry } from '../rows.ts';
import { hastenAll, holdAll, purgeAll, quarantine, releaseAll, removeAll, totalsOf } from './administration.ts';
import { openBody } from './bodies.ts';
import { Changes } from './changes/changes.ts';
import { accountsOf, delayedSince, destinationsDue, dueOf, expiredOf, nextDueOf } from './due.ts';
import { filterCondition } from './filter.ts';
import { addFollowUp, changeFollowUps, dueFollowUps, followUpDestinations, hastenFollowUps } from './follow-ups.ts';
import { PostgresGrants } from './grants.ts';
import { type InstanceName, PostgresLeases } from './leases.ts';
import { allPauses, countSent, endPause, externalSince, purgeCounts, sentSince, setPause } from './limits.ts';
import { deliveredSince, seenMessages, summaryOf } from './overview.ts';
import { PostgresRecords } from './records.ts';
import { allMessages, messageColumns, messageOf } from './rows.ts';
import { queueFormat } from './schema.ts';
import { PostgresSpool, removeOldSpools } from './spool.ts';
import { PostgresTransfer } from './transfer/transfer.ts';
import { type SharedRoom, SharedUsage } from './usage.ts';
import { Undoing } from './writes/undoing.ts';
import { deferAll, Writes } from './writes/writes.ts';

export type { InstanceName } from './leases.ts';
export type { SharedRoom } from './usage.ts';

/** Options for opening a queue on PostgreSQL. */
export interface PostgresStoreOptions {
  /** A connection URL; see {@link postgresAddress}. */
  readonly url: string;
  /** PEM; the authorities that may issue the server's certificate. Default: the authorities that Node.js knows. */
  readonly caFile?: string;
  /** The schema of the tables. Default: `mailbridge`. */
  readonly schema?: string;
  /** Most sessions with the server, not counting the listening one. Default: 10. */
  readonly poolSize?: number;
  /** The bridge that delivers from it; undefined for commands, which have no leases. */
  readonly instance?: InstanceName;
  readonly room?: SharedRoom;
  /** False: changes of others are polled, not listened for. Default: true. */
  readonly listens?: boolean;
  /** Called once for each message that turns out to be damaged; it is already quarantined. */
  onQuarantined?(id: string, damage: string): void;
}

const tidyEveryMs = 3_600_000;
/** No client takes longer than this to send. */
const spoolsKeptMs = 3 * 3_600_000;

/**
 * Opens the queue in a PostgreSQL database, and creates its tables on first use.
 * @throws BridgeError `queue-unreachable`, `queue-store-refused`, `queue-format-newer`, `instance-name-taken`,
 * `tls-material-unreadable`
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<MovableStore> {
  const { default: driver } = await import('pg');
  const db = new Database({
    driver,
    address: postgresAddress(options.url, options.caFile),
    schema: options.schema ?? 'mailbridge',
    poolSize: options.poolSize ?? 10,
  });
  try {
    await bringUpToDate(db, queueFormat);
    const store = new PostgresStore(db, options);
    await store.enter();
    return store;
  } catch (error) {
    await db.close();
    throw error;
  }
}

class PostgresStore implements MovableStore {
  readonly #db: Database;
  readonly #options: PostgresStoreOptions;
  readonly #writes: Writes;
  readonly #changes: Changes;
  readonly #usage: SharedUsage;
  readonly #undoing: Undoing;
  readonly #leases: PostgresLeases | undefined;
  readonly grants: PostgresGrants | undefined;
  readonly #records: PostgresRecords;
  readonly transfer: StoreTransfer;
  readonly #quarantining = new Set<string>();
  /** Ends the ids of this process: several processes may make an id in the same millisecond. */
  readonly #suffix = randomInt(36 ** 4)
    .toString(36)
    .padStart(4, '0');
  #tidyTimer: NodeJS.Timeout | undefined;

  constructor(db: Database, options: PostgresStoreOptions) {
    this.#db = db;
    this.#options = options;
    this.#undoing = new Undoing(db);
    this.#changes = new Changes(db, options.listens ?? true);
    this.#usage = new SharedUsage(db, options.room ?? {});
    this.#leases = options.instance && new PostgresLeases(db, this.#changes, options.instance);
    this.grants = this.#leases && new PostgresGrants(db, this.#leases.token);
    this.#records = new PostgresRecords(db, this.#undoing);
    const by = `${options.instance?.name ?? hostname()} ${randomUUID()}`;
    this.transfer = new PostgresTransfer(db, {
      by,
      messageOf: (row) => messageOf(row, (id) => this.#found(id, unreadableEntry)),
      changed: () => this.#usage.forget(),
    });
    this.#writes = new Writes(db, {
      undoing: this.#undoing,
      by,
      owner: options.instance?.name ?? '',
      token: this.#leases?.token ?? '',
      newId: () => this.#newId(),
      queued: (messages) => this.#queued(messages),
      unreadable: (id) => this.#found(id, unreadableEntry),
    });
  }

  /** Runs when a bridge starts. */
  async enter(): Promise<void> {
    if (!this.#leases) return;
    await this.#leases.enter();
    this.#tidyTimer = setInterval(() => void this.#tidy(), tidyEveryMs).unref();
    void this.#tidy();
  }

  get leases(): LeaseTable | undefined {
    return this.#leases;
  }

  get records(): RecordTable {
    return this.#records;
  }

  spool(): Spool {
    return new PostgresSpool(
      this.#db,
      this.#newId(),
      async (id, message, body) => {
        await this.#usage.assert(body.size);
        return await this.#writes.accept(id, message, body);
      },
      (bytes) => this.#usage.assert(bytes),
    );
  }

  async destinations(): Promise<readonly DestinationDue[]> {
    return await destinationsDue(this.#db);
  }

  async accounts(destination: string): Promise<readonly string[]> {
    return await accountsOf(this.#db, destination);
  }

  async due(destination: string, nowMs: number, limit: number, account?: string): Promise<readonly QueuedMessage[]> {
    return this.#queuedOf(await dueOf(this.#db, destination, nowMs, limit, account));
  }

  async nextDueMs(destination: string, afterMs: number): Promise<number | undefined> {
    return await nextDueOf(this.#db, destination, afterMs);
  }

  async get(id: string): Promise<QueuedMessage | undefined> {
    return this.#messages(await this.#db.ask(`SELECT ${messageColumns} FROM ${allMessages} WHERE m.id = $1`, [id]))[0];
  }

  async list(filter: QueueFilter, limit: number): Promise<readonly QueuedMessage[]> {
    const { sql, values } = filterCondition(filter);
    // Selects the wanted rows first: the rest of their columns is not sorted.
    const statement = `
      WITH wanted AS MATERIALIZED (
        SELECT m.* FROM mailbridge.everything m WHERE ${sql} ORDER BY m.id LIMIT $${values.length + 1}
      )
      SELECT ${messageColumns} FROM wanted m LEFT JOIN mailbridge.unfinished u ON u.message_id = m.id ORDER BY m.id`;
    const options = { deadlineMs: slowDeadlineMs, once: true };
    return this.#messages(await this.#db.ask(statement, [...values, limit], options));
  }

  async page(filter: QueueFilter, request: PageRequest): Promise<QueuePage> {
    return await pageOf(request, (sight) => seenMessages(this.#db, filter, sight, (rows) => this.#messages(rows)));
  }

  async summary(): Promise<QueueSummary> {
    return await summaryOf(this.#db);
  }

  async deliveredSince(sinceMs: number): Promise<number> {
    return await deliveredSince(this.#db, sinceMs);
  }

  async totals(filter: QueueFilter): Promise<readonly QueueTotal[]> {
    return await totalsOf(this.#db, filter);
  }

  async count(state: MessageState): Promise<number> {
    const { sql } = filterCondition({ states: [state] });
    const statement = `SELECT count(*) AS n FROM mailbridge.everything m WHERE ${sql}`;
    const [row] = await this.#db.ask(statement, [], { deadlineMs: slowDeadlineMs });
    return row?.n as number;
  }

  async assertRoom(bytes: number): Promise<void> {
    await this.#usage.assert(bytes);
  }

  async open(id: string, options: { readonly evenIfDamaged?: boolean } = {}): Promise<Readable> {
    return await openBody(this.#db, id, options.evenIfDamaged === true, (...found) => this.#found(...found));
  }

  async attempts(id: string): Promise<readonly AttemptRecord[]> {
    const rows = await this.#db.ask(
      `SELECT * FROM mailbridge.attempts WHERE message_id = $1 AND outcomes <> '[]' ORDER BY number`,
      [id],
    );
    return (rows as unknown as AttemptRow[]).map(attemptOfRow);
  }

  async sentSince(destination: string, sinceMs: number, nowMs: number): Promise<readonly SentCount[]> {
    return await sentSince(this.#db, { destination }, sinceMs, nowMs);
  }

  async sentOfConnectionSince(connection: string, sinceMs: number, nowMs: number): Promise<readonly SentCount[]> {
    return await sentSince(this.#db, { connection }, sinceMs, nowMs);
  }

  async externalSince(connection: string, sinceMs: number) {
    return await externalSince(this.#db, connection, sinceMs);
  }

  async countSent(destination: string, sent: SentCount): Promise<void> {
    await countSent(this.#db, `sent-${this.#newId()}`, destination, sent, this.#leases?.token ?? '');
  }

  async pauses(): Promise<readonly LearnedPause[]> {
    return await allPauses(this.#db);
  }

  async setPause(pause: LearnedPause): Promise<void> {
    await setPause(this.#db, pause);
  }

  async endPause(key: string): Promise<void> {
    await endPause(this.#db, key);
  }

  async defer(ids: readonly string[], untilMs: number, lease?: Lease): Promise<void> {
    await deferAll(this.#db, ids, untilMs, this.#options.instance?.name ?? '', lease);
  }

  async begin(id: string, attempt: AttemptStart, lease?: Lease): Promise<QueuedMessage | undefined> {
    return await this.#writes.begin(id, attempt, lease);
  }

  async cancelAttempt(id: string, before: UnfinishedAttempt | undefined, lease?: Lease): Promise<void> {
    await this.#writes.cancel(id, before, lease);
  }

  async record(id: string, result: AttemptResult, lease?: Lease): Promise<readonly QueuedMessage[]> {
    return await this.#writes.record(id, result, lease);
  }

  async hasten(nowMs: number): Promise<void> {
    await hastenAll(this.#db, nowMs);
    this.#changes.administered();
  }

  async expired(connection: string, nowMs: number, afterId: string, limit: number): Promise<readonly QueuedMessage[]> {
    return this.#queuedOf(await expiredOf(this.#db, connection, nowMs, afterId, limit));
  }

  async giveUp(id: string, given: GivenUp, lease?: Lease): Promise<readonly QueuedMessage[]> {
    return await this.#writes.giveUp(id, given, lease);
  }

  async delayed(receivedBeforeMs: number, afterId: string, limit: number): Promise<readonly QueuedMessage[]> {
    return this.#queuedOf(await delayedSince(this.#db, receivedBeforeMs, afterId, limit));
  }

  async noteDelayTold(id: string, warning: Notice | undefined): Promise<QueuedMessage | undefined> {
    return await this.#writes.noteDelayTold(id, warning);
  }

  async addFollowUp(id: string, followUp: NewFollowUp, nowMs: number): Promise<void> {
    await addFollowUp(this.#db, id, followUp, nowMs);
  }

  async followUpDestinations(nowMs: number): Promise<readonly string[]> {
    return await followUpDestinations(this.#db, nowMs);
  }

  async followUps(destination: string, nowMs: number, limit: number): Promise<readonly FollowUp[]> {
    return await dueFollowUps(this.#db, destination, nowMs, limit);
  }

  async changeFollowUps(changes: readonly FollowUpChange[]): Promise<void> {
    await changeFollowUps(this.#db, changes);
  }

  async hastenFollowUps(nowMs: number, latestMs: number): Promise<void> {
    await hastenFollowUps(this.#db, nowMs, latestMs);
  }

  async hold(filter: QueueFilter): Promise<number> {
    return this.#administered(await holdAll(this.#db, filter));
  }

  async release(filter: QueueFilter, nowMs: number): Promise<number> {
    return this.#administered(await releaseAll(this.#db, filter, nowMs));
  }

  async remove(filter: QueueFilter): Promise<number> {
    this.#usage.forget();
    return this.#administered(await removeAll(this.#db, filter));
  }

  async quarantine(id: string, damage: string): Promise<void> {
    await quarantine(this.#db, id, damage);
    this.#changes.administered();
  }

  async purge(before: { readonly deliveredMs: number; readonly failedMs: number }): Promise<number> {
    return await purgeAll(this.#db, before);
  }

  async purgeCounts(startedBeforeMs: number): Promise<void> {
    await purgeCounts(this.#db, startedBeforeMs);
  }

  subscribe(told: (change: StoreChange) => void): () => void {
    return this.#changes.subscribe(told);
  }

  async close(): Promise<void> {
    clearInterval(this.#tidyTimer);
    await Promise.all([this.#writes.settled(), this.#records.settled()]);
    await this.#changes.close();
    this.#undoing.end();
    await this.#db.close();
  }

  #newId(): string {
    return newId() + this.#suffix;
  }

  #queued(messages: readonly QueuedMessage[]): void {
    for (const { size } of messages) this.#usage.add(size);
    this.#changes.queued(messages.map(destinationOf));
  }

  #administered(changed: number): number {
    if (changed > 0) this.#changes.administered();
    return changed;
  }

  #messages(rows: readonly ResultRow[]): QueuedMessage[] {
    return rows.map((row) => messageOf(row, (id) => this.#found(id, unreadableEntry)));
  }

  #queuedOf(rows: readonly ResultRow[]): QueuedMessage[] {
    return this.#messages(rows).filter(({ state }) => state === 'queued');
  }

  /** Quarantines a damaged message so that it does not hold up others; only a bridge itself does that. */
  #found(id: string, damage: string): void {
    if (!this.#leases || this.#quarantining.has(id)) return;
    this.#quarantining.add(id);
    this.quarantine(id, damage)
      .then(() => this.#options.onQuarantined?.(id, damage))
      // It stays where it is and is found again.
      .catch(() => {})
      .finally(() => this.#quarantining.delete(id));
  }

  /** Never rejects: it is repeated in an hour. */
  async #tidy(): Promise<void> {
    try {
      await removeOldSpools(this.#db, spoolsKeptMs);
      await this.#leases?.tidy();
      await this.grants?.tidy();
    } catch {
      // The server is unreachable or busy.
    }
  }
}
