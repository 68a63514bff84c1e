import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { AskedRounds } from '../asked-rounds.ts';
import type { QueueStore, StoreChange } from '../store.ts';
import { Balance } from './balance.ts';
import { Claims } from './claims.ts';
import { HandOvers } from './hand-overs.ts';
import { Heartbeat } from './heartbeat.ts';
import { HeldLeases } from './held-leases.ts';
import { Instances } from './instances.ts';
import type { Lease, LeaseNews, LeaseTable } from './lease.ts';
import { LeaseCalls } from './lease-calls.ts';
import type { Ownership, OwnershipEvents } from './ownership.ts';
import { OwnershipLog } from './ownership-log.ts';
import { type OwnershipTimes, usualTimes } from './times.ts';
import { WaitingClients } from './waiting-clients.ts';
import { WaitingMail } from './waiting-mail.ts';

export interface SharedOwnershipOptions {
  readonly leases: LeaseTable;
  readonly store: Pick<QueueStore, 'destinations' | 'subscribe'>;
  readonly clock: Clock;
  readonly log: Log;
  /** The unit of ownership; default: each destination on its own. */
  readonly keyOf?: (destination: string) => string;
  /**
   * Milliseconds of a clock that nobody sets and that also runs while the process stands still; default
   * `performance.now`.
   */
  readonly monotonicMs?: () => number;
  readonly times?: Partial<OwnershipTimes>;
}

/** Ownership as an administrator sees it. */
export interface OwnershipFacts {
  readonly instance: string;
  /** Live instances, including this one, sorted; empty before {@link Ownership.start}. */
  readonly instances: readonly string[];
  /** Number of leases that this instance has. */
  readonly leases: number;
  /** Whether they may be used; if not, the store has not answered for a while. */
  readonly isValid: boolean;
}

export interface SharedOwnership extends Ownership {
  facts(): OwnershipFacts;
}

/** While a client waits, the store's notices are not relied upon. */
const askEveryMs = 250;
/** Notices that arrive together are handled together. */
const gatherMs = 10;
const longestLeaveMs = 5_000;

/** For a store that several instances use. */
export function sharedOwnership(options: SharedOwnershipOptions): SharedOwnership {
  return new OwnershipByLeases(options);
}

class OwnershipByLeases implements SharedOwnership {
  readonly #leases: LeaseTable;
  readonly #store: Pick<QueueStore, 'subscribe'>;
  readonly #clock: Clock;
  readonly #monotonicMs: () => number;
  readonly #keyOf: (destination: string) => string;
  readonly #calls: LeaseCalls;
  readonly #log: OwnershipLog;
  readonly #held = new HeldLeases();
  readonly #instances = new Instances();
  readonly #clients: WaitingClients;
  readonly #mail: WaitingMail;
  readonly #balance: Balance;
  readonly #heartbeat: Heartbeat;
  readonly #claims: Claims;
  readonly #handOvers: HandOvers;
  /** Claims, requests and hands over. */
  readonly #acts: AskedRounds;
  /** Reads which keys have mail. */
  readonly #reads: AskedRounds;
  #events: OwnershipEvents | undefined;
  #unsubscribe: (() => void) | undefined;
  #hasLapsed = false;
  #isNudged = false;
  #isRetiring = false;

  constructor(options: SharedOwnershipOptions) {
    const { leases, store, clock, keyOf = (destination) => destination } = options;
    const { monotonicMs = () => performance.now() } = options;
    const { self } = leases;
    const times = { ...usualTimes, ...options.times };
    this.#leases = leases;
    this.#store = store;
    this.#clock = clock;
    this.#monotonicMs = monotonicMs;
    this.#keyOf = keyOf;
    this.#calls = new LeaseCalls(clock, times.leaseMs / 2);
    this.#log = new OwnershipLog({ ...options, self, monotonicMs, times });
    this.#clients = new WaitingClients(clock, monotonicMs);
    this.#mail = new WaitingMail({
      store,
      times,
      monotonicMs,
      keyOf,
      isOurs: (key) => this.#held.of(key) !== undefined,
      isPreferred: (key) => this.#instances.preferredFor(key) === self,
    });
    this.#balance = new Balance(self, times, this.#instances);
    const parts = { leases, calls: this.#calls, clock, monotonicMs, times };
    this.#heartbeat = new Heartbeat({
      ...parts,
      onNews: (news) => this.#news(news),
      onLapse: (silentMs, failure) => this.#lapsed(silentMs, failure),
    });
    const known = {
      log: this.#log,
      held: this.#held,
      instances: this.#instances,
      mail: this.#mail,
      clients: this.#clients,
      balance: this.#balance,
    };
    this.#claims = new Claims({
      ...parts,
      ...known,
      isActive: () => this.#isActive,
      gained: (lease) => this.#events?.gained(lease),
    });
    this.#handOvers = new HandOvers({
      ...parts,
      ...known,
      end: async (lease) => this.#events?.handOver(lease).catch((error) => this.#log.failed(error)),
      done: () => this.#acts.askWithin(0),
    });
    this.#acts = new AskedRounds(clock, monotonicMs, () => this.#act());
    this.#reads = new AskedRounds(clock, monotonicMs, () => this.#read());
  }

  leaseOf(destination: string): Lease | undefined {
    return this.#held.of(this.#keyOf(destination))?.lease;
  }

  holds(lease: Lease): boolean {
    return this.#heartbeat.isValid && this.#held.has(lease);
  }

  wanted(destination: string): void {
    if (this.#mail.add(this.#keyOf(destination))) this.#acts.askWithin(gatherMs);
  }

  async acquire(destination: string, patienceMs: number): Promise<Lease | undefined> {
    const key = this.#keyOf(destination);
    if (!this.#isActive) return undefined;
    const held = this.#held.of(key);
    if (!held || held.isLeaving) {
      const won = this.#clients.wait(key, patienceMs);
      void this.#acts.ask();
      return await won;
    }
    held.usedAtMs = this.#monotonicMs();
    return held.lease;
  }

  async start(events: OwnershipEvents): Promise<void> {
    this.#events = events;
    const isStopped = () => this.#events !== events;
    try {
      await this.#heartbeat.start();
      if (isStopped()) return;
      this.#unsubscribe = this.#store.subscribe((change) => this.#changed(change));
      await this.#mail.read();
      await this.#claims.claim(false);
      if (isStopped()) return;
      this.#acts.start();
      this.#reads.start();
      this.#acts.askWithin(0);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  retire(): void {
    if (!this.#events || this.#isRetiring) return;
    this.#isRetiring = true;
    this.#clients.refuse();
    // Before anything is released: the others take that at once if they know that they should have it.
    this.#calls.run(() => this.#leases.retire()).catch((error) => this.#log.failed(error));
    // What a claim under way wins is then named by the store.
    this.#heartbeat.nudge();
    this.#handOvers.leaveAll();
  }

  async stop(): Promise<void> {
    if (!this.#events) return;
    this.#events = undefined;
    this.#unsubscribe?.();
    this.#heartbeat.stop();
    this.#acts.stop();
    this.#reads.stop();
    this.#clients.refuse();
    this.#held.clear();
    this.#mail.clear();
    this.#log.flush();
    await this.#leave();
    this.#instances.become([]);
    this.#isRetiring = false;
  }

  facts(): OwnershipFacts {
    return {
      instance: this.#leases.self,
      instances: this.#instances.names,
      leases: this.#held.size,
      isValid: this.#heartbeat.isValid,
    };
  }

  get #isActive(): boolean {
    return this.#events !== undefined && !this.#isRetiring && this.#heartbeat.isValid;
  }

  #leave(): Promise<void> {
    return new Promise((resolve) => {
      const end = (error?: unknown) => {
        cancel();
        if (error !== undefined) this.#log.cannotLeave(error);
        resolve();
      };
      const cancel = this.#clock.after(longestLeaveMs, () => end(new Error('The store does not answer.')));
      this.#calls.run(() => this.#leases.leave()).then(() => end(), end);
    });
  }

  #changed(change: StoreChange): void {
    if (change.kind === 'queued') for (const destination of change.destinations) this.wanted(destination);
    if (change.kind !== 'leases' && change.kind !== 'reachable') return;
    this.#isNudged = true;
    if (change.kind === 'reachable') this.#mail.makeOld();
    this.#heartbeat.nudge();
  }

  #news({ instances, held, requested }: LeaseNews): void {
    const nowMs = this.#monotonicMs();
    this.#met(instances, nowMs);
    const { lost, unknown } = this.#held.compare(held);
    if (lost.length > 0) this.#log.lost(lost.length);
    for (const lease of lost) this.#lose(lease);
    // After a lost answer, or a time without the store, they are claimed again so that their fence increases.
    if (unknown.length > 0) void this.#handOvers.giveBack(unknown.map((lease) => ({ lease })));
    this.#balance.requested(this.#held, requested, nowMs);
    if (this.#heartbeat.isValid && this.#hasLapsed) this.#log.back();
    if (this.#heartbeat.isValid) this.#hasLapsed = false;
    this.#acts.askWithin(0);
    if (this.#mail.isOld) void this.#reads.ask();
  }

  #met(instances: readonly string[], nowMs: number): void {
    const change = this.#isRetiring ? undefined : this.#instances.become(instances);
    if (!change) return;
    for (const name of change.joined) this.#balance.joined(name, nowMs);
    for (const name of change.gone) this.#balance.gone(name);
    this.#mail.tryAnew();
    this.#log.changed(change, instances);
  }

  #lapsed(silentMs: number, failure: unknown): void {
    this.#hasLapsed = true;
    const lost = this.#held.clear();
    this.#log.lapsed(lost.length, silentMs, failure);
    for (const lease of lost) this.#lose(lease);
    this.#clients.refuse();
  }

  #lose(lease: Lease): void {
    this.#events?.lost(lease);
  }

  async #read(): Promise<void> {
    try {
      await this.#mail.read();
      this.#acts.askWithin(0);
    } catch (error) {
      this.#log.failed(error);
    }
  }

  async #act(): Promise<void> {
    const isNudged = this.#isNudged;
    this.#isNudged = false;
    try {
      await this.#claims.claim(isNudged);
      await this.#claims.request();
      const againMs = this.#isActive ? this.#handOvers.look() : undefined;
      if (againMs !== undefined) this.#acts.askWithin(againMs);
    } catch (error) {
      // The store cannot be reached: waiting would be in vain.
      this.#clients.refuse();
      this.#log.failed(error);
    }
    if (this.#clients.isAny) this.#acts.askWithin(askEveryMs);
  }
}
