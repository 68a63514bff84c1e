import { type ErrorCode, errorCatalogue } from '../base/error-catalogue.ts';
import { BridgeError, errorText } from '../base/errors.ts';
import type {
  ConnectionPart,
  ConnectionTrouble,
  DeliveryReport,
  FailureScope,
  OutgoingMessage,
  RecipientOutcome,
} from '../message/delivery.ts';

/** The outcome for a message, or for one of its recipients. */
export interface CourierVerdict {
  readonly outcome: RecipientOutcome['outcome'];
  readonly code: string;
  /** One line. */
  readonly text: string;
  readonly remedy?: string;
  readonly scope?: FailureScope;
  readonly ofCourier?: true;
  readonly retryAfterMs?: number;
  readonly pauseMailboxMs?: number;
  readonly upstreamId?: string;
  /** Set if the connection is to blame, so that the outcome says nothing about the message. */
  readonly trouble?: ConnectionTrouble;
}

/** How long a mailbox is paused after its login or token is refused. */
export const refusedLoginPauseMs = 60_000;

/** A verdict of the bridge itself, with the kind and the remedy of the code in the catalogue. */
export function ownVerdict(code: ErrorCode, text: string): CourierVerdict {
  const { kind, remedy } = errorCatalogue[code];
  const ofCourier = ofOneCourier.includes(code) && { ofCourier: true as const };
  return { outcome: kind === 'usage' ? 'needs-admin' : kind, code, text, remedy, ...ofCourier };
}

/**
 * The verdict if nothing was sent because another instance may deliver by now, or because something that must be noted
 * first cannot be; undefined for any other error.
 */
export function nothingSent(error: unknown): CourierVerdict | undefined {
  return error instanceof BridgeError && (error.code === 'lease-lost' || error.code === 'queue-unreachable')
    ? ownVerdict(error.code, error.message)
    : undefined;
}

/** Codes of messages that one courier cannot take and another can. */
const ofOneCourier: readonly ErrorCode[] = [
  'message-not-sendable-by-graph',
  'header-too-large-for-graph',
  'message-too-large-for-smtp',
  'address-not-sendable',
];

/**
 * The same verdict, with trouble of the connection added.
 * @param isSure false if the trouble may be only one mailbox's
 */
export function inTrouble(
  verdict: CourierVerdict,
  part: ConnectionPart,
  isSure: boolean,
  askedMs?: number,
): CourierVerdict {
  const { outcome, code, text, remedy } = verdict;
  if (outcome !== 'temporary' && outcome !== 'needs-admin') return verdict;
  const retryAfterMs = askedMs ?? verdict.retryAfterMs;
  const asked = retryAfterMs === undefined ? {} : { retryAfterMs };
  return {
    ...verdict,
    trouble: { part, outcome, code, text, ...(remedy !== undefined && { remedy }), ...asked, isSure },
  };
}

/**
 * The verdict if no token can be had. That says nothing about the message: it is kept, whatever is wrong, as it is with
 * a wrong configuration. All mailboxes of the connection share its tokens.
 */
export function tokenFailure(error: unknown, part: ConnectionPart): CourierVerdict {
  if (!(error instanceof BridgeError)) {
    return inTrouble(ownVerdict('token-temporarily-unavailable', `No access token: ${errorText(error)}`), part, true);
  }
  const { code, message: text, remedy, details } = error;
  const asked = typeof details.retryAfterMs === 'number' ? details.retryAfterMs : undefined;
  if (error.kind === 'temporary') return inTrouble({ outcome: 'temporary', code, text, remedy }, part, true, asked);
  const refused = { code, text, remedy, pauseMailboxMs: refusedLoginPauseMs };
  return inTrouble({ outcome: 'needs-admin', ...refused }, part, true, asked);
}

/** One recipient's outcome. */
export function recipientOutcome(address: string, verdict: CourierVerdict): RecipientOutcome {
  const { outcome, code, text, remedy, scope, ofCourier, retryAfterMs } = verdict;
  return {
    address,
    outcome,
    code,
    text,
    ...(remedy !== undefined && { remedy }),
    ...(scope !== undefined && { scope }),
    ...(ofCourier && { ofCourier }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

/** A report with the same outcome for every recipient. */
export function reportForAll(message: OutgoingMessage, verdict: CourierVerdict): DeliveryReport {
  return {
    recipients: message.envelope.recipients.map(({ address }) => recipientOutcome(address, verdict)),
    ...(verdict.pauseMailboxMs !== undefined && { pauseMailboxMs: verdict.pauseMailboxMs }),
    ...(verdict.upstreamId !== undefined && { upstreamId: verdict.upstreamId }),
    ...(verdict.trouble !== undefined && { trouble: verdict.trouble }),
  };
}
