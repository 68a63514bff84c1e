import { type ErrorCode, errorCatalogue } from '../base/error-catalogue.ts';
import { BridgeError, errorText } from '../base/errors.ts';
import type { DeliveryReport, FailureScope, OutgoingMessage, RecipientOutcome } from '../message/delivery.ts';

/** What became of a message, or of one of its recipients. */
export interface Verdict {
  readonly outcome: RecipientOutcome['outcome'];
  readonly code: string;
  /** One line. */
  readonly text: string;
  readonly remedy?: string;
  readonly scope?: FailureScope;
  readonly retryAfterMs?: number;
  readonly pauseMailboxMs?: number;
  readonly upstreamId?: string;
}

/** How long a mailbox rests whose login or token is refused, before the queue asks for it again. */
export const refusedLoginPauseMs = 60_000;

/** A verdict of our own, with the kind and the remedy that the catalogue has for the code. */
export function ownVerdict(code: ErrorCode, text: string): Verdict {
  const { kind, remedy } = errorCatalogue[code];
  return { outcome: kind === 'usage' ? 'needs-admin' : kind, code, text, remedy };
}

/**
 * No token to be had. That says nothing about the message: it is kept, whatever is wrong, and so is a message that
 * meets a wrong configuration.
 */
export function tokenFailure(error: unknown): Verdict {
  if (!(error instanceof BridgeError)) {
    return ownVerdict('token-temporarily-unavailable', `No access token: ${errorText(error)}`);
  }
  const { code, message: text, remedy } = error;
  if (error.kind === 'temporary') return { outcome: 'temporary', code, text, remedy };
  return { outcome: 'needs-admin', code, text, remedy, pauseMailboxMs: refusedLoginPauseMs };
}

/** One recipient's outcome. */
export function recipientOutcome(address: string, verdict: Verdict): RecipientOutcome {
  const { outcome, code, text, remedy, scope, retryAfterMs } = verdict;
  return {
    address,
    outcome,
    code,
    text,
    ...(remedy !== undefined && { remedy }),
    ...(scope !== undefined && { scope }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

/** A report in which every recipient fared alike. */
export function reportForAll(message: OutgoingMessage, verdict: Verdict): DeliveryReport {
  return {
    recipients: message.envelope.recipients.map(({ address }) => recipientOutcome(address, verdict)),
    ...(verdict.pauseMailboxMs !== undefined && { pauseMailboxMs: verdict.pauseMailboxMs }),
    ...(verdict.upstreamId !== undefined && { upstreamId: verdict.upstreamId }),
  };
}
