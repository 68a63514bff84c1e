import type { CourierKind } from '../message/courier-kind.ts';
import type { ConnectionPart, DeliveryReport, OutgoingMessage } from '../message/delivery.ts';

/**
 * Hands one message to one upstream. This is all that the queue knows of the outside world. The code that creates a
 * courier closes it.
 */
export interface Courier {
  /**
   * Makes one delivery attempt. Resolves with the outcome for each recipient, failures included; a rejection is a
   * defect of the courier and counts as a temporary failure for every recipient.
   * @param signal aborted when the bridge can wait no longer; the attempt then ends as temporary
   */
  deliver(message: OutgoingMessage, signal: AbortSignal): Promise<DeliveryReport>;
}

/**
 * What the queue needs to know about a courier apart from handing it messages. The code that creates the queue supplies
 * it.
 */
export interface CourierTraits {
  /** Name in the log: `SMTP`. */
  readonly shortName: string;
  /** The parts of a connection that an attempt uses, in order. */
  readonly parts: readonly ConnectionPart[];
  /** How many concurrent attempts Microsoft allows one mailbox. */
  readonly concurrentPerMailbox: number;
  /** Whether Microsoft counts by the login and not by the mailbox that is sent as. */
  readonly limitsByLogin: boolean;
}

/** The traits of each courier. */
export type CourierTable = Readonly<Record<CourierKind, CourierTraits>>;
