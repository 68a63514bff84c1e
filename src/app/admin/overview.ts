import type { Overview, QueueOverview } from '../../admin/api/overview/schemas.ts';
import type { InstanceFacts } from '../../admin/api/session/routes.ts';
import type { AdminFacts } from '../../admin/facts.ts';
import type { QueueStore } from '../../queue/store.ts';
import type { BridgeState } from '../bridge-state.ts';
import { accountTroubles } from './account-states.ts';
import { ConnectionStates } from './connection-states.ts';

/** What an overview is made of. */
export interface OverviewParts {
  readonly facts: AdminFacts;
  readonly instance: InstanceFacts;
  readonly startedAtMs: number;
  readonly store: Pick<QueueStore, 'totals' | 'count'>;
  state(): BridgeState;
}

/** Makes overviews; those who ask while one is made get the same. */
export class Overviews {
  readonly #parts: OverviewParts;
  readonly #connections: ConnectionStates;
  #underWay: Promise<Overview> | undefined;

  constructor(parts: OverviewParts) {
    this.#parts = parts;
    this.#connections = new ConnectionStates(parts);
  }

  get(): Promise<Overview> {
    this.#underWay ??= this.#make().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #make(): Promise<Overview> {
    const { facts, instance, startedAtMs, state } = this.#parts;
    const [reasons, connections, queue] = await Promise.all([
      facts.notReady(),
      this.#connections.all(),
      queueOverview(this.#parts.store),
    ]);
    const { accounts } = state().config;
    const { smtp = 0, imap = 0, pop3 = 0 } = facts.clients();
    return {
      version: instance.version,
      instance: instance.instance,
      startedAt: new Date(startedAtMs).toISOString(),
      ready: { ready: reasons.length === 0, reasons: reasons.map(({ code, text }) => ({ code, text })) },
      connections,
      accounts: { total: accounts.length, trouble: accountTroubles(accounts, connections) },
      queue,
      clients: { smtp, imap, pop3 },
      alerts: [],
    };
  }
}

async function queueOverview(store: OverviewParts['store']): Promise<QueueOverview> {
  const [queued, held, failed, quarantined] = await Promise.all(
    (['queued', 'held', 'failed', 'quarantined'] as const).map((state) => store.count(state)),
  );
  return {
    queued: queued ?? 0,
    held: held ?? 0,
    failed: failed ?? 0,
    quarantined: quarantined ?? 0,
    deliveredLastDay: 0,
    oldestQueuedAt: null,
  };
}
