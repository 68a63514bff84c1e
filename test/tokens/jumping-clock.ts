import type { Clock } from '../../src/base/clock.ts';

/** A clock on which nothing waits: setting a timer moves the clock to its end at once. */
export class JumpingClock implements Clock {
  /** The waits so far, in milliseconds. */
  readonly waits: number[] = [];
  #nowMs = Date.UTC(2026, 0, 5, 8);

  now(): number {
    return this.#nowMs;
  }

  /** Moves on without a wait. */
  advance(ms: number): void {
    this.#nowMs += ms;
  }

  after(delayMs: number, callback: () => void): () => void {
    this.waits.push(delayMs);
    const immediate = setImmediate(() => {
      this.#nowMs += delayMs;
      callback();
    });
    return () => clearImmediate(immediate);
  }
}
