import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { OpenDestinations } from './open-destinations.ts';
import type { Lease } from './ownership/lease.ts';
import type { Ownership } from './ownership/ownership.ts';
import type { QueueStore, StoreChange } from './store.ts';

export interface MailWatchOptions {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly destinations: OpenDestinations;
  readonly ownership: Pick<Ownership, 'wanted'>;
  /** The lease by which this instance may begin to deliver a destination. */
  leaseOf(destination: string): Lease | undefined;
  /** Messages or their states were changed elsewhere. */
  onAdministered(): void;
  onFailure(error: unknown): void;
}

/** How long to wait after the store could not be read. */
const restMs = 1000;
/**
 * If several instances accept mail, one that is killed between its commit and its notice tells nobody what it has
 * accepted.
 */
const lookEveryMs = 10_000;

/** Learns where mail waits: from the store at start, and from the changes others make in it. */
export class MailWatch {
  readonly #options: MailWatchOptions;
  #isReachable = true;
  #endSubscription: (() => void) | undefined;
  #cancelRest: (() => void) | undefined;
  #cancelLook: (() => void) | undefined;
  #isLooking = false;
  #isAskedAgain = false;
  #stopped = false;

  constructor(options: MailWatchOptions) {
    this.#options = options;
  }

  /** Whether the store can be reached, as far as is known: without it nothing begins. */
  get isReachable(): boolean {
    return this.#isReachable;
  }

  start(): void {
    this.#endSubscription = this.#options.store.subscribe((change) => this.#changed(change));
    if (this.#options.store.leases) this.#lookFromTimeToTime();
  }

  /** Mail waits in a destination: opens it if it is this instance's, and offers it to the others otherwise. */
  wanted(destination: string): void {
    if (this.#options.leaseOf(destination)) void this.#options.destinations.open(destination);
    else this.#options.ownership.wanted(destination);
  }

  /** Looks through the store for destinations with mail, once for all that ask meanwhile. */
  look(): void {
    this.#isAskedAgain = true;
    if (this.#isLooking || this.#cancelRest || this.#stopped) return;
    this.#isLooking = true;
    // One look serves all that ask in this turn of the event loop.
    queueMicrotask(() => void this.#lookThrough());
  }

  stop(): void {
    this.#stopped = true;
    this.#endSubscription?.();
    this.#cancelRest?.();
    this.#cancelLook?.();
  }

  #lookFromTimeToTime(): void {
    this.#cancelLook = this.#options.clock.after(lookEveryMs, () => {
      if (this.#isReachable) this.look();
      this.#lookFromTimeToTime();
    });
  }

  async #lookThrough(): Promise<void> {
    const { store, clock, onFailure } = this.#options;
    try {
      while (this.#isAskedAgain && !this.#stopped) {
        this.#isAskedAgain = false;
        const found = await store.destinations();
        for (const { destination, nextAttemptAtMs } of found) {
          if (this.#stopped) return;
          if (nextAttemptAtMs <= clock.now()) this.#queued(destination);
          else this.wanted(destination);
        }
      }
    } catch (error) {
      this.#isAskedAgain = true;
      onFailure(error);
      this.#rest();
    }
    this.#isLooking = false;
  }

  #rest(): void {
    if (this.#stopped) return;
    this.#cancelRest = this.#options.clock.after(restMs, () => {
      this.#cancelRest = undefined;
      this.look();
    });
  }

  #changed(change: StoreChange): void {
    if (this.#stopped) return;
    if (change.kind === 'queued') for (const destination of change.destinations) this.#queued(destination);
    else if (change.kind === 'administered') this.#options.onAdministered();
    else if (change.kind === 'unreachable') this.#lost();
    else if (change.kind === 'reachable') this.#found();
  }

  #queued(destination: string): void {
    const { destinations, leaseOf } = this.#options;
    const open = leaseOf(destination) && destinations.get(destination);
    if (open) open.queuedElsewhere();
    else this.wanted(destination);
  }

  #lost(): void {
    if (!this.#isReachable) return;
    this.#isReachable = false;
    const { log } = this.#options;
    log.error({ code: 'queue-unreachable' }, 'queue: store unreachable, delivery stopped');
  }

  #found(): void {
    const { log, destinations } = this.#options;
    if (!this.#isReachable) log.warn('queue: store reachable again');
    this.#isReachable = true;
    for (const destination of destinations.all()) destination.storeIsBack();
    this.look();
  }
}
