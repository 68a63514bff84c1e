import type { Readable } from 'node:stream';
import type { Envelope } from './envelope.ts';

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
  /** The message with CRLF line ends; a new stream, from its first octet, at each call. */
  open(): Readable;
}

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
}

/** What one delivery attempt gave. */
export interface DeliveryReport {
  /** One outcome for each recipient of the envelope, in its order. */
  readonly recipients: readonly RecipientOutcome[];
  /** The upstream asked to be left alone this long; holds for the whole mailbox. */
  readonly pauseMailboxMs?: number;
  /** The upstream's name for the message or the request (`request-id`, queue id), for the log. */
  readonly upstreamId?: string;
}
