import type { Clock } from '../base/clock.ts';
import { Semaphore } from '../base/semaphore.ts';
import type { Destination } from './destination.ts';
import type { DestinationLimits, DestinationParts } from './limits/destinations.ts';
import type { Lease } from './ownership/lease.ts';

export interface OpenDestinationsOptions {
  readonly clock: Clock;
  readonly limits: DestinationLimits;
  /** By which lease this instance may begin to deliver a destination. */
  leaseOf(destination: string): Lease | undefined;
  /** Makes a destination whose limits are known. */
  make(parts: DestinationParts, lease: Lease): Destination;
  onFailure(error: unknown): void;
}

/** A start with many mailboxes must not ask for all of them at once. */
const openedAtATime = 8;
/** A store that could not be read is left alone for so long. */
const restMs = 1000;

/** The destinations that this instance delivers, from when the store has told what their limits have left. */
export class OpenDestinations {
  readonly #options: OpenDestinationsOptions;
  readonly #destinations = new Map<string, Destination>();
  readonly #opening = new Map<string, Promise<Destination | undefined>>();
  /** By lease: what goes on of destinations that were lost, and holds connections of their mailboxes still. */
  readonly #ending = new Map<string, Promise<unknown>>();
  readonly #permits = new Semaphore(openedAtATime);
  readonly #stop = new AbortController();
  #rest: Promise<void> | undefined;

  constructor(options: OpenDestinationsOptions) {
    this.#options = options;
  }

  /** Undefined where it is not open. */
  get(key: string): Destination | undefined {
    return this.#destinations.get(key);
  }

  all(): Destination[] {
    return [...this.#destinations.values()];
  }

  /** Those of a connection, the longest without a trial first. */
  *of(connection: string): Iterable<Destination> {
    for (const destination of this.#destinations.values()) {
      if (destination.connection === connection) yield destination;
    }
  }

  /** Those that are delivered by a lease, or one of the same key. */
  ofLease(lease: Lease): Destination[] {
    return this.all().filter(({ guard }) => guard.lease.key === lease.key);
  }

  /**
   * Opens a destination, unless it is open. It reads by itself what is due.
   * @returns undefined where it is not this instance's, or nothing is opened any more. Never rejects
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

  /** Its turn to be tried has come and gone: the others of its connection are tried before it. */
  toEnd(destination: Destination): void {
    if (this.#destinations.get(destination.key) !== destination) return;
    this.#destinations.delete(destination.key);
    this.#destinations.set(destination.key, destination);
  }

  /**
   * Another instance delivers them.
   * @param ended resolves when nothing of them is under way here any more: they are not opened again before
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
      // Meanwhile the lease may have gone, and come again: what was read before says too little then.
      const now = this.#leaseOf(key);
      if (!parts || now?.fence !== lease.fence || !this.#options.limits.areOfNow(parts)) continue;
      const destination = this.#options.make(parts, lease);
      this.#destinations.set(key, destination);
      this.#options.limits.opened(key, destination);
      destination.wake();
      return destination;
    }
  }

  /** @returns undefined where the store could not be read: after a rest it can be tried again */
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
