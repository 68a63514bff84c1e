import type { Clock } from '../../../base/clock.ts';
import { OneAtATime } from '../../../base/one-at-a-time.ts';
import { unlessAborted } from '../../../base/unless-aborted.ts';

/** Work of which one run serves everyone who asked before it began, even if it fails. */
export class JointWork {
  readonly #clock: Clock;
  readonly #serial = new OneAtATime();
  /** When the last successful run began, milliseconds since 1970. */
  #doneFromMs: number | undefined;
  #failed: { readonly fromMs: number; readonly error: unknown } | undefined;
  #expiredMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Runs the work, unless a run began since `maxAgeMs` before this call. Calls made during a run share the next one.
   * @param signal aborts only this caller's wait; the run's result does not concern it
   */
  run(maxAgeMs: number, work: () => Promise<void>, signal?: AbortSignal): Promise<void> {
    const askedMs = this.#clock.now();
    const done = this.#serial.run(async () => {
      if (this.#doneFromMs !== undefined && this.#doneFromMs > askedMs - maxAgeMs) return;
      if (this.#failed !== undefined && this.#failed.fromMs > askedMs) throw this.#failed.error;
      signal?.throwIfAborted();
      const fromMs = this.#clock.now();
      try {
        await work();
        if (fromMs > this.#expiredMs) this.#doneFromMs = fromMs;
      } catch (error) {
        if (signal?.aborted !== true) this.#failed = { fromMs, error };
        throw error;
      }
    });
    return unlessAborted(done, signal);
  }

  /** Tells whether a successful run began no longer ago. */
  isDoneSince(maxAgeMs: number): boolean {
    return this.#doneFromMs !== undefined && this.#doneFromMs > this.#clock.now() - maxAgeMs;
  }

  /** Runs other work, never at the same time as this one. */
  apart(work: () => Promise<void>): Promise<void> {
    return this.#serial.run(work);
  }

  /** The last result is no longer valid. */
  expire(): void {
    this.#expiredMs = this.#clock.now();
    this.#doneFromMs = undefined;
  }
}
