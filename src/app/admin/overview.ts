import type { ConnectionStatus, Overview, QueueOverview } from '../../admin/api/overview/schemas.ts';
import type { InstanceFacts } from '../../admin/api/session/routes.ts';
import type { AdminFacts } from '../../admin/facts.ts';
import type { Clock } from '../../base/clock.ts';
import type { QueueStore } from '../../queue/store.ts';
import type { BridgeState } from '../bridge-state.ts';
import { accountTroubles } from './account-states.ts';

/** What an overview is made of. */
export interface OverviewParts {
  readonly facts: Pick<AdminFacts, 'notReady' | 'clients'>;
  readonly instance: InstanceFacts;
  readonly startedAtMs: number;
  readonly store: Pick<QueueStore, 'summary' | 'deliveredSince'>;
  readonly clock: Clock;
  state(): BridgeState;
  states(): Promise<ConnectionStatus[]>;
}

const dayMs = 24 * 3_600_000;

/** Makes overviews; those who ask while one is made get the same. */
export class Overviews {
  readonly #parts: OverviewParts;
  #underWay: Promise<Overview> | undefined;

  constructor(parts: OverviewParts) {
    this.#parts = parts;
  }

  get(): Promise<Overview> {
    this.#underWay ??= this.#make().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #make(): Promise<Overview> {
    const { facts, instance, startedAtMs, state, states } = this.#parts;
    const [reasons, connections, queue] = await Promise.all([facts.notReady(), states(), this.#queue()]);
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

  async #queue(): Promise<QueueOverview> {
    const { store, clock } = this.#parts;
    const [{ open, oldestQueuedAtMs }, deliveredLastDay] = await Promise.all([
      store.summary(),
      store.deliveredSince(clock.now() - dayMs),
    ]);
    const oldestQueuedAt = oldestQueuedAtMs === undefined ? null : new Date(oldestQueuedAtMs).toISOString();
    return { ...open, deliveredLastDay, oldestQueuedAt };
  }
}
