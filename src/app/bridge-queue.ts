import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/schema.ts';
import { enhancedStatus } from '../couriers/enhanced-status.ts';
import { couriers } from '../couriers/registry.ts';
import { type BounceOptions, composeBounce, composeDelayWarning } from '../notices/bounce.ts';
import { openInFlightJournal } from '../queue/attempts/in-flight-journal.ts';
import { Queue, type QueueOptions } from '../queue/queue.ts';
import type { QueueStore } from '../queue/store.ts';
import { DuplicateDrops, dropsFile } from '../submission/duplicate-drops.ts';
import { DuplicateFilter, isInVain } from '../submission/duplicate-filter.ts';
import type { BridgeState } from './bridge-state.ts';
import { tenantDomains } from './connections/tenant-domains.ts';
import { deliveryPolicy } from './delivery-policy.ts';
import { openQueueStore } from './queue-store.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** What the queue of a bridge is made of. */
export interface BridgeQueueParts {
  readonly config: Config;
  readonly hostname: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Asked anew for each attempt. */
  state(): BridgeState;
}

/** @throws BridgeError `queue-unreadable`, `queue-format-newer`, `queue-damaged` */
export function openBridgeQueue(parts: BridgeQueueParts): { readonly store: QueueStore; readonly queue: Queue } {
  const { config, clock, log, state } = parts;
  const store = openQueueStore(config, log);
  const queue = new Queue({
    store,
    clock,
    log,
    limits: config.limits,
    couriers,
    isInternal: tenantDomains(config),
    oneLogin: (name) => state().upstreams.get(name)?.person !== undefined,
    backoff: { baseMs: config.queue.retryBaseSeconds * 1000, maxMs: config.queue.retryMaxSeconds * 1000 },
    retain: {
      deliveredMs: config.queue.retainDeliveredDays * dayMs,
      failedMs: config.queue.retainFailedDays * dayMs,
    },
    journal: openInFlightJournal(
      join(config.dataDir, 'queue', 'in-flight'),
      clock.now(),
      undefined,
      (receivedSinceMs) => unfinished(store, receivedSinceMs),
    ),
    courierFor: ({ connection, courier, account }) =>
      state().upstreams.get(connection)?.courier(courier, deliveryPolicy(state().config, account)),
    probe: async (connection, part) => await state().upstreams.get(connection)?.probe(part),
    ...notices(parts, store),
  });
  return { store, queue };
}

function unfinished(store: QueueStore, receivedSinceMs: number): string[] {
  const messages = store.list({ states: ['queued', 'held', 'failed'], receivedSinceMs }, Number.MAX_SAFE_INTEGER);
  return messages.map(({ id }) => id);
}

function notices(
  { config, hostname, clock, state }: BridgeQueueParts,
  store: QueueStore,
): Pick<QueueOptions, 'bounceFor' | 'delayWarnings'> {
  const options: BounceOptions = {
    hostname,
    clock,
    expireAfterMs: config.queue.expireAfterHours * hourMs,
    couriers,
    statusOf: enhancedStatus,
    open: (id) => store.open(id),
    remoteMta: ({ connection, courier }) => state().upstreams.get(connection)?.hostName(courier),
  };
  const afterMs = config.queue.delayWarningHours * hourMs;
  return {
    bounceFor: (message, verdict) => composeBounce(message, verdict, options),
    ...(afterMs > 0 && {
      delayWarnings: { afterMs, warningFor: (message) => composeDelayWarning(message, options) },
    }),
  };
}

/** What has come already, by the queue and by the folder that outlives it. */
export function openDuplicateFilter({ dataDir }: Config, store: QueueStore, clock: Clock): DuplicateFilter {
  const folder = join(dataDir, 'queue');
  const drops = new DuplicateDrops(dropsFile(folder), clock, (id) => store.get(id) !== undefined);
  const isGivenUp = (id: string) => {
    const accepted = store.get(id);
    return accepted !== undefined && isInVain(accepted);
  };
  return new DuplicateFilter(join(folder, 'duplicates'), clock, isGivenUp, drops);
}
