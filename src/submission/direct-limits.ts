import type { CourierKind, CourierOrder } from '../message/courier-kind.ts';
import type { DeliveryReport, OutgoingMessage } from '../message/delivery.ts';
import { isAmbiguous } from '../queue/attempts/in-flight.ts';
import type { AdmissionRefused } from '../queue/limits/direct.ts';
import type { Queue } from '../queue/queue.ts';
import type { SendingAccount } from './account.ts';

/** How long a client waits for a permit within the limits of its mailbox before it gets a temporary reply. */
const patienceMs = 30_000;

/** Makes one attempt of a courier, aborted by the signal. Never rejects. */
export type DirectAttemptBy = (
  courier: CourierKind,
  message: OutgoingMessage,
  signal: AbortSignal,
) => Promise<DeliveryReport>;

/**
 * Makes an attempt within the limits of the mailbox's queued messages, which it counts against. If its courier is shut,
 * or cannot take this message, the account's next courier makes another attempt for the remaining recipients.
 */
export async function deliverWithinLimits(
  queue: Pick<Queue, 'admit'>,
  account: SendingAccount,
  message: OutgoingMessage,
  attempt: DirectAttemptBy,
): Promise<DeliveryReport> {
  const all = message.envelope.recipients;
  let report: DeliveryReport | undefined;
  let left = all;
  let [first, ...rest] = account.send;
  for (;;) {
    const envelope = { ...message.envelope, recipients: left };
    const now = await attemptOnce(queue, account, [first, ...rest], { ...message, envelope }, attempt);
    // The report of an attempt takes precedence over the refusal of the next one.
    if ('refused' in now) return report ?? now.refused;
    report = report ? merged(report, now.report) : now.report;
    [first, ...rest] = [first, ...rest].filter((courier) => courier !== now.courier) as unknown as CourierOrder;
    const forAnother = leftForAnother(now.report);
    left = all.filter(({ address }) => forAnother.includes(address));
    if (first === undefined || left.length === 0) return report;
  }
}

async function attemptOnce(
  queue: Pick<Queue, 'admit'>,
  { connection, mailbox }: SendingAccount,
  couriers: CourierOrder,
  message: OutgoingMessage,
  attempt: DirectAttemptBy,
): Promise<{ readonly report: DeliveryReport; readonly courier: CourierKind } | { readonly refused: DeliveryReport }> {
  const recipients = message.envelope.recipients.map(({ address }) => address);
  const admission = await queue.admit({ connection, mailbox, couriers, recipients }, patienceMs);
  if (!admission.admitted) return { refused: refused(recipients, admission) };
  const { courier } = admission;
  let report: DeliveryReport | undefined;
  try {
    report = { courier, ...(await attempt(courier, admission.guarded(message), admission.signal)) };
    return { report, courier };
  } finally {
    admission.ended(report);
  }
}

/** Addresses that another courier may serve at once: nothing ambiguous is left that it would have to look for. */
function leftForAnother({ recipients, trouble }: DeliveryReport): string[] {
  if (recipients.some((outcome) => isAmbiguous({ last: outcome }))) return [];
  return recipients
    .filter(({ outcome, ofCourier }) => outcome !== 'delivered' && (ofCourier === true || trouble !== undefined))
    .map(({ address }) => address);
}

/** Merges the results of two attempts, the later one first. */
function merged(earlier: DeliveryReport, later: DeliveryReport): DeliveryReport {
  const outcomes = new Map(later.recipients.map((each) => [each.address, each]));
  return { ...later, recipients: earlier.recipients.map((each) => outcomes.get(each.address) ?? each) };
}

/** If the limits are to blame, X.4.5, mail system congestion (RFC 3463 section 3.5). */
function refused(recipients: readonly string[], { retryAfterMs, trouble }: AdmissionRefused): DeliveryReport {
  if (trouble) {
    const { code, text, remedy } = trouble;
    const outcome = { outcome: 'temporary', code, text, ...(remedy === undefined ? {} : { remedy }) } as const;
    return { recipients: recipients.map((address) => ({ address, ...outcome })) };
  }
  const text = `The mailbox is at its limits of sending; try again in ${Math.ceil(retryAfterMs / 1000)} seconds`;
  return { recipients: recipients.map((address) => ({ address, outcome: 'temporary', code: '4.4.5', text })) };
}
