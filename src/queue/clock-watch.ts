import type { Clock } from '../base/clock.ts';
import type { QueuedMessage } from './message.ts';
import type { DestinationDue, QueueStore } from './store.ts';

/** Timers are late on a busy machine, and clocks are corrected by a few seconds; that costs no message a long wait. */
const toleranceMs = 10_000;

/** Notices that the clock was set: the time since the last look does not match it. */
export class ClockWatch {
  readonly #clock: Clock;
  #lastMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastMs = clock.now();
  }

  /**
   * @param sinceMs how long ago the last look was
   * @returns by how many milliseconds the clock was set since, negative if back; 0 if it was not set
   */
  look(sinceMs: number): number {
    const nowMs = this.#clock.now();
    const setMs = nowMs - this.#lastMs - sinceMs;
    this.#lastMs = nowMs;
    return Math.abs(setMs) > toleranceMs ? setMs : 0;
  }
}

/** Destinations looked at in one go: there may be many. */
const atATime = 16;

/**
 * Whether the clock was set back since an earlier run: queued messages were received, or tried, after now.
 * @throws what the store throws
 */
export async function wasSetBack(store: QueueStore, nowMs: number): Promise<boolean> {
  const isLater = (atMs: number) => atMs > nowMs + toleranceMs;
  const isOfLater = async ({ id, receivedAtMs }: QueuedMessage) =>
    isLater(receivedAtMs) || (await store.attempts(id)).some(({ startedAtMs }) => isLater(startedAtMs));
  const isAhead = async ({ destination }: DestinationDue) => {
    const [first] = await store.due(destination, Number.MAX_SAFE_INTEGER, 1);
    return first !== undefined && (await isOfLater(first));
  };
  const waiting = (await store.destinations()).filter(({ nextAttemptAtMs }) => nextAttemptAtMs > nowMs);
  for (let from = 0; from < waiting.length; from += atATime) {
    const found = await Promise.all(waiting.slice(from, from + atATime).map(isAhead));
    if (found.includes(true)) return true;
  }
  return false;
}
