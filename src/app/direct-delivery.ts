import { errorText } from '../base/errors.ts';
import type { DeliveryReport, OutgoingMessage } from '../message/delivery.ts';
import type { Envelope, EnvelopeRecipient } from '../message/envelope.ts';
import { SmtpReply } from '../smtp/session.ts';
import type { SubmissionAccount } from './submission-session.ts';
import type { Upstream } from './upstream.ts';

/** Clients wait ten minutes for the reply to the final dot (RFC 5321 section 4.5.3.2.6), many of them less. */
const attemptTimeoutMs = 4 * 60_000;

/** One attempt, bounded in time. Never rejects. */
export async function deliverNow(
  upstream: Upstream | undefined,
  account: SubmissionAccount,
  message: OutgoingMessage,
): Promise<DeliveryReport> {
  try {
    if (!upstream) throw new Error(`there is no connection ${account.connection}`);
    return await upstream.courier(account.send ?? 'graph').deliver(message, AbortSignal.timeout(attemptTimeoutMs));
  } catch (error) {
    const failure = { outcome: 'temporary', code: '4.3.0', text: errorText(error) } as const;
    return { recipients: message.envelope.recipients.map(({ address }) => ({ address, ...failure })) };
  }
}

/** Recipients that the attempt did not serve. */
export function undelivered(envelope: Envelope, report: DeliveryReport): EnvelopeRecipient[] {
  const done = new Set(report.recipients.filter((each) => each.outcome === 'delivered').map((each) => each.address));
  return envelope.recipients.filter(({ address }) => !done.has(address));
}

/**
 * The reply to a message of which no recipient was served: temporary as soon as one of them may succeed later, and
 * whatever waits for an administrator may.
 */
export function directRefusal(report: DeliveryReport): SmtpReply {
  const worst = report.recipients.find((each) => each.outcome !== 'permanent') ?? report.recipients[0];
  if (!worst) return new SmtpReply(451, '4.3.0', 'No delivery was attempted');
  const permanent = worst.outcome === 'permanent';
  const text = [worst.text, worst.remedy].filter(Boolean).join(' ').slice(0, 400);
  const isEnhanced = /^[45]\.\d{1,3}\.\d{1,3}$/.test(worst.code);
  const enhanced = isEnhanced ? `${permanent ? 5 : 4}${worst.code.slice(1)}` : permanent ? '5.0.0' : '4.0.0';
  return new SmtpReply(permanent ? 554 : 451, enhanced, isEnhanced ? text : `${worst.code}: ${text}`);
}
