import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { RecordTable } from '../../../base/record-table.ts';
import type { FollowUp, FollowUpChange, NewFollowUp } from '../../follow-ups/follow-up.ts';
import type { LearnedPause } from '../../limits/pause.ts';
import type { AttemptRecord, MessageState, Notice, QueuedMessage, UnfinishedAttempt } from '../../message.ts';
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
import { assertPlainId } from '../adopted.ts';
import { checkedBody } from '../checked-body.ts';
import { pageOf } from '../page.ts';
import { newId } from '../queue-id.ts';
import { damagedBody } from './engine/bodies.ts';
import type { EngineOptions } from './engine/open.ts';
import {
  type EngineAnswer,
  type EngineArguments,
  type EngineLink,
  type EngineOperation,
  type LinkEvent,
  linkHere,
} from './link/link.ts';
import { ThreadLink } from './link/thread-link.ts';
import { RecentBodies } from './recent-bodies.ts';
import { FileSpool, type SpoolPlace } from './spool.ts';

export type { RoomLimits } from '../room.ts';

/** Options for opening a queue. */
export interface SqliteStoreOptions extends EngineOptions {
  /** Called once for each message that turns out to be damaged; it is already quarantined. */
  onQuarantined?(id: string, damage: string): void;
  /** Called when bodies without a database were moved to a folder instead of being removed. */
  onBodiesSetAside?(count: number, folder: string): void;
  /** Called when the thread of the queue has ended unexpectedly; it is started again. */
  onLost?(error: unknown): void;
}

/**
 * Opens the queue in a folder for this thread, which blocks while the disk is written: for commands and tests.
 * @throws BridgeError `queue-unreadable`, `queue-format-newer`, `queue-damaged`, `data-folder-unsafe`
 */
export function openSqliteStore(folder: string, options: SqliteStoreOptions): MovableStore {
  const told = new Told(options);
  return new SqliteStore(folder, linkHere(folder, engineOptions(options), told.tell), told);
}

/** Opens the queue in a folder in a thread of its own: for a bridge. Rejects as {@link openSqliteStore} throws. */
export async function openSqliteStoreInThread(folder: string, options: SqliteStoreOptions): Promise<MovableStore> {
  const told = new Told(options);
  return new SqliteStore(
    folder,
    await ThreadLink.open(folder, engineOptions(options), told.tell),
    told,
    new RecentBodies(),
  );
}

/** The options that can be sent to another thread. */
function engineOptions({ onQuarantined, onBodiesSetAside, onLost, ...options }: SqliteStoreOptions): EngineOptions {
  return options;
}

/** Passes on the events of the engine. */
class Told {
  readonly listeners = new Set<(change: StoreChange) => void>();
  readonly #options: SqliteStoreOptions;

  constructor(options: SqliteStoreOptions) {
    this.#options = options;
  }

  readonly tell = (event: LinkEvent): void => {
    if (event.kind === 'quarantined') this.#options.onQuarantined?.(event.id, event.damage);
    else if (event.kind === 'bodies-set-aside') this.#options.onBodiesSetAside?.(event.count, event.folder);
    else {
      if (event.kind === 'unreachable') this.#options.onLost?.(event.error);
      for (const told of this.listeners) told({ kind: event.kind });
    }
  };
}

const foreignChangesEveryMs = 1000;

/** How long nobody asks for room if there was plenty. */
const wideForMs = 250;

/** A queue in a SQLite database, whichever thread its engine is in. */
class SqliteStore implements MovableStore {
  readonly leases = undefined;
  readonly grants = undefined;
  readonly records: RecordTable;
  readonly transfer: StoreTransfer;
  readonly #bodyFolder: string;
  readonly #link: EngineLink;
  readonly #told: Told;
  readonly #recent: RecentBodies | undefined;
  #wideUntilMs = Number.NEGATIVE_INFINITY;

  constructor(folder: string, link: EngineLink, told: Told, recent?: RecentBodies) {
    this.#bodyFolder = join(folder, 'bodies');
    this.#link = link;
    this.#told = told;
    this.#recent = recent;
    this.records = {
      get: (...asked) => this.#ask('getRecord', ...asked),
      list: (kind, nowMs, prefix = '') => this.#ask('listRecords', kind, nowMs, prefix),
      add: (kind, key, value, nowMs, options = {}) => this.#ask('addRecord', kind, key, value, nowMs, options),
      put: (kind, key, value, options = {}) => this.#ask('putRecord', kind, key, value, options),
      delete: (...asked) => this.#ask('deleteRecord', ...asked),
      purge: (...asked) => this.#ask('purgeRecords', ...asked),
    };
    this.transfer = {
      messages: (...asked) => this.#ask('keptMessages', ...asked),
      counts: ({ id, number }, limit) => this.#ask('keptCounts', id, number, limit),
      records: (...asked) => this.#ask('keptRecords', ...asked),
      spool: async (kept) => {
        assertPlainId(kept.message.id);
        return this.#spool(kept.message.id, (_, __, body) => this.#ask('adopt', kept, body));
      },
      adopt: (kept) => this.#ask('adopt', kept, undefined),
      adoptCounts: (...asked) => this.#ask('adoptCounts', ...asked),
      adoptFollowUps: (...asked) => this.#ask('adoptFollowUps', ...asked),
      forget: (...asked) => this.#ask('forget', ...asked),
    };
  }

  spool(): Spool {
    return this.#spool(newId(), async (id, message, body) => {
      await this.#ask('insert', id, message, body);
      if ('content' in body) this.#recent?.keep(id, body.content);
      return undefined;
    });
  }

  destinations(): Promise<readonly DestinationDue[]> {
    return this.#ask('destinations');
  }

  accounts(destination: string): Promise<readonly string[]> {
    return this.#ask('accounts', destination);
  }

  due(destination: string, nowMs: number, limit: number, account?: string): Promise<readonly QueuedMessage[]> {
    return this.#ask('due', destination, nowMs, limit, account);
  }

  nextDueMs(destination: string, afterMs: number): Promise<number | undefined> {
    return this.#ask('nextDueMs', destination, afterMs);
  }

  get(id: string): Promise<QueuedMessage | undefined> {
    return this.#ask('get', id);
  }

  list(filter: QueueFilter, limit: number): Promise<readonly QueuedMessage[]> {
    return this.#ask('list', filter, limit);
  }

  page(filter: QueueFilter, request: PageRequest): Promise<QueuePage> {
    return pageOf(request, (sight) => this.#ask('seen', filter, sight));
  }

  summary(): Promise<QueueSummary> {
    return this.#ask('summary');
  }

  deliveredSince(sinceMs: number): Promise<number> {
    return this.#ask('deliveredSince', sinceMs);
  }

  totals(filter: QueueFilter): Promise<readonly QueueTotal[]> {
    return this.#ask('totals', filter);
  }

  count(state: MessageState): Promise<number> {
    return this.#ask('count', state);
  }

  async assertRoom(bytes: number): Promise<void> {
    if (performance.now() < this.#wideUntilMs) return;
    const isWide = await this.#ask('assertRoom', bytes);
    // Room is checked once more when the message is complete.
    if (isWide) this.#wideUntilMs = performance.now() + wideForMs;
  }

  async open(id: string, { evenIfDamaged = false }: { readonly evenIfDamaged?: boolean } = {}): Promise<Readable> {
    const recent = evenIfDamaged ? undefined : this.#recent?.get(id);
    if (recent) return streamOf(recent);
    const body = await this.#ask('body', id, evenIfDamaged);
    if ('content' in body) return streamOf(body.content);
    const source = createReadStream(body.file, { highWaterMark: 256 * 1024 });
    if (evenIfDamaged) return source;
    return checkedBody(source, body.mark, () => {
      const error = damagedBody(id);
      this.#ask('found', id, error.message).catch(() => {});
      return error;
    });
  }

  attempts(id: string): Promise<readonly AttemptRecord[]> {
    return this.#ask('attempts', id);
  }

  sentSince(destination: string, sinceMs: number, nowMs: number): Promise<readonly SentCount[]> {
    return this.#ask('sentSince', destination, sinceMs, nowMs);
  }

  sentOfConnectionSince(connection: string, sinceMs: number, nowMs: number): Promise<readonly SentCount[]> {
    return this.#ask('sentOfConnectionSince', connection, sinceMs, nowMs);
  }

  externalSince(
    connection: string,
    sinceMs: number,
  ): Promise<readonly (SentCount & { readonly destination: string })[]> {
    return this.#ask('externalSince', connection, sinceMs);
  }

  countSent(destination: string, sent: SentCount): Promise<void> {
    return this.#ask('countSent', destination, sent);
  }

  pauses(): Promise<readonly LearnedPause[]> {
    return this.#ask('pauses');
  }

  setPause(pause: LearnedPause): Promise<void> {
    return this.#ask('setPause', pause);
  }

  endPause(key: string): Promise<void> {
    return this.#ask('endPause', key);
  }

  defer(ids: readonly string[], untilMs: number): Promise<void> {
    return this.#ask('defer', ids, untilMs);
  }

  async begin(id: string, attempt: AttemptStart): Promise<QueuedMessage | undefined> {
    const begun = await this.#ask('begin', id, attempt, this.#recent !== undefined && !this.#recent.get(id));
    if (begun?.content) this.#recent?.keep(id, begun.content);
    return begun?.message;
  }

  cancelAttempt(id: string, before: UnfinishedAttempt | undefined): Promise<void> {
    this.#recent?.forget(id);
    return this.#ask('cancelAttempt', id, before);
  }

  record(id: string, result: AttemptResult): Promise<readonly QueuedMessage[]> {
    this.#recent?.forget(id);
    return this.#ask('record', id, result);
  }

  hasten(nowMs: number): Promise<void> {
    return this.#ask('hasten', nowMs);
  }

  expired(connection: string, nowMs: number, afterId: string, limit: number): Promise<readonly QueuedMessage[]> {
    return this.#ask('expired', connection, nowMs, afterId, limit);
  }

  giveUp(id: string, given: GivenUp): Promise<readonly QueuedMessage[]> {
    return this.#ask('giveUp', id, given);
  }

  delayed(receivedBeforeMs: number, afterId: string, limit: number): Promise<readonly QueuedMessage[]> {
    return this.#ask('delayed', receivedBeforeMs, afterId, limit);
  }

  noteDelayTold(id: string, warning: Notice | undefined): Promise<QueuedMessage | undefined> {
    return this.#ask('noteDelayTold', id, warning);
  }

  addFollowUp(id: string, followUp: NewFollowUp, nowMs: number): Promise<void> {
    return this.#ask('addFollowUp', id, followUp, nowMs);
  }

  followUpDestinations(nowMs: number): Promise<readonly string[]> {
    return this.#ask('followUpDestinations', nowMs);
  }

  followUps(destination: string, nowMs: number, limit: number): Promise<readonly FollowUp[]> {
    return this.#ask('followUps', destination, nowMs, limit);
  }

  changeFollowUps(changes: readonly FollowUpChange[]): Promise<void> {
    return this.#ask('changeFollowUps', changes);
  }

  hastenFollowUps(nowMs: number, latestMs: number): Promise<void> {
    return this.#ask('hastenFollowUps', nowMs, latestMs);
  }

  hold(filter: QueueFilter): Promise<number> {
    return this.#ask('hold', filter);
  }

  release(filter: QueueFilter, nowMs: number): Promise<number> {
    return this.#ask('release', filter, nowMs);
  }

  remove(filter: QueueFilter): Promise<number> {
    this.#recent?.forgetAll();
    return this.#ask('remove', filter);
  }

  quarantine(id: string, damage: string): Promise<void> {
    this.#recent?.forget(id);
    return this.#ask('quarantine', id, damage);
  }

  purge(before: { readonly deliveredMs: number; readonly failedMs: number }): Promise<number> {
    this.#recent?.forgetAll();
    return this.#ask('purge', before);
  }

  purgeCounts(startedBeforeMs: number): Promise<void> {
    return this.#ask('purgeCounts', startedBeforeMs);
  }

  subscribe(told: (change: StoreChange) => void): () => void {
    const { listeners } = this.#told;
    listeners.add(told);
    let known: number | undefined;
    const look = async () => {
      const changes = await this.#ask('foreignChanges');
      if (known !== undefined && changes !== known && listeners.has(told)) told({ kind: 'administered' });
      known = changes;
    };
    // An unreachable engine is reported in another way.
    const lookAgain = () => void look().catch(() => {});
    lookAgain();
    const timer = setInterval(lookAgain, foreignChangesEveryMs).unref();
    return () => {
      clearInterval(timer);
      listeners.delete(told);
    };
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  #spool(id: string, insert: SpoolPlace['insert']): Spool {
    return new FileSpool(id, {
      bodyFolder: this.#bodyFolder,
      insert,
      assertDisk: (bytes) => this.#ask('assertDisk', bytes),
    });
  }

  #ask<K extends EngineOperation>(operation: K, ...args: EngineArguments<K>): Promise<EngineAnswer<K>> {
    return this.#link.call(operation, args);
  }
}

/** Cheaper than `Readable.from`, which runs a generator for it. */
function streamOf({ buffer, byteOffset, length }: Uint8Array): Readable {
  const content = Buffer.from(buffer, byteOffset, length);
  return new Readable({
    read() {
      this.push(content);
      this.push(null);
    },
  });
}
