import type { DeliveryReport, RecipientOutcome } from '../../message/delivery.ts';
import type { QueuedMessage } from '../message.ts';
import { isAmbiguous } from './in-flight.ts';

const leaseLost = {
  outcome: 'temporary',
  code: 'lease-lost',
  text: 'Another instance of the bridge may deliver this mailbox by now.',
} as const;

/** Gives the same outcome to each recipient still to be served. */
export function reportForPending(
  { recipients }: QueuedMessage,
  outcome: Omit<RecipientOutcome, 'address'>,
): DeliveryReport {
  const pending = recipients.filter((each) => each.state === 'pending');
  return { recipients: pending.map(({ address }) => ({ address, ...outcome })) };
}

/** The report of an attempt without a courier. */
export function withoutCourier(message: QueuedMessage): DeliveryReport {
  return reportForPending(message, {
    outcome: 'needs-admin',
    code: 'connection-gone',
    text: `The configuration has no connection ${message.connection} to send as ${message.mailbox}.`,
  });
}

/**
 * The report of an attempt that was kept from sending because its lease was lost: that failure is no sign of trouble.
 */
export function withoutLease({ trouble: _, pauseMailboxMs: __, ...report }: DeliveryReport): DeliveryReport {
  const recipients = report.recipients.map((each) =>
    each.outcome === 'delivered' || isAmbiguous({ last: each }) ? each : { address: each.address, ...leaseLost },
  );
  return { ...report, recipients };
}
