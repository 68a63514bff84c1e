import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { BridgeError, type ErrorCode } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/schema.ts';
import { usualTimes } from '../queue/ownership/times.ts';
import type { QueueStore } from '../queue/store.ts';
import type { PostgresStoreOptions, SharedRoom } from '../queue/stores/postgres/store.ts';
import { endEarlyThread } from '../queue/stores/sqlite/link/early-thread.ts';
import { openSqliteStore, openSqliteStoreInThread } from '../queue/stores/sqlite/store.ts';
import type { MovableStore } from '../queue/transfer/transfer.ts';
import { instanceIdentity, instanceName, moverName } from './instances/instance.ts';

const megabyte = 1024 * 1024;
/** If both start with the machine, the server may come up last. */
const serverComesUpMs = 60_000;
const serverRetryMs = 2000;
/** Errors at the start of a bridge that may pass. */
const passing: readonly ErrorCode[] = ['queue-unreachable', 'queue-moving'];

/** The folder of the queue, if it is in files. */
function queueFolder({ dataDir }: Pick<Config, 'dataDir'>): string {
  return join(dataDir, 'queue');
}

/**
 * Opens the configured queue for the bridge that delivers from it; its work is done in another thread, or elsewhere.
 * @param signal ends the wait for a server that is not up yet; the call then rejects with its reason
 * @throws BridgeError `queue-unreadable`, `queue-format-newer`, `queue-damaged`, `queue-unreachable`, `queue-moving`
 */
export async function openQueueStore(
  config: Config,
  clock: Clock,
  log: Log,
  signal?: AbortSignal,
): Promise<QueueStore> {
  if (config.queue.store === 'sqlite') return await openOwn(config, log);
  endEarlyThread();
  const options = bridgeOptions(config, log);
  const untilMs = clock.now() + serverComesUpMs;
  for (;;) {
    try {
      return await unlessMoved(await openShared(config, options));
    } catch (error) {
      if (!(error instanceof BridgeError && passing.includes(error.code)) || clock.now() > untilMs) throw error;
      log.warn({ code: error.code }, `${error.message} The bridge tries again until it can start.`);
      await delay(serverRetryMs, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

function openOwn(config: Config, log: Log): Promise<QueueStore> {
  const { queue } = config;
  return openSqliteStoreInThread(queueFolder(config), {
    exclusive: true,
    room: {
      minFreeOctets: queue.minFreeMegabytes * megabyte,
      ...sharedRoom(queue),
    },
    onQuarantined: quarantineLog(log),
    onBodiesSetAside: (count, folder) =>
      log.error({ count, folder }, `queue: the database is gone; ${count} bodies that belonged to it are in ${folder}`),
    onLost: (error) => log.error({ error }, 'queue: thread ended unexpectedly, restarting it'),
  });
}

/**
 * Its contents may already be elsewhere: a bridge that started now would send them twice. @throws BridgeError
 * `queue-moving`
 */
async function unlessMoved(store: QueueStore): Promise<QueueStore> {
  const { leases } = store;
  try {
    if (!(await leases?.renew(usualTimes.leaseMs))?.instances.includes(moverName)) return store;
    await leases?.leave();
    throw new BridgeError('queue-moving', 'The queue is being moved by mailbridge queue migrate.');
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The driver is only loaded if it is needed. */
async function openShared(
  { queue: { postgres } }: Pick<Config, 'queue'>,
  options: Partial<PostgresStoreOptions>,
): Promise<MovableStore> {
  // The schema requires it for this store.
  const { url, ...settings } = postgres as NonNullable<typeof postgres>;
  const { openPostgresStore } = await import('../queue/stores/postgres/store.ts');
  return openPostgresStore({ ...settings, url: url.reveal(), ...options });
}

function bridgeOptions(config: Config, log: Log): Partial<PostgresStoreOptions> {
  return {
    instance: { name: instanceName(config), identity: instanceIdentity(config.dataDir) },
    room: sharedRoom(config.queue),
    onQuarantined: quarantineLog(log),
  };
}

function sharedRoom({ maxMegabytes, maxMessages }: Config['queue']): SharedRoom {
  return {
    ...(maxMegabytes === undefined ? {} : { maxOctets: maxMegabytes * megabyte }),
    ...(maxMessages === undefined ? {} : { maxMessages }),
  };
}

function quarantineLog(log: Log) {
  return (id: string, damage: string) =>
    log.error(
      { id, code: 'queue-body-damaged' },
      `message ${id} is quarantined: ${damage} Look with mailbridge queue show ${id}; what is left of it: mailbridge queue export ${id}`,
    );
}

/** Where the queue of a configuration is. */
export type QueuePlace = Pick<Config, 'dataDir' | 'queue'>;

/** Whether a queue exists already: a bridge has run. For a server only opening it can tell. */
export function hasQueue(config: QueuePlace): boolean {
  return config.queue.store === 'postgres' || existsSync(join(queueFolder(config), 'queue.sqlite'));
}

/**
 * Opens the same queue for a command, beside a bridge that may be running. Call it only if {@link hasQueue} is true.
 * @throws BridgeError `queue-unreadable`, `queue-format-newer`, `queue-damaged`, `queue-unreachable`,
 * `queue-store-refused`
 */
export async function openQueueForCommand(config: QueuePlace): Promise<QueueStore> {
  if (config.queue.store === 'postgres') return await openShared(config, { poolSize: 2, listens: false });
  return openSqliteStore(queueFolder(config), { exclusive: false });
}

/** An unresponsive server takes seconds to fail: calls soon afterwards get the same error. */
const failureStandsMs = 5_000;

/** The queue for a command: opened on first use, and only once. */
export class CommandQueue {
  readonly #config: QueuePlace;
  #opening: Promise<QueueStore> | undefined;
  #failedAtMs = Number.POSITIVE_INFINITY;

  constructor(config: QueuePlace) {
    this.#config = config;
  }

  /** Undefined if there is none yet. @throws as {@link openQueueForCommand}; later calls try again */
  async existing(): Promise<QueueStore | undefined> {
    return hasQueue(this.#config) ? await this.open() : undefined;
  }

  /** @throws as {@link openQueueForCommand}; later calls try again */
  async open(): Promise<QueueStore> {
    if (performance.now() - this.#failedAtMs > failureStandsMs) this.#opening = undefined;
    this.#opening ??= this.#open();
    return await this.#opening;
  }

  async close(): Promise<void> {
    const store = await this.#opening?.catch(() => undefined);
    await store?.close();
  }

  async #open(): Promise<QueueStore> {
    this.#failedAtMs = Number.POSITIVE_INFINITY;
    try {
      return await openQueueForCommand(this.#config);
    } catch (error) {
      this.#failedAtMs = performance.now();
      throw error;
    }
  }
}

/**
 * Opens the same queue for `queue migrate`, which has the data folder, as if it were a bridge: no other starts
 * meanwhile.
 * @throws as {@link openQueueForCommand}, and `instance-name-taken` if another move is under way
 */
export async function openStoreToMove(config: QueuePlace): Promise<MovableStore> {
  if (config.queue.store === 'sqlite') return openSqliteStore(queueFolder(config), { exclusive: true });
  const instance = { name: moverName, identity: instanceIdentity(config.dataDir) };
  return await openShared(config, { instance, listens: false });
}
