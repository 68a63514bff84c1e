import type { Clock } from '../../../base/clock.ts';
import { OneAtATime } from '../../../base/one-at-a-time.ts';
import { unlessAborted } from '../../../base/unless-aborted.ts';

/** Work of which one run serves all who asked for it before it began, also where it fails. */
export class JointWork {
  readonly #clock: Clock;
  readonly #serial = new OneAtATime();
  /** When the last run began that went well, milliseconds since 1970. */
  #doneFromMs: number | undefined;
  #failed: { readonly fromMs: number; readonly error: unknown } | undefined;
  #expiredMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Does it, unless it was begun since `maxAgeMs` before this call. Who comes while it is under way waits for the next
   * run, together with all who came meanwhile.
   * @param signal whoever asked has gone: waits no longer, and what comes of it concerns nobody else
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

  /** Whether a run that went well began no longer ago. */
  isDoneSince(maxAgeMs: number): boolean {
    return this.#doneFromMs !== undefined && this.#doneFromMs > this.#clock.now() - maxAgeMs;
  }

  /** Runs other work meanwhile, which must not meet it. */
  apart(work: () => Promise<void>): Promise<void> {
    return this.#serial.run(work);
  }

  /** What was found is no longer true. */
  expire(): void {
    this.#expiredMs = this.#clock.now();
    this.#doneFromMs = undefined;
  }
}
