import type { DeliveryReport, OutgoingMessage } from '../message/delivery.ts';

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
