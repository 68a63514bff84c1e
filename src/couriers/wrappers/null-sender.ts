import type { RecipientOutcome } from '../../message/delivery.ts';
import { enhancedStatus } from '../enhanced-status.ts';
import type { CourierWrapper } from './wrapper.ts';

/**
 * Delivers a notification, which has the null reverse-path (RFC 3464 section 2). Microsoft documents nowhere whether an
 * authenticated client may send with it. Where the server refuses it as a sender, the notification goes once more as
 * the mailbox: no answer to it can come back into the queue, for its own failure is never notified.
 */
export const nullSenderFallback: CourierWrapper = (courier) => ({
  async deliver(message, signal) {
    const report = await courier.deliver(message, signal);
    const { envelope, mailbox } = message;
    if (envelope.reversePath !== '' || !report.recipients.every(isRefusedSender)) return report;
    return await courier.deliver({ ...message, envelope: { ...envelope, reversePath: mailbox } }, signal);
  },
});

/** 5.7.60 and 5.2.252: may not send as; 5.1.7: bad sender address; 5.7.57 and 5.7.1: not from somebody unknown. */
function isRefusedSender(outcome: RecipientOutcome): boolean {
  const refusals = ['5.7.60', '5.2.252', '5.1.7', '5.7.57', '5.7.1'];
  return outcome.outcome !== 'delivered' && refusals.includes(enhancedStatus({ ...outcome, outcome: 'permanent' }));
}
