import {
  type QuickRetry,
  type QuickRetryVerdict,
  withQuickRetry as retryQuickly,
} from '../../base/http/quick-retry.ts';
import { GraphError, GraphTokenError, GraphUnansweredError } from './error.ts';

export type { QuickRetry } from '../../base/http/quick-retry.ts';

const temporaryStatuses = new Set([408, 423, 429, 500, 502, 503, 509]);

/**
 * Whether a failed try may be followed by another. Never if Graph may already have carried the request out (a lost
 * answer; 504, Microsoft: "Microsoft Graph throttling guidance"): two messages would be sent.
 */
function graphVerdict({ mode, statusCodes }: QuickRetry, error: unknown): QuickRetryVerdict {
  if (error instanceof GraphTokenError) return { again: false };
  if (error instanceof GraphUnansweredError) return { again: mode === 'any' && !error.mayBeDone };
  if (!(error instanceof GraphError) || error.status === 504) return { again: false };
  const { status, retryAfterMs } = error;
  return {
    again: mode === 'any' ? temporaryStatuses.has(status) : statusCodes.includes(status),
    askedMs: retryAfterMs,
  };
}

/**
 * Runs `attempt` as often as `retry` allows.
 * @throws what the last try threw, or the reason of `signal`
 */
export function withQuickRetry<Result>(
  retry: QuickRetry,
  signal: AbortSignal,
  attempt: () => Promise<Result>,
): Promise<Result> {
  return retryQuickly(retry, signal, attempt, (error) => graphVerdict(retry, error));
}
