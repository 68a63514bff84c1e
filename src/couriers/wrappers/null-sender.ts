import type { RecipientOutcome } from '../../message/delivery.ts';
import { enhancedStatus } from '../enhanced-status.ts';
import type { CourierWrapper } from './wrapper.ts';

/**
 * Delivers a notice, which has the null reverse-path (RFC 3464 section 2). Microsoft does not document whether an
 * authenticated client may send with it. If the server refuses it as a sender, the notice is sent once more as the
 * mailbox: no answer to it can return into the queue, because the failure of a notice is never reported.
 */
export const nullSenderFallback: CourierWrapper = (courier) => ({
  async deliver(message, signal) {
    const report = await courier.deliver(message, signal);
    const { envelope, mailbox } = message;
    if (envelope.reversePath !== '' || !report.recipients.every(isRefusedSender)) return report;
    return await courier.deliver({ ...message, envelope: { ...envelope, reversePath: mailbox } }, signal);
  },
});

/** 5.7.60 and 5.2.252: may not send as; 5.1.7: bad sender address; 5.7.57 and 5.7.1: no anonymous sender. */
function isRefusedSender(outcome: RecipientOutcome): boolean {
  const refusals = ['5.7.60', '5.2.252', '5.1.7', '5.7.57', '5.7.1'];
  return outcome.outcome !== 'delivered' && refusals.includes(enhancedStatus({ ...outcome, outcome: 'permanent' }));
}
