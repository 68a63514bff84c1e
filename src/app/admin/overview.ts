import type { ConnectionStatus, Overview, QueueOverview } from '../../admin/api/overview/schemas.ts';
import type { InstanceFacts } from '../../admin/api/session/routes.ts';
import type { AdminFacts } from '../../admin/facts.ts';
import type { Clock } from '../../base/clock.ts';
import type { QueueStore } from '../../queue/store.ts';
import type { BridgeState } from '../bridge-state.ts';
import { accountTroubles } from './account-states.ts';

/** What an overview is built from. */
export interface OverviewParts {
  readonly facts: Pick<AdminFacts, 'notReady' | 'clients' | 'alerts'>;
  readonly instance: InstanceFacts;
  readonly startedAtMs: number;
  readonly store: Pick<QueueStore, 'summary' | 'deliveredSince'>;
  readonly clock: Clock;
  state(): BridgeState;
  states(): Promise<ConnectionStatus[]>;
}

const dayMs = 24 * 3_600_000;
/** However many pages are open, the store is queried at most twice a second. */
const standsMs = 500;
/** While the store is busy, the previous one is better than none; the next is sent as an event. */
const usableMs = 5_000;
const patienceMs = 100;

/** Makes overviews; callers while one is made, or shortly afterwards, get the same. */
export class Overviews {
  readonly #parts: OverviewParts;
  #underWay: Promise<Overview> | undefined;
  #last: { readonly overview: Overview; readonly atMs: number } | undefined;

  constructor(parts: OverviewParts) {
    this.#parts = parts;
  }

  async get(): Promise<Overview> {
    const ageMs = this.#last ? performance.now() - this.#last.atMs : Number.POSITIVE_INFINITY;
    if (this.#last && ageMs < standsMs) return this.#last.overview;
    const underWay = this.#refresh();
    return this.#last && ageMs < usableMs ? await soonOr(underWay, this.#last.overview) : await underWay;
  }

  #refresh(): Promise<Overview> {
    const startedAtMs = performance.now();
    this.#underWay ??= this.#make()
      .then((overview) => {
        this.#last = { overview, atMs: startedAtMs };
        return overview;
      })
      .finally(() => {
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
      alerts: [...(facts.alerts?.() ?? [])],
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

async function soonOr(underWay: Promise<Overview>, before: Overview): Promise<Overview> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Overview>((resolve) => {
    timer = setTimeout(resolve, patienceMs, before);
  });
  try {
    return await Promise.race([underWay, late]);
  } finally {
    clearTimeout(timer);
  }
}
