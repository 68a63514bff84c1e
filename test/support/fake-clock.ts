import type { Clock } from '../../src/base/clock.ts';
import { isPending } from './pending.ts';

/** A clock that a test advances manually. */
export class FakeClock implements Clock {
  #nowMs: number;
  #timers: { atMs: number; callback: () => void }[] = [];

  constructor(nowMs = Date.UTC(2026, 0, 5, 8)) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  /** Simulates a change of the system time: timers are unaffected. */
  set(byMs: number): void {
    this.#nowMs += byMs;
    this.#timers = this.#timers.map((timer) => Object.assign(timer, { atMs: timer.atMs + byMs }));
  }

  /** Advances, calling every timer at its time and letting promises settle between two of them. */
  async advance(ms: number): Promise<void> {
    const end = this.#nowMs + ms;
    await settle();
    for (;;) {
      const next = this.#timers.filter((each) => each.atMs <= end).sort((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((each) => each !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      await settle();
    }
    this.#nowMs = end;
    await settle();
  }
}

/** Turns of the event loop with nothing pending: the most steps that a chain of promises and streams may take. */
const quietTurns = 8;
/** Anything that waits longer for an answer is meant to wait: a test holds it back. */
const mostTurns = 400;

/** Lets everything finish that needs no real waiting: promises, immediates, and the answers of stores. */
export async function settle(): Promise<void> {
  let quiet = 0;
  for (let turn = 0; turn < mostTurns && quiet < quietTurns; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    quiet = isPending() ? 0 : quiet + 1;
  }
}
