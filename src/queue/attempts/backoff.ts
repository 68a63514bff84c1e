/** How the wait between delivery attempts grows. */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * The wait after a failed attempt: doubled each time, at most `maxMs`, with a jitter of up to a fifth either way, so
 * that messages that failed together are not retried together.
 * @param attempts attempts made so far, 1 or more
 * @param random 0 to below 1
 */
export function backoffMs(attempts: number, options: BackoffOptions, random: () => number = Math.random): number {
  const growth = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(attempts - 1, 30));
  return Math.round(growth * (0.8 + 0.4 * random()));
}
