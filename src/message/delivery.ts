import type { Readable } from 'node:stream';
import type { CourierKind } from './courier-kind.ts';
import type { Envelope } from './envelope.ts';

/**
 * An earlier attempt of which nobody knows whether the upstream took the message: its answer was lost, or the bridge
 * died before it was written down.
 */
export interface AmbiguousAttempt {
  /** The recipients it was for. */
  readonly addresses: readonly string[];
  /** It was over by then, milliseconds since 1970. */
  readonly overAtMs: number;
  /** Whose attempt it was; undefined: that of the courier that is asked now. */
  readonly courier?: CourierKind;
}

/** A message on its way to an upstream: the envelope, and the octets, which may be read more than once. */
export interface OutgoingMessage {
  /** The queue id, for logs. */
  readonly id: string;
  /** The mailbox it is sent as. */
  readonly mailbox: string;
  /** Holds the recipients still to be served, not those already delivered. */
  readonly envelope: Envelope;
  /** Exact number of octets that {@link open} yields. */
  readonly size: number;
  /** Milliseconds since 1970; nothing of this message was sent before. */
  readonly receivedAtMs?: number;
  /** To be cleared up before the message is sent again. */
  readonly ambiguous?: AmbiguousAttempt;
  /** The message with CRLF line ends; a new stream, from its first octet, at each call. */
  open(): Readable;
  /**
   * Asked right before anything that sends the message, and answered at once; absent: it may always be sent.
   * @throws BridgeError `lease-lost` where another instance may be sending it by now
   */
  assertMaySend?(): void;
}

/**
 * Whom a refusal concerns: this message, this recipient alone, everything the mailbox sends, or everything the tenant
 * sends.
 */
export type FailureScope = 'message' | 'recipient' | 'mailbox' | 'tenant';

/** How one recipient fared in one delivery attempt. */
export interface RecipientOutcome {
  readonly address: string;
  /**
   * `delivered`: the upstream has taken it. `temporary`: try again later. `permanent`: never try again.
   * `needs-admin`: keep it; somebody has to change a setting first.
   */
  readonly outcome: 'delivered' | 'temporary' | 'permanent' | 'needs-admin';
  /** An SMTP enhanced status (`5.7.60`), a Graph error code (`ErrorSendAsDenied`) or one of our own codes. */
  readonly code: string;
  /** The upstream's own words, one line. */
  readonly text: string;
  /** What to do about it, where we know. */
  readonly remedy?: string;
  /** Absent where nothing is known about it: then it is the message's. */
  readonly scope?: FailureScope;
  /** It concerns this courier alone: another one may take the message, or whatever the scope says. */
  readonly ofCourier?: true;
  /** Trying again sooner is useless, in milliseconds: what the upstream asked for, or what the refusal is known to last. */
  readonly retryAfterMs?: number;
}

/** The tokens of a connection, by what they are for. */
export type TokenPart = 'graph-token' | 'exchange-token';

/**
 * What a connection sends with: its tokens for Graph and for Exchange Online, and for each courier the host that takes
 * its mail.
 */
export type ConnectionPart = TokenPart | CourierKind;

/** Trouble that says nothing about the message: the connection has it, and nothing was sent. */
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
  /** False where it may be the trouble of one mailbox as well: only several mailboxes together prove it. */
  readonly isSure: boolean;
}

/** What one delivery attempt gave. */
export interface DeliveryReport {
  /** One outcome for each recipient of the envelope, in its order. */
  readonly recipients: readonly RecipientOutcome[];
  /** The upstream asked to be left alone this long; holds for the whole mailbox. */
  readonly pauseMailboxMs?: number;
  /** When the next attempt is due, in place of the usual wait; holds for this message alone. */
  readonly retryAfterMs?: number;
  /** Why the recipients that were not served were not, where it lies with the connection. */
  readonly trouble?: ConnectionTrouble;
  /** Nobody but an administrator shall have the message sent again. */
  readonly hold?: boolean;
  /** How many copies of the message the upstream keeps for those it was delivered to; absent where nobody knows. */
  readonly copies?: number;
  /** Nothing was handed to the upstream, or tried to be: what was ambiguous before is so still. */
  readonly sentNothing?: true;
  /** Nobody may look for what is ambiguous: no other courier than that one may send the message. */
  readonly staysWith?: CourierKind;
  /** Who made the attempt, where that is not who was asked. */
  readonly courier?: CourierKind;
  /** The upstream's name for the message or the request (`request-id`, queue id), for the log. */
  readonly upstreamId?: string;
}
