import type { DeliveryReport, OutgoingMessage } from '../message/delivery.ts';
import type { AdmissionRefused } from '../queue/limits/direct.ts';
import type { Queue } from '../queue/queue.ts';
import type { SendingAccount } from './account.ts';

/** A client waits that long for a permit within the limits of its mailbox before it is told to come again. */
const patienceMs = 30_000;

/** Makes an attempt within the limits that the mailbox's queued messages keep to; it counts in them. */
export async function deliverWithinLimits(
  queue: Queue,
  account: SendingAccount,
  message: OutgoingMessage,
  attempt: () => Promise<DeliveryReport>,
): Promise<DeliveryReport> {
  const { connection, mailbox, send: courier } = account;
  const recipients = message.envelope.recipients.map(({ address }) => address);
  const admission = await queue.admit({ connection, mailbox, courier, recipients }, patienceMs);
  if (!admission.admitted) return refused(recipients, admission);
  let report: DeliveryReport | undefined;
  try {
    report = await attempt();
    return report;
  } finally {
    admission.ended(report);
  }
}

/** Where the limits are to blame, by X.4.5, mail system congestion (RFC 3463 section 3.5). */
function refused(recipients: readonly string[], { retryAfterMs, trouble }: AdmissionRefused): DeliveryReport {
  if (trouble) {
    const { code, text, remedy } = trouble;
    const outcome = { outcome: 'temporary', code, text, ...(remedy === undefined ? {} : { remedy }) } as const;
    return { recipients: recipients.map((address) => ({ address, ...outcome })) };
  }
  const text = `The mailbox is at its limits of sending; try again in ${Math.ceil(retryAfterMs / 1000)} seconds`;
  return { recipients: recipients.map((address) => ({ address, outcome: 'temporary', code: '4.4.5', text })) };
}
