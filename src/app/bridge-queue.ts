import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/schema.ts';
import { enhancedStatus } from '../couriers/enhanced-status.ts';
import { couriers } from '../couriers/registry.ts';
import { type BounceOptions, composeBounces, composeDelayWarning } from '../notices/bounce.ts';
import { connectionOf } from '../queue/message.ts';
import { type SharedOwnership, sharedOwnership } from '../queue/ownership/shared.ts';
import { Queue, type QueueOptions } from '../queue/queue.ts';
import type { QueueStore } from '../queue/store.ts';
import { DuplicateDrops } from '../submission/duplicate-drops.ts';
import { DuplicateFilter, isInVain } from '../submission/duplicate-filter.ts';
import type { BridgeState } from './bridge-state.ts';
import { LeaseKeys } from './connections/lease-keys.ts';
import { currentTenantDomains } from './connections/tenant-domains.ts';
import { deliveryPolicy, noticeAddresses, sendingOrder } from './delivery-policy.ts';
import type { Observation } from './observing/observation.ts';
import { SentCopies } from './sent-copies.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** What the queue of a bridge is built from. */
export interface BridgeQueueParts {
  readonly config: Config;
  readonly hostname: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: QueueStore;
  readonly observation: Observation;
  /** Called for each attempt. */
  state(): BridgeState;
}

/** A queue and its companions. */
export interface BridgeQueue {
  readonly queue: Queue;
  /** Set if several instances share the queue. */
  readonly ownership: SharedOwnership | undefined;
  readonly leaseKeys: LeaseKeys | undefined;
  readonly copies: SentCopies;
  readonly duplicates: DuplicateFilter;
}

export function bridgeQueue(parts: BridgeQueueParts): BridgeQueue {
  const { config, clock, log, store, observation, state } = parts;
  const copies = new SentCopies({ config, clock, log, state });
  const oneLogin = (name: string) => state().upstreams.get(name)?.person !== undefined;
  const { leases } = store;
  const leaseKeys =
    leases &&
    new LeaseKeys(
      () =>
        new Map(
          state()
            .upstreams.values()
            .map(({ name }) => [name, oneLogin(name)]),
        ),
    );
  const keyOf = leaseKeys && ((destination: string) => leaseKeys.of(destination));
  const ownership = leases && sharedOwnership({ leases, store, clock, log, ...(keyOf && { keyOf }) });
  const queue = new Queue({
    store,
    clock,
    log,
    observer: observation,
    ...(ownership && { ownership }),
    closeSessions: async (destination) => await state().upstreams.get(connectionOf(destination))?.leaveIdle(),
    limits: config.limits,
    couriers,
    isInternal: currentTenantDomains(() => state().config),
    oneLogin,
    backoff: { baseMs: config.queue.retryBaseSeconds * 1000, maxMs: config.queue.retryMaxSeconds * 1000 },
    retain: {
      deliveredMs: config.queue.retainDeliveredDays * dayMs,
      failedMs: config.queue.retainFailedDays * dayMs,
    },
    couriersOf: ({ account }) => sendingOrder(state().config, account),
    failoverAfterMs: config.queue.failoverAfterSeconds * 1000,
    courierFor: ({ connection, courier, account }) =>
      state().upstreams.get(connection)?.courier(courier, deliveryPolicy(state().config, account)),
    probe: async (connection, part) => await state().upstreams.get(connection)?.probe(part),
    followUps: copies.plan((id) => store.open(id)),
    ...notices(parts),
  });
  return { queue, ownership, leaseKeys, copies, duplicates: duplicateFilter(config, store, clock) };
}

function notices({
  config,
  hostname,
  clock,
  store,
  state,
}: BridgeQueueParts): Pick<QueueOptions, 'bouncesFor' | 'delayWarnings'> {
  const options: BounceOptions = {
    hostname,
    clock,
    expireAfterMs: config.queue.expireAfterHours * hourMs,
    get keepsSubjects() {
      return state().config.queue.keepSubjects;
    },
    couriers,
    statusOf: enhancedStatus,
    open: (id) => store.open(id),
    addresses: ({ account }) => noticeAddresses(state().config, account, config.queue),
    remoteMta: ({ connection, courier }) => state().upstreams.get(connection)?.hostName(courier),
  };
  const afterMs = config.queue.delayWarningHours * hourMs;
  return {
    bouncesFor: (message, verdict) => composeBounces(message, verdict, options),
    ...(afterMs > 0 && {
      delayWarnings: { afterMs, warningFor: (message) => composeDelayWarning(message, options) },
    }),
  };
}

/** Recognizes duplicates of what has already arrived. */
function duplicateFilter({ queue }: Config, store: QueueStore, clock: Clock): DuplicateFilter {
  const { records } = store;
  // As long as the message may exist, unless an administrator keeps it.
  const stayMs = queue.expireAfterHours * hourMs + Math.max(queue.retainDeliveredDays, queue.retainFailedDays) * dayMs;
  return new DuplicateFilter({
    records,
    clock,
    isShared: store.leases !== undefined,
    async wasInVain(id) {
      const accepted = await store.get(id);
      return accepted !== undefined && isInVain(accepted);
    },
    drops: new DuplicateDrops(records, clock, stayMs),
  });
}
