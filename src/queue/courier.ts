import type { CourierKind } from '../message/courier-kind.ts';
import type { ConnectionPart, DeliveryReport, OutgoingMessage } from '../message/delivery.ts';

/**
 * Hands one message to one upstream. All that the queue knows of the world outside. Whoever made it closes what it
 * holds open.
 */
export interface Courier {
  /**
   * One delivery attempt. Resolves with what became of each recipient, failures included; a rejection is a defect of
   * the courier and counts as a temporary failure of every recipient.
   * @param signal aborted when the bridge can wait no longer; the attempt then ends as temporary
   */
  deliver(message: OutgoingMessage, signal: AbortSignal): Promise<DeliveryReport>;
}

/** What the queue goes by with a courier, beside handing it messages. Whoever makes the queue tells it. */
export interface CourierTraits {
  /** In the log: `SMTP`. */
  readonly shortName: string;
  /** The parts of a connection that an attempt uses, in that order. */
  readonly parts: readonly ConnectionPart[];
  /** Attempts at the same time that Microsoft lets one mailbox make. */
  readonly concurrentPerMailbox: number;
  /** Microsoft counts for who logs in, and not for the mailbox that is sent as. */
  readonly limitsByLogin: boolean;
}

/** Those of each courier. */
export type CourierTable = Readonly<Record<CourierKind, CourierTraits>>;
