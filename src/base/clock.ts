/** The source of time. Production uses {@link systemClock}; a test can pass one that it moves itself. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
  /** Calls `callback` once after `delayMs` (0 to 2^31-1) milliseconds; the returned function cancels the call. */
  after(delayMs: number, callback: () => void): () => void;
}

const longestTimerMs = 2 ** 31 - 1;

/** The machine's own clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), longestTimerMs)).unref();
    return () => clearTimeout(timer);
  },
};
