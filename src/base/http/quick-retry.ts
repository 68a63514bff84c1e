import { setTimeout as sleep } from 'node:timers/promises';

/** What to retry at once, within one delivery attempt. */
export interface QuickRetry {
  /** `any`: every temporary failure; `status-codes`: the responses in `statusCodes`. */
  readonly mode: 'none' | 'any' | 'status-codes';
  /** Of HTTP or SMTP. */
  readonly statusCodes: readonly number[];
  /** Total number of tries, including the first; 1 or more. */
  readonly maxAttempts: number;
  /** Wait between tries if the server names no time itself; up to 300,000. */
  readonly waitMs: number;
  /** Doubles the wait with each try, up to 300,000. */
  readonly multiplyWait: boolean;
}

/** What a failed try says about the next one. */
export interface QuickRetryVerdict {
  /** Whether another try is wanted and harmless. */
  readonly again: boolean;
  /** The time the server named. */
  readonly askedMs?: number | undefined;
}

/** If a server asks for a longer wait, the attempt ends: the mailbox can be paused and release its permit meanwhile. */
export const longestAskedWaitMs = 10_000;
const longestWaitMs = 300_000;

/**
 * Returns the wait before another try.
 * @param tries made so far, 1 or more
 * @returns undefined if there is to be none
 */
export function quickWaitMs(retry: QuickRetry, tries: number, askedMs: number | undefined): number | undefined {
  if (retry.mode === 'none' || tries >= retry.maxAttempts) return undefined;
  if (askedMs !== undefined) return askedMs <= longestAskedWaitMs ? askedMs : undefined;
  return Math.min(longestWaitMs, retry.waitMs * (retry.multiplyWait ? 2 ** (tries - 1) : 1));
}

/**
 * Runs `attempt` as often as `retry` and `verdict` allow.
 * @throws what the last try threw, or the reason of `signal` if it ends a wait
 */
export async function withQuickRetry<Result>(
  retry: QuickRetry,
  signal: AbortSignal,
  attempt: () => Promise<Result>,
  verdict: (error: unknown) => QuickRetryVerdict,
): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      const { again, askedMs } = verdict(error);
      const waitMs = again && !signal.aborted ? quickWaitMs(retry, tries, askedMs) : undefined;
      if (waitMs === undefined) throw error;
      await sleep(waitMs, undefined, { signal });
    }
  }
}
