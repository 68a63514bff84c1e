import type { Clock } from '../../src/base/clock.ts';

/** A clock that stands still until it is moved; `after` calls back at once and keeps the delay. */
export class TestClock implements Clock {
  nowMs = 1_000_000;
  readonly delaysMs: number[] = [];

  now(): number {
    return this.nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    this.delaysMs.push(delayMs);
    queueMicrotask(callback);
    return () => {};
  }
}
