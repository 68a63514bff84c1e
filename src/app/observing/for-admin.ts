import { join } from 'node:path';
import type { ObservedFacts } from '../../admin/facts.ts';
import type { History } from '../../admin/history/history.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { QueueStore } from '../../queue/store.ts';
import type { BridgeState } from '../bridge-state.ts';
import { instanceName } from '../instances/instance.ts';
import { version } from '../version.ts';
import { expiriesOf } from './expiries.ts';
import type { Observation } from './observation.ts';

/** What is counted and kept for an administrator. */
export interface ObservedForAdmin {
  readonly facts: ObservedFacts;
  readonly history: History;
  /** Never rejects. */
  close(): Promise<void>;
}

/** What there is to observe. */
export interface ObservedParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<QueueStore, 'summary'>;
  readonly observation: Observation;
  state(): BridgeState;
}

/** The file of the history, in the data folder. */
export const historyFile = 'history.json';

/**
 * Counts what happens from now on, and continues the history; undefined without an admin port, which nobody could ask.
 */
export async function observeForAdmin(parts: ObservedParts): Promise<ObservedForAdmin | undefined> {
  const { clock, log, store, observation, state } = parts;
  const { config } = state();
  if (!config.admin) return undefined;
  const [{ countedMetrics }, { recordedHistory }] = await Promise.all([
    import('../../admin/metrics/registry.ts'),
    import('../../admin/history/recorder.ts'),
  ]);
  const { registry, counters } = countedMetrics();
  const queued = async () => (await store.summary()).open.queued;
  const recorded = await recordedHistory({ file: join(config.dataDir, historyFile), clock, log, queued });
  observation.add(counters);
  observation.add(recorded.history);
  recorded.start();
  const facts = { ...factsOf(parts), counted: registry };
  return { facts, history: recorded.history, close: () => recorded.close() };
}

function factsOf({ store, state }: ObservedParts): Omit<ObservedFacts, 'counted'> {
  return {
    version: version(),
    instance: instanceName(state().config),
    oldestQueuedAtMs: async () => (await store.summary()).oldestQueuedAtMs,
    tokens: () =>
      state()
        .upstreams.values()
        .flatMap((upstream) =>
          Object.entries(upstream.tokenExpiries()).map(([resource, expiresAtMs]) => ({
            ...{ connection: upstream.name, resource, expiresAtMs },
          })),
        ),
    expiries: () => expiriesOf(state()),
  };
}
