import { openAppPasswords } from '../../accounts/sources/app-passwords/open.ts';
import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Config } from '../../config/schema.ts';
import { messageStates } from '../../queue/message.ts';
import { usualTimes } from '../../queue/ownership/times.ts';
import type { QueueStore } from '../../queue/store.ts';
import { type MovedQueue, moveQueue } from '../../queue/transfer/move.ts';
import type { MovableStore } from '../../queue/transfer/transfer.ts';
import { takeDataFolder } from '../data-folder.ts';
import { hasQueue, openStoreToMove } from '../queue-store.ts';
import { type CopiedRecords, copyRecords } from './copy-records.ts';
import { moverName } from './instance.ts';

type StoreName = Config['queue']['store'];

export interface QueueMoveOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly env: NodeJS.ProcessEnv;
  /** Reports how many messages were moved, of how many. */
  onProgress?(done: number, total: number): void;
}

/** What was moved, including the queue. */
export interface MovedAll extends MovedQueue {
  readonly shared: CopiedRecords;
}

/** The mover renews its lease as a bridge does. */
const { leaseMs, beatMs } = usualTimes;

/**
 * Moves the queue of a configuration, with sign-ins and app passwords, to the other kind of store, whichever of the two
 * the configuration names now.
 * @throws BridgeError `usage` without a database, `queue-unreadable` without a queue, `already-running`; of the stores
 */
export async function moveConfiguredQueue(config: Config, to: StoreName, options: QueueMoveOptions): Promise<MovedAll> {
  if (!config.queue.postgres) throw noDatabase();
  const from = to === 'postgres' ? 'sqlite' : 'postgres';
  const at = (store: StoreName): Config => ({ ...config, queue: { ...config.queue, store } });
  if (!hasQueue(at(from))) {
    throw new BridgeError('queue-unreadable', `There is no queue in ${config.dataDir} to be moved.`, {
      remedy: 'Name the right configuration with --config. Without a queue, set queue.store and start the bridge.',
    });
  }
  const folder = takeDataFolder(config.dataDir);
  const opened: MovableStore[] = [];
  try {
    for (const place of [from, to] as const) opened.push(await openStoreToMove(at(place)));
    const [source, target] = opened as [MovableStore, MovableStore];
    const shared = to === 'postgres' ? target : source;
    return await whileAlone(shared, async (check) => {
      const { clock, log, env } = options;
      const direction = to === 'postgres' ? 'to-records' : 'to-files';
      const copied = await copyRecords(at(to), { records: shared.records, direction, clock, log, env });
      const total = await countOf(source);
      const moved = await moveQueue(source, target, {
        check,
        onProgress: (done) => options.onProgress?.(done, total),
      });
      await dropPasswords(config, to, shared, copied);
      return { ...moved, shared: copied };
    });
  } finally {
    await Promise.allSettled(opened.map((store) => store.close()));
    folder.release();
  }
}

function noDatabase(): BridgeError {
  return new BridgeError('usage', 'The configuration has no queue.postgres, which says where the database is.', {
    remedy: 'Add queue.postgres with its url; queue.store may stay "sqlite" until the queue is moved.',
  });
}

/**
 * No bridge is running, and none starts meanwhile. @param work receives a function that throws once that is no longer
 * certain
 */
async function whileAlone<T>(store: QueueStore, work: (check: () => void) => Promise<T>): Promise<T> {
  const { leases } = store;
  if (!leases) return await work(() => {});
  let aloneUntilMs = 0;
  let failure: unknown;
  const renew = async () => {
    const beganMs = performance.now();
    const { instances } = await leases.renew(leaseMs);
    const other = instances.find((name) => name !== moverName);
    if (other !== undefined) throw inUse(other);
    aloneUntilMs = beganMs + leaseMs;
  };
  await renew().catch(async (error: unknown) => {
    await leases.leave().catch(() => {});
    throw error;
  });
  const timer = setInterval(() => void renew().catch((error: unknown) => (failure = error)), beatMs).unref();
  const check = () => {
    if (performance.now() > aloneUntilMs) throw failure ?? inUse('another one');
  };
  try {
    return await work(check);
  } finally {
    clearInterval(timer);
    await leases.leave().catch(() => {});
  }
}

function inUse(name: string): BridgeError {
  return new BridgeError('already-running', `The instance ${name} is running on the queue in PostgreSQL.`, {
    remedy: 'Stop every bridge of this queue. One that was killed counts as running for 10 seconds more.',
  });
}

/** What was moved is removed from the source: an app password that is removed later must not come back with it. */
async function dropPasswords({ dataDir }: Config, to: StoreName, shared: QueueStore, copied: CopiedRecords) {
  const source = openAppPasswords(dataDir, to === 'postgres' ? undefined : shared.records);
  // Only these: a command may have made another one meanwhile.
  await source.drop(copied.passwordIds);
}

async function countOf(store: QueueStore): Promise<number> {
  let total = 0;
  for (const state of messageStates) total += await store.count(state);
  return total;
}
