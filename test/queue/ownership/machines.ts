import type { Clock } from '../../../src/base/clock.ts';
import type { Lease, LeaseTable } from '../../../src/queue/ownership/lease.ts';
import type { OwnershipEvents } from '../../../src/queue/ownership/ownership.ts';
import { type SharedOwnership, sharedOwnership } from '../../../src/queue/ownership/shared.ts';
import type { StoreChange } from '../../../src/queue/store.ts';
import { type Line, recordedLog } from '../recorded-log.ts';
import { MemoryLeases } from './memory-leases.ts';

interface Happening {
  readonly atMs: number;
  readonly order: number;
  readonly happen: () => void;
}

/** How the machines of a world are connected. Times in milliseconds. */
export interface Network {
  /** How long a message takes one way. */
  delayMs(): number;
  /** How many times a notice of the store arrives. */
  notices(): number;
  /** How long a call to an unreachable store takes to fail. */
  failureMs(): number;
  /** How long a delivery under way continues when its lease is handed over. */
  deliveryMs(): number;
}

export const goodNetwork: Network = { delayMs: () => 2, notices: () => 1, failureMs: () => 20, deliveryMs: () => 50 };

/** Several machines with one store, in simulated time: nothing waits for real. */
export class World {
  nowMs = 0;
  readonly leases = new MemoryLeases(() => this.nowMs);
  readonly machines: Machine[] = [];
  readonly mail = new Set<string>();
  readonly network: Network;
  /** Checks everything after each event. */
  watch: () => void = () => {};
  #happenings: Happening[] = [];
  #order = 0;

  constructor(network: Network = goodNetwork) {
    this.network = network;
    this.leases.onChange = () => this.tell({ kind: 'leases' });
  }

  machine(name: string, kind: MachineKind = {}): Machine {
    const machine = new Machine(this, name, kind);
    this.machines.push(machine);
    return machine;
  }

  /** @returns a function that cancels it */
  at(delayMs: number, happen: () => void): () => void {
    const happening = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, happen };
    this.#happenings.push(happening);
    return () => {
      this.#happenings = this.#happenings.filter((each) => each !== happening);
    };
  }

  accept(...destinations: string[]): void {
    for (const each of destinations) this.mail.add(each);
    this.tell({ kind: 'queued', destinations });
  }

  tell(change: StoreChange): void {
    for (const machine of this.machines) {
      const times = this.network.notices();
      for (let time = 0; time < times; time++) this.at(this.network.delayMs(), () => machine.hear(change));
    }
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    await calm();
    for (let next = this.#next(endMs); next; next = this.#next(endMs)) {
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.happen();
      await calm();
      this.watch();
    }
    this.nowMs = endMs;
    this.watch();
  }

  #next(endMs: number): Happening | undefined {
    let next: Happening | undefined;
    for (const each of this.#happenings) {
      if (each.atMs > endMs) continue;
      if (!next || each.atMs < next.atMs || (each.atMs === next.atMs && each.order < next.order)) next = each;
    }
    if (next) this.#happenings = this.#happenings.filter((each) => each !== next);
    return next;
  }
}

export interface MachineKind {
  /** How wrong its clock is. */
  readonly setMs?: number;
  /** How much too fast it runs. */
  readonly drift?: number;
  readonly keyOf?: (destination: string) => string;
}

/** Resolves once all promises that can be settled are. */
async function calm(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** A machine that runs an instance, until it crashes. */
export class Machine {
  readonly name: string;
  readonly ownership: SharedOwnership;
  readonly lines: Line[];
  /** What its instance was told, as text. */
  readonly told: string[] = [];
  /** Every lease that it ever had. */
  readonly had: Lease[] = [];
  /** The leases it has now, as it was told. */
  readonly has = new Map<string, Lease>();
  /** Calls to the store. */
  calls = 0;
  isReachable = true;
  /** This many calls get no answer. */
  swallow = 0;
  readonly #world: World;
  readonly #drift: number;
  #setMs: number;
  #isCrashed = false;
  #isStopping = false;
  /** What happens to it while it is frozen. */
  #frozen: (() => void)[] | undefined;
  readonly #listeners = new Set<(change: StoreChange) => void>();

  constructor(world: World, name: string, { setMs = 0, drift = 0, keyOf }: MachineKind) {
    this.name = name;
    this.#world = world;
    this.#setMs = setMs;
    this.#drift = drift;
    const { log, lines } = recordedLog();
    this.lines = lines;
    this.ownership = sharedOwnership({
      leases: this.#table(world.leases.table(name)),
      store: {
        destinations: () =>
          this.#call(async () => [...world.mail].map((destination) => ({ destination, nextAttemptAtMs: 0 }))),
        subscribe: (told) => {
          this.#listeners.add(told);
          return () => this.#listeners.delete(told);
        },
      },
      clock: this.#timers(),
      log,
      monotonicMs: () => this.#monotonicMs(),
      ...(keyOf && { keyOf }),
    });
  }

  /** Whether it is told of the store's changes. */
  get isSubscribed(): boolean {
    return this.#listeners.size > 0;
  }

  get isRunning(): boolean {
    return !this.#isCrashed && !this.#isStopping;
  }

  start(): Promise<void> {
    return this.ownership.start(this.#events());
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.has.clear();
    await this.ownership.stop();
    this.crash();
  }

  /** It ends as a bridge does: what is idle goes at once, and everything after the grace time. */
  async end(graceMs: number): Promise<void> {
    this.ownership.retire();
    await new Promise<void>((resolve) => this.#world.at(graceMs, resolve));
    if (!this.#isCrashed) await this.stop();
  }

  crash(): void {
    this.#isCrashed = true;
    this.#frozen = undefined;
  }

  freeze(): void {
    if (!this.#isCrashed) this.#frozen ??= [];
  }

  wake(): void {
    const frozen = this.#frozen ?? [];
    this.#frozen = undefined;
    for (const happen of frozen) this.#world.at(0, () => this.#happen(happen));
  }

  /** Whether it can reach the store from now on. */
  reach(isReachable: boolean): void {
    if (isReachable && !this.isReachable) this.#world.at(this.#world.network.delayMs(), () => this.#back());
    this.isReachable = isReachable;
  }

  /** Sets its clock. */
  setClock(byMs: number): void {
    this.#setMs += byMs;
  }

  /** A notice of the store. */
  hear(change: StoreChange): void {
    if (!this.isReachable) return;
    this.#happen(() => {
      for (const told of [...this.#listeners]) told(change);
    });
  }

  /** Whether it would deliver under any lease that it ever had, as it believes right now. */
  holds(key: string): boolean {
    return !this.#isCrashed && this.had.some((lease) => lease.key === key && this.ownership.holds(lease));
  }

  #back(): void {
    this.hear({ kind: 'reachable' });
  }

  #monotonicMs(): number {
    return this.#world.nowMs * (1 + this.#drift) + 1_000;
  }

  #timers(): Clock {
    return {
      now: () => this.#world.nowMs + this.#setMs,
      after: (delayMs, callback) => {
        let isOff = false;
        const cancel = this.#world.at(delayMs, () => this.#happen(() => !isOff && callback()));
        return () => {
          isOff = true;
          cancel();
        };
      },
    };
  }

  #happen(happen: () => void): void {
    if (this.#isCrashed) return;
    if (this.#frozen) this.#frozen.push(happen);
    else happen();
  }

  #table(table: LeaseTable): LeaseTable {
    return {
      self: table.self,
      renew: (leaseMs) => this.#call(() => table.renew(leaseMs)),
      claim: (keys, nowMs) => this.#call(() => table.claim(keys, nowMs)),
      request: (key) => this.#call(() => table.request(key)),
      release: (leases) => this.#call(() => table.release(leases)),
      retire: () => this.#call(() => table.retire()),
      leave: () => this.#call(() => table.leave()),
    };
  }

  /** A call over the network: it may fail before the store performs it, or after. */
  #call<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    const { network } = this.#world;
    this.calls++;
    const isSwallowed = this.swallow > 0;
    if (isSwallowed) this.swallow--;
    return new Promise((resolve, reject) => {
      const fail = () =>
        this.#world.at(network.failureMs(), () => this.#happen(() => reject(new Error('the store is not there'))));
      const answer = (result: Promise<Answer>) => {
        if (isSwallowed) return;
        if (this.isReachable) this.#happen(() => void result.then(resolve, reject));
        else fail();
      };
      const reach = () => {
        if (!this.isReachable) return fail();
        const result = call();
        return this.#world.at(network.delayMs(), () => answer(result));
      };
      this.#world.at(network.delayMs(), reach);
    });
  }

  #events(): OwnershipEvents {
    return {
      gained: (lease) => {
        if (this.has.has(lease.key)) throw new Error(`${this.name} has gained ${lease.key} twice`);
        this.#tell(`gains ${lease.key}`);
        this.had.push(lease);
        this.has.set(lease.key, lease);
      },
      handOver: (lease) => {
        if (this.has.get(lease.key) !== lease) throw new Error(`${this.name} hands over ${lease.key}, not its own`);
        return new Promise((resolve) => {
          this.#timers().after(this.#world.network.deliveryMs(), () => {
            if (this.has.get(lease.key) === lease) this.has.delete(lease.key);
            this.#tell(`hands over ${lease.key}`);
            resolve();
          });
        });
      },
      lost: (lease) => {
        if (this.has.get(lease.key) !== lease) throw new Error(`${this.name} loses ${lease.key}, not its own`);
        this.has.delete(lease.key);
        this.#tell(`loses ${lease.key}`);
      },
    };
  }

  #tell(what: string): void {
    this.told.push(`${this.name} ${what}`);
  }
}
