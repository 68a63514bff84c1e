import { setTimeout as sleep } from 'node:timers/promises';
import { GraphError, GraphTokenError, GraphUnansweredError } from './graph-error.ts';

/** What is tried again at once, within one delivery attempt. */
export interface QuickRetry {
  /** `any`: every temporary failure; `status-codes`: the answers of `statusCodes`. */
  readonly mode: 'none' | 'any' | 'status-codes';
  readonly statusCodes: readonly number[];
  /** Tries in all, the first included; 1 or more. */
  readonly maxAttempts: number;
  /** Between tries where the server names no time itself. */
  readonly waitMs: number;
  /** Doubles the wait with each try. */
  readonly multiplyWait: boolean;
}

/** A longer wait than this is not sat out inside an attempt: the mailbox can rest and let go of its place meanwhile. */
export const longestQuickWaitMs = 10_000;

const temporaryStatuses = new Set([408, 423, 429, 500, 502, 503, 509]);

/**
 * Whether a failed try may be followed by another. Never where Graph may already have carried the request out (a lost
 * answer; 504, Microsoft: "Microsoft Graph throttling guidance"): two messages would be sent.
 */
function isQuick(retry: QuickRetry, error: unknown): boolean {
  if (error instanceof GraphTokenError || retry.mode === 'none') return false;
  if (error instanceof GraphUnansweredError) return retry.mode === 'any' && !error.mayBeDone;
  if (!(error instanceof GraphError) || error.status === 504) return false;
  return retry.mode === 'any' ? temporaryStatuses.has(error.status) : retry.statusCodes.includes(error.status);
}

/**
 * Runs `attempt` as often as `retry` allows.
 * @throws what the last try threw, or the reason of `signal`
 */
export async function withQuickRetry<Result>(
  retry: QuickRetry,
  signal: AbortSignal,
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted || tries >= retry.maxAttempts || !isQuick(retry, error)) throw error;
      const asked = error instanceof GraphError ? error.retryAfterMs : undefined;
      const waitMs = asked ?? retry.waitMs * (retry.multiplyWait ? 2 ** (tries - 1) : 1);
      if (waitMs > longestQuickWaitMs) throw error;
      await sleep(waitMs, undefined, { signal });
    }
  }
}
