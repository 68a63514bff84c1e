import type { Clock } from '../../src/base/clock.ts';

/** A clock that only moves by hand; `after` calls back at once and records the delay. */
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
