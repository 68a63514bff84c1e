import type { CourierKind } from '../message/courier-kind.ts';
import type { RecipientOutcome } from '../message/delivery.ts';
import type { Envelope, RecipientDsn } from '../message/envelope.ts';

/** Every {@link MessageState}. */
export const messageStates = ['queued', 'held', 'delivered', 'failed', 'quarantined'] as const;

/**
 * `queued`: waits for its next attempt. `held`: waits for an administrator's decision. `delivered`: every recipient was
 * taken by the upstream. `failed`, the dead letters: the remaining recipients were given up, and the sender got a
 * bounce if one is allowed. `quarantined`: damaged on disk, set aside so that the others go on.
 */
export type MessageState = (typeof messageStates)[number];

/** A message as it enters the queue. */
export interface NewMessage {
  /** Username of the account that submitted it. */
  readonly account: string;
  readonly connection: string;
  readonly mailbox: string;
  /** The courier that sent it last, or is to send it first. */
  readonly courier: CourierKind;
  readonly envelope: Envelope;
  /** A notice made by the bridge: its failure is never reported. */
  readonly isBounce: boolean;
  /** Milliseconds since 1970. */
  readonly receivedAtMs: number;
  /** After this a failed attempt is the last one. */
  readonly expiresAtMs: number;
  /** Decoded, length-limited, without invisible characters; absent if there is none, or subjects are not kept. */
  readonly subject?: string;
  /** From the header, with its angle brackets; absent if a version before queue format 8 accepted the message. */
  readonly messageId?: string;
  /**
   * For a bounce or delay warning: the queue id of the message that it is about, which may be gone; absent if a version
   * before queue format 9 made it.
   */
  readonly noticeAbout?: string;
  /** What an attempt made before the message entered the queue said of the recipients. */
  readonly earlier?: readonly RecipientOutcome[];
}

/** A bounce or delay warning of the bridge, ready to be queued. */
export interface Notice {
  readonly message: NewMessage;
  readonly content: Buffer;
}

/** One recipient and what has become of it. */
export interface QueuedRecipient {
  readonly address: string;
  readonly dsn?: RecipientDsn;
  readonly state: 'pending' | 'delivered' | 'failed';
  /** What the latest attempt said about it. */
  readonly last?: Omit<RecipientOutcome, 'address'>;
  /** Couriers that cannot take the message to this recipient, whatever the others may do. */
  readonly refusedBy?: readonly CourierKind[];
}

/** An attempt that has begun and whose end the queue does not know: it is under way, or nobody knows how it ended. */
export interface UnfinishedAttempt {
  /** Undefined if an earlier version, or a loss of power, left that unknown. */
  readonly courier?: CourierKind;
  readonly startedAtMs: number;
}

/** A message in the queue. */
export interface QueuedMessage extends Omit<NewMessage, 'earlier'> {
  /** Queue id: letters and digits, increasing with time. */
  readonly id: string;
  /** Octets in the body. */
  readonly size: number;
  readonly state: MessageState;
  readonly recipients: readonly QueuedRecipient[];
  /** Attempts made so far. */
  readonly attempts: number;
  readonly nextAttemptAtMs: number;
  /** When it was delivered or given up. */
  readonly finishedAtMs?: number;
  /** What is wrong with a quarantined message. */
  readonly damage?: string;
  readonly unfinished?: UnfinishedAttempt;
}

/** One delivery attempt, as stored. */
export interface AttemptRecord {
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly upstreamId?: string;
  /** How many of the recipients served are outside the tenant; absent when read back. */
  readonly externalDelivered?: number;
  readonly outcomes: readonly RecipientOutcome[];
  /** Absent if a version before queue format 5 made the attempt. */
  readonly courier?: CourierKind;
  /** Preferred couriers of this account that were not used, and why. */
  readonly passedOver?: readonly { readonly courier: CourierKind; readonly code: string; readonly text: string }[];
}

/** The connection of a destination: connection names contain no slash. */
export function connectionOf(destination: string): string {
  return destination.slice(0, destination.indexOf('/'));
}

/** Messages of one destination share a mailbox and with it Microsoft's limits. */
export function destinationOf(message: Pick<NewMessage, 'connection' | 'mailbox'>): string {
  return `${message.connection}/${message.mailbox.toLowerCase()}`;
}
