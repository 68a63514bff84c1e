import type { CourierKind } from '../message/courier-kind.ts';
import type { RecipientOutcome } from '../message/delivery.ts';
import type { Envelope, RecipientDsn } from '../message/envelope.ts';

/** Every {@link MessageState}. */
export const messageStates = ['queued', 'held', 'delivered', 'failed', 'quarantined'] as const;

/**
 * `queued`: waits for its next attempt. `held`: waits for an administrator's word. `delivered`: every recipient was
 * taken by the upstream. `failed`, the dead letters: the rest of the recipients was given up, and the sender was told
 * where one may be. `quarantined`: damaged on the disk, set aside so that the others go on.
 */
export type MessageState = (typeof messageStates)[number];

/** A message as it enters the queue. */
export interface NewMessage {
  /** Username of the account that handed it in. */
  readonly account: string;
  readonly connection: string;
  readonly mailbox: string;
  /** Who sent it last, or is to send it first. */
  readonly courier: CourierKind;
  readonly envelope: Envelope;
  /** A notification of our own making: its failure is never notified. */
  readonly isBounce: boolean;
  /** Milliseconds since 1970. */
  readonly receivedAtMs: number;
  /** From then on a failed attempt is the last one. */
  readonly expiresAtMs: number;
  /** Decoded, bounded, without unseen characters; absent where there is none, or subjects are not kept. */
  readonly subject?: string;
  /** Of the header, with its angle brackets; absent of a message that a version before queue format 8 accepted. */
  readonly messageId?: string;
  /**
   * Of a bounce or delay warning: the queue id of the message that it is about, which may be gone; absent of one that a
   * version before queue format 9 made.
   */
  readonly noticeAbout?: string;
  /** What an attempt has said of the recipients that was made before the message came to the queue. */
  readonly earlier?: readonly RecipientOutcome[];
}

/** A bounce or delay warning of our own, ready to be queued. */
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
  /** Couriers that cannot take the message to it, whatever the others may do. */
  readonly refusedBy?: readonly CourierKind[];
}

/** An attempt that was begun and of which the queue knows no end: it is under way, or nobody knows how it ended. */
export interface UnfinishedAttempt {
  /** Undefined where an earlier version, or a loss of power, left that unknown. */
  readonly courier?: CourierKind;
  readonly startedAtMs: number;
}

/** A message in the queue. */
export interface QueuedMessage extends Omit<NewMessage, 'earlier'> {
  /** Queue id: letters and digits, growing with time. */
  readonly id: string;
  /** Octets of the body. */
  readonly size: number;
  readonly state: MessageState;
  readonly recipients: readonly QueuedRecipient[];
  /** Attempts made so far. */
  readonly attempts: number;
  readonly nextAttemptAtMs: number;
  /** When it was delivered or given up. */
  readonly finishedAtMs?: number;
  /** What is wrong with it, of a quarantined message. */
  readonly damage?: string;
  readonly unfinished?: UnfinishedAttempt;
}

/** One delivery attempt, as it is kept. */
export interface AttemptRecord {
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly upstreamId?: string;
  /** Of the recipients served, those outside the tenant; not given where it is read back. */
  readonly externalDelivered?: number;
  readonly outcomes: readonly RecipientOutcome[];
  /** Absent where a version before queue format 5 made the attempt. */
  readonly courier?: CourierKind;
  /** Couriers that come before it for this account, and why they were not used. */
  readonly passedOver?: readonly { readonly courier: CourierKind; readonly code: string; readonly text: string }[];
}

/** The connection of a destination: its name holds no slash. */
export function connectionOf(destination: string): string {
  return destination.slice(0, destination.indexOf('/'));
}

/** Messages of one destination share a mailbox and with it Microsoft's limits. */
export function destinationOf(message: Pick<NewMessage, 'connection' | 'mailbox'>): string {
  return `${message.connection}/${message.mailbox.toLowerCase()}`;
}
