import type { AlertFacts } from '../../admin/alerts/condition.ts';
import type { AdminFacts, SharingFacts } from '../../admin/facts.ts';
import type { OwnershipFacts, SharedOwnership } from '../../queue/ownership/shared.ts';
import type { Queue } from '../../queue/queue.ts';
import type { QueueStore } from '../../queue/store.ts';
import type { OpenListener } from '../bridge-state.ts';
import type { Upstream } from '../connections/upstream.ts';
import type { ObservedForAdmin } from '../observing/for-admin.ts';
import { QueueNumbers } from '../observing/queue-numbers.ts';
import type { Readiness } from '../readiness.ts';
import type { BridgeReading } from '../workers/reading.ts';

/** What an administrator asks about. */
export interface AdminSources {
  readonly store: QueueStore;
  readonly queue: Pick<Queue, 'breakers'>;
  /** Set if several instances share the queue. */
  readonly ownership: Pick<SharedOwnership, 'facts'> | undefined;
  readonly listeners: readonly Pick<OpenListener, 'protocol' | 'clients'>[];
  readonly reading: Pick<BridgeReading, 'workers'>;
  readonly readiness: Pick<Readiness, 'notReady'>;
  /** Metrics; left out in tests. */
  readonly observed?: Pick<ObservedForAdmin, 'facts' | 'history'> | undefined;
  /** Left out in tests. */
  alerts?(): readonly AlertFacts[];
  upstreams(): Iterable<Upstream>;
}

/** The facts shown on the admin port. */
export function adminFacts({
  store,
  queue,
  ownership,
  listeners,
  reading,
  readiness,
  observed,
  alerts,
  upstreams,
}: AdminSources): AdminFacts {
  const numbers = new QueueNumbers(store);
  return {
    clients() {
      const clients: Record<string, number> = {};
      for (const { protocol, clients: open } of listeners) clients[protocol] = (clients[protocol] ?? 0) + open();
      return clients;
    },
    workers: () => reading.workers(),
    ...(ownership && { sharing: () => sharingOf(ownership.facts()) }),
    ...(observed && { observed: { ...observed.facts, oldestQueuedAtMs: () => numbers.oldestQueuedAtMs() } }),
    ...(alerts && { alerts }),
    notReady: () => readiness.notReady(),
    queue: () => numbers.byState(),
    troubles: () =>
      queue.breakers().map(({ connection, part, state, sinceMs, nextProbeAtMs, trouble }) => ({
        connection,
        part,
        state,
        since: new Date(sinceMs).toISOString(),
        nextProbe: new Date(nextProbeAtMs).toISOString(),
        code: trouble.code,
        text: trouble.text,
        ...(trouble.remedy === undefined ? {} : { remedy: trouble.remedy }),
      })),
    async signIns() {
      const people = [...upstreams()].flatMap(({ name, person }) => (person ? [{ name, person }] : []));
      return await Promise.all(
        people.map(async ({ name, person }) => {
          // A file that cannot be read is as good as none.
          const signIn = await person.store.read().catch(() => undefined);
          const signsInByItself = person.grant.kind === 'password';
          return { connection: name, isNeeded: signIn === undefined ? !signsInByItself : signIn.ended !== undefined };
        }),
      );
    },
  };
}

function sharingOf({ instances, leases }: OwnershipFacts): SharingFacts {
  return { instances: instances.length, leases };
}
