import type { Readable } from 'node:stream';
import type { CourierKind } from './courier-kind.ts';
import type { Envelope } from './envelope.ts';

/**
 * An earlier attempt of which it is unknown whether the upstream accepted the message: its answer was lost, or the
 * bridge crashed before recording it.
 */
export interface AmbiguousAttempt {
  /** The recipients it was for. */
  readonly addresses: readonly string[];
  /** When it was certainly over, milliseconds since 1970. */
  readonly overAtMs: number;
  /** The courier that made it; undefined: the one asked now. */
  readonly courier?: CourierKind;
}

/** A message on its way to an upstream: the envelope, and the bytes, which can be read more than once. */
export interface OutgoingMessage {
  /** The queue id, for logs. */
  readonly id: string;
  /** The mailbox it is sent as. */
  readonly mailbox: string;
  /** Contains the recipients still to be served, not those already delivered. */
  readonly envelope: Envelope;
  /** Exact number of bytes that {@link open} yields. */
  readonly size: number;
  /** Milliseconds since 1970; nothing of this message was sent earlier. */
  readonly receivedAtMs?: number;
  /** To be resolved before the message is sent again. */
  readonly ambiguous?: AmbiguousAttempt;
  /** Opens the message with CRLF line ends; each call returns a new stream from the first byte. */
  open(): Readable;
  /**
   * Called right before anything that sends the message, and synchronous; absent: it may always be sent.
   * @throws BridgeError `lease-lost` if another instance may be sending it by now
   */
  assertMaySend?(): void;
}

/**
 * The scope of a refusal: this message, only this recipient, everything the mailbox sends, or everything the tenant
 * sends.
 */
export type FailureScope = 'message' | 'recipient' | 'mailbox' | 'tenant';

/** Result for one recipient of a delivery attempt. */
export interface RecipientOutcome {
  readonly address: string;
  /**
   * `delivered`: the upstream has accepted it. `temporary`: try again later. `permanent`: never try again.
   * `needs-admin`: keep it; somebody has to change a setting first.
   */
  readonly outcome: 'delivered' | 'temporary' | 'permanent' | 'needs-admin';
  /** An SMTP enhanced status (`5.7.60`), a Graph error code (`ErrorSendAsDenied`) or one of our own codes. */
  readonly code: string;
  /** The upstream's own text, on one line. */
  readonly text: string;
  /** What to do about it, if known. */
  readonly remedy?: string;
  /** Absent if unknown: it then applies to the message. */
  readonly scope?: FailureScope;
  /** Applies only to this courier: another one may accept the message, or everything in the scope. */
  readonly ofCourier?: true;
  /**
   * Trying again sooner is useless, in milliseconds: what the upstream asked for, or how long such a refusal is known
   * to last.
   */
  readonly retryAfterMs?: number;
}

/** The tokens of a connection, by purpose. */
export type TokenPart = 'graph-token' | 'exchange-token';

/**
 * What a connection needs to send: its tokens for Graph and for Exchange Online, and for each courier the host that
 * accepts its mail.
 */
export type ConnectionPart = TokenPart | CourierKind;

/** Trouble of the connection rather than the message; nothing was sent. */
export interface ConnectionTrouble {
  readonly part: ConnectionPart;
  /** `needs-admin`: it lasts until somebody changes a setting. */
  readonly outcome: 'temporary' | 'needs-admin';
  /** As in {@link RecipientOutcome}. */
  readonly code: string;
  readonly text: string;
  readonly remedy?: string;
  /** What the other side asked for. */
  readonly retryAfterMs?: number;
  /** False if it may be the trouble of a single mailbox: only several mailboxes together prove it. */
  readonly isSure: boolean;
}

/** Result of one delivery attempt. */
export interface DeliveryReport {
  /** One outcome for each recipient of the envelope, in the same order. */
  readonly recipients: readonly RecipientOutcome[];
  /** How long the upstream asked the bridge to wait; applies to the whole mailbox. */
  readonly pauseMailboxMs?: number;
  /** When the next attempt is due, in place of the usual wait; applies only to this message. */
  readonly retryAfterMs?: number;
  /** Why recipients were not served, if the connection is the reason. */
  readonly trouble?: ConnectionTrouble;
  /** Only an administrator may have the message sent again. */
  readonly hold?: boolean;
  /** How many copies of the message the upstream keeps for those it was delivered to; absent if unknown. */
  readonly copies?: number;
  /** Nothing was passed to the upstream, or tried to be: what was ambiguous before still is. */
  readonly sentNothing?: true;
  /** There is no way to look for the ambiguous message: only that courier may send it. */
  readonly staysWith?: CourierKind;
  /** The courier that made the attempt, if it is not the one asked. */
  readonly courier?: CourierKind;
  /** The upstream's name for the message or the request (`request-id`, queue ID), for the log. */
  readonly upstreamId?: string;
}
