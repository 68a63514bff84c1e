import type { QuickRetry, QuickRetryVerdict } from '../../base/http/quick-retry.ts';
import { SmtpUpstreamError } from '../../exchange/smtp/error.ts';
import { upstreamFailure } from './errors.ts';

/**
 * Whether a connection that could not be opened, or a login that was refused, may be tried again at once. None of the
 * message has been sent by then, so another try does no harm.
 * @param peer host and port, `host:port`
 */
export function openingVerdict({ mode, statusCodes }: QuickRetry, error: unknown, peer: string): QuickRetryVerdict {
  if (!(error instanceof SmtpUpstreamError) || error.aborted) return { again: false };
  if (error.stage !== 'connect' && error.stage !== 'login') return { again: false };
  if (mode === 'status-codes') return { again: error.reply !== undefined && statusCodes.includes(error.reply.code) };
  const { outcome, pauseMailboxMs } = upstreamFailure(error, peer);
  return { again: mode === 'any' && outcome === 'temporary', askedMs: pauseMailboxMs };
}
