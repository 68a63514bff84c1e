import type { Lease } from '../../../src/queue/ownership/lease.ts';
import type { Ownership, OwnershipEvents } from '../../../src/queue/ownership/ownership.ts';
import type { FakeClock } from '../../support/fake-clock.ts';

/** Leases that come and go as the test says. Each is for a destination, or for all whose names begin with its key. */
export class ScriptedOwnership implements Ownership {
  readonly asked: string[] = [];
  /** Leases that this instance should no longer trust, though it has not been told that they are lost. */
  readonly doubtful = new Set<string>();
  isStopped = false;
  /** Those handed over since this instance retires. */
  readonly released: string[] = [];
  readonly #clock: FakeClock;
  readonly #leases = new Map<string, Lease>();
  readonly #waiting = new Map<string, (lease: Lease | undefined) => void>();
  #fence = 0;
  #events: OwnershipEvents | undefined;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  leaseOf(destination: string): Lease | undefined {
    return [...this.#leases.values()].find(({ key }) => destination.startsWith(key));
  }

  holds(lease: Lease): boolean {
    return this.#leases.get(lease.key)?.fence === lease.fence && !this.doubtful.has(lease.key);
  }

  wanted(destination: string): void {
    this.asked.push(destination);
  }

  async acquire(destination: string, patienceMs: number): Promise<Lease | undefined> {
    const lease = this.leaseOf(destination);
    if (lease) return lease;
    return await new Promise((resolve) => {
      this.#waiting.set(destination, resolve);
      this.#clock.after(patienceMs, () => resolve(undefined));
    });
  }

  async start(events: OwnershipEvents): Promise<void> {
    this.#events = events;
  }

  retire(): void {
    for (const lease of this.#leases.values()) {
      void this.#events?.handOver(lease).then(() => {
        this.#leases.delete(lease.key);
        this.released.push(lease.key);
      });
    }
  }

  async stop(): Promise<void> {
    this.isStopped = true;
  }

  gain(key: string): Lease {
    const lease = { key, fence: ++this.#fence, sinceMs: this.#clock.now() };
    this.#leases.set(key, lease);
    this.doubtful.delete(key);
    this.#events?.gained(lease);
    for (const [destination, resolve] of this.#waiting) if (destination.startsWith(key)) resolve(lease);
    return lease;
  }

  /** Another instance is to have it, and has it once the promise is resolved. */
  async handOver(key: string): Promise<void> {
    await this.#events?.handOver(this.#leases.get(key) as Lease);
    this.#leases.delete(key);
  }

  /** Another instance has it already. */
  lose(key: string): void {
    const lease = this.#leases.get(key) as Lease;
    this.#leases.delete(key);
    this.#events?.lost(lease);
  }
}
