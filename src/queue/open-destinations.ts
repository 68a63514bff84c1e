import type { Clock } from '../base/clock.ts';
import { Semaphore } from '../base/semaphore.ts';
import type { Destination } from './destination.ts';
import type { DestinationLimits, DestinationParts } from './limits/destinations.ts';
import type { Lease } from './ownership/lease.ts';

export interface OpenDestinationsOptions {
  readonly clock: Clock;
  readonly limits: DestinationLimits;
  /** The lease by which this instance may begin to deliver a destination. */
  leaseOf(destination: string): Lease | undefined;
  /** Makes a destination whose limits are known. */
  make(parts: DestinationParts, lease: Lease): Destination;
  onFailure(error: unknown): void;
}

/** A start with many mailboxes must not query for all of them at once. */
const openedAtATime = 8;
/** How long to wait after the store could not be read. */
const restMs = 1000;

/** The destinations that this instance delivers, once the store has reported what is left of their limits. */
export class OpenDestinations {
  readonly #options: OpenDestinationsOptions;
  readonly #destinations = new Map<string, Destination>();
  readonly #opening = new Map<string, Promise<Destination | undefined>>();
  /** By lease: deliveries of lost destinations that are still ending and still hold connections to their mailboxes. */
  readonly #ending = new Map<string, Promise<unknown>>();
  readonly #permits = new Semaphore(openedAtATime);
  readonly #stop = new AbortController();
  #rest: Promise<void> | undefined;

  constructor(options: OpenDestinationsOptions) {
    this.#options = options;
  }

  /** Undefined if it is not open. */
  get(key: string): Destination | undefined {
    return this.#destinations.get(key);
  }

  all(): Destination[] {
    return [...this.#destinations.values()];
  }

  /** The destinations of a connection, the one without a trial for longest first. */
  *of(connection: string): Iterable<Destination> {
    for (const destination of this.#destinations.values()) {
      if (destination.connection === connection) yield destination;
    }
  }

  /** The destinations delivered under a lease, or under one of the same key. */
  ofLease(lease: Lease): Destination[] {
    return this.all().filter(({ guard }) => guard.lease.key === lease.key);
  }

  /**
   * Opens a destination, unless it is open. It then reads what is due automatically.
   * @returns undefined if it is not this instance's, or nothing is opened any more. Never rejects
   */
  open(key: string): Promise<Destination | undefined> {
    const there = this.#destinations.get(key);
    if (there) return Promise.resolve(there);
    let opening = this.#opening.get(key);
    if (!opening) {
      opening = this.#open(key).finally(() => this.#opening.delete(key));
      this.#opening.set(key, opening);
    }
    return opening;
  }

  /** Its turn for a trial has passed: the others of its connection are tried before it. */
  toEnd(destination: Destination): void {
    if (this.#destinations.get(destination.key) !== destination) return;
    this.#destinations.delete(destination.key);
    this.#destinations.set(destination.key, destination);
  }

  /**
   * Another instance delivers them.
   * @param ended resolves when none of them is under way here any more: they are not opened again earlier
   */
  forget(destinations: readonly Destination[], ended: Promise<unknown>): void {
    for (const destination of destinations) {
      if (this.#destinations.get(destination.key) !== destination) continue;
      this.#destinations.delete(destination.key);
      this.#options.limits.closed(destination.key);
      this.#holdBack(destination.guard.lease.key, ended);
    }
  }

  stop(): void {
    this.#stop.abort();
    for (const destination of this.#destinations.values()) destination.stop();
  }

  #holdBack(leaseKey: string, ended: Promise<unknown>): void {
    const all = Promise.all([this.#ending.get(leaseKey), ended]).then(() => {
      if (this.#ending.get(leaseKey) === all) this.#ending.delete(leaseKey);
    });
    this.#ending.set(leaseKey, all);
  }

  async #open(key: string): Promise<Destination | undefined> {
    for (;;) {
      const lease = this.#leaseOf(key);
      if (!lease) return undefined;
      await this.#ending.get(lease.key);
      await this.#rest;
      const parts = await this.#read(key);
      // The lease may have been lost and won again meanwhile, so what was read before may be too low.
      const now = this.#leaseOf(key);
      if (!parts || now?.fence !== lease.fence || !this.#options.limits.areOfNow(parts)) continue;
      const destination = this.#options.make(parts, lease);
      this.#destinations.set(key, destination);
      this.#options.limits.opened(key, destination);
      destination.wake();
      return destination;
    }
  }

  /** @returns undefined if the store could not be read: after a rest it can be tried again */
  async #read(key: string): Promise<DestinationParts | undefined> {
    const { limits, onFailure } = this.#options;
    let release: (() => void) | undefined;
    try {
      release = await this.#permits.acquire(this.#stop.signal);
      if (this.#rest !== undefined) return undefined;
      return await limits.of(key);
    } catch (error) {
      if (!this.#stop.signal.aborted && this.#rest === undefined) {
        onFailure(error);
        this.#takeRest();
      }
      return undefined;
    } finally {
      release?.();
    }
  }

  #leaseOf(key: string): Lease | undefined {
    return this.#stop.signal.aborted ? undefined : this.#options.leaseOf(key);
  }

  #takeRest(): void {
    this.#rest = new Promise((resolve) => {
      this.#options.clock.after(restMs, () => {
        this.#rest = undefined;
        resolve();
      });
    });
  }
}
