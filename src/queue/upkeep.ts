import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { ClockWatch } from './clock-watch.ts';
import { dayMs } from './limits/limits.ts';
import type { OpenDestinations } from './open-destinations.ts';
import type { QueueStore } from './store.ts';

export interface UpkeepOptions {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly destinations: OpenDestinations;
  /** How long finished messages stay in the queue, without and with their body. */
  readonly retain: { readonly deliveredMs: number; readonly failedMs: number };
  /** The clock was set by this much. */
  onClockSet(byMs: number): void;
  /** Messages may have run out of time. */
  lookForExpired(): void;
}

const watchMs = 1000;
const expireEveryMs = 60_000;
const purgeEveryMs = 60 * 60 * 1000;

/** Does periodic work that does not depend on mail. */
export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #clockWatch: ClockWatch;
  readonly #timers = new Set<() => void>();
  #stopped = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#clockWatch = new ClockWatch(options.clock);
  }

  start(): void {
    const { onClockSet, lookForExpired, log } = this.#options;
    this.#clockWatch.look(0);
    this.#every(watchMs, () => {
      const setMs = this.#clockWatch.look(watchMs);
      if (setMs !== 0) onClockSet(setMs);
    });
    this.#every(expireEveryMs, lookForExpired);
    this.#every(purgeEveryMs, () => {
      this.#purge().catch((error: unknown) => log.error({ error }, 'queue: cannot purge'));
    });
  }

  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#timers) cancel();
  }

  #every(intervalMs: number, callback: () => void): void {
    if (this.#stopped) return;
    const cancel = this.#options.clock.after(intervalMs, () => {
      this.#timers.delete(cancel);
      callback();
      this.#every(intervalMs, callback);
    });
    this.#timers.add(cancel);
  }

  /** Several instances may do the same: what is gone is gone. */
  async #purge(): Promise<void> {
    const { store, clock, retain } = this.#options;
    const now = clock.now();
    await this.#forgetDeleted();
    await store.purge({ deliveredMs: now - retain.deliveredMs, failedMs: now - retain.failedMs });
    await store.purgeCounts(now - 2 * dayMs);
    await store.records.purge(now);
  }

  /** Forgets what is remembered of messages that are delivered, or that an administrator has deleted. */
  async #forgetDeleted(): Promise<void> {
    for (const { inFlight } of this.#options.destinations.all()) {
      for (const id of inFlight.ids) {
        const state = (await this.#options.store.get(id))?.state;
        if (state === undefined || state === 'delivered') inFlight.forget(id);
      }
    }
  }
}
