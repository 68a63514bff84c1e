import type { Clock } from '../base/clock.ts';
import { errorText } from '../base/errors.ts';
import { enhancedStatus, isEnhancedStatus } from '../couriers/enhanced-status.ts';
import type { DeliveryPolicy } from '../couriers/policy.ts';
import type { CourierKind } from '../message/courier-kind.ts';
import type { DeliveryReport, OutgoingMessage } from '../message/delivery.ts';
import type { Envelope, EnvelopeRecipient } from '../message/envelope.ts';
import type { Courier } from '../queue/courier.ts';
import { SmtpReply } from '../smtp/session.ts';
import type { SendingAccount } from './account.ts';

/** Clients wait ten minutes for the reply to the final dot (RFC 5321 section 4.5.3.2.6), many of them less. */
const attemptTimeoutMs = 4 * 60_000;

/** The waits before each look at Sent Items: the client waits as well. */
const looksAfterMs = [2000, 5000, 10_000];

/** The part of a connection that sending needs. */
export interface SendingUpstream {
  courier(kind: CourierKind, policy: DeliveryPolicy): Courier;
}

/** A delivery while a client waits. */
export interface DirectDelivery {
  readonly upstream: SendingUpstream | undefined;
  readonly account: SendingAccount;
  readonly courier: CourierKind;
  readonly policy: DeliveryPolicy;
  readonly message: OutgoingMessage;
  readonly clock: Clock;
  /** Aborts it; default: only a timeout does. */
  readonly signal?: AbortSignal;
  /** Whether nobody is left to get the reply. */
  clientIsGone(): boolean;
}

/**
 * Makes one attempt, with a time limit. If its answer is lost, Sent Items show what became of it, as far as they may be
 * searched. Never rejects.
 */
export async function deliverNow(delivery: DirectDelivery): Promise<DeliveryReport> {
  const { upstream, account, courier: kind, policy, message, clock } = delivery;
  try {
    // The client will send again, because it got no reply.
    if (delivery.clientIsGone()) throw clientGone();
    if (!upstream) throw new Error(`there is no connection ${account.connection}`);
    const courier = upstream.courier(kind, policy);
    const timeout = AbortSignal.timeout(attemptTimeoutMs);
    const signal = delivery.signal ? AbortSignal.any([delivery.signal, timeout]) : timeout;
    return await clearedUp(courier, message, await courier.deliver(message, signal), { signal, clock });
  } catch (error) {
    const failure = { outcome: 'temporary', code: '4.3.0', text: errorText(error) } as const;
    return { recipients: message.envelope.recipients.map(({ address }) => ({ address, ...failure })) };
  }
}

/** Resolves what is unclear in an attempt's report, as far as that is possible soon. */
async function clearedUp(
  courier: Courier,
  message: OutgoingMessage,
  first: DeliveryReport,
  { signal, clock }: { readonly signal: AbortSignal; readonly clock: Clock },
): Promise<DeliveryReport> {
  const overAtMs = clock.now();
  let report = first;
  for (const waitMs of looksAfterMs) {
    const addresses = report.recipients.filter(({ code }) => code === 'upstream-ambiguous').map((each) => each.address);
    if (addresses.length === 0 || signal.aborted) break;
    await new Promise<void>((resolve) => clock.after(waitMs, resolve));
    const recipients = message.envelope.recipients.filter(({ address }) => addresses.includes(address));
    const envelope = { ...message.envelope, recipients };
    const found = await courier.deliver({ ...message, envelope, ambiguous: { addresses, overAtMs } }, signal);
    // Nothing can be found out. What goes on to the queue is ambiguous there as well, and held.
    if (found.hold) break;
    const outcomes = new Map(found.recipients.map((outcome) => [outcome.address, outcome]));
    // Nobody knows how many copies that makes.
    const { copies: _, ...rest } = report;
    report = { ...rest, recipients: report.recipients.map((each) => outcomes.get(each.address) ?? each) };
  }
  return report;
}

/** Recipients that the attempt has not served. */
export function undelivered(envelope: Envelope, report: DeliveryReport): EnvelopeRecipient[] {
  const done = new Set(report.recipients.filter((each) => each.outcome === 'delivered').map((each) => each.address));
  return envelope.recipients.filter(({ address }) => !done.has(address));
}

/**
 * The reply to a message without any served recipient: temporary if one of them may succeed later, which includes
 * anything that waits for an administrator.
 */
export function directRefusal(report: DeliveryReport): SmtpReply {
  const worst = report.recipients.find((each) => each.outcome !== 'permanent') ?? report.recipients[0];
  if (!worst) return new SmtpReply(451, '4.3.0', 'No delivery was attempted');
  const permanent = worst.outcome === 'permanent';
  const text = [worst.text, worst.remedy].filter(Boolean).join(' ').slice(0, 400);
  const enhanced = enhancedStatus(worst);
  const said = isEnhancedStatus(worst.code) ? text : `${worst.code}: ${text}`;
  return new SmtpReply(permanent ? 554 : 451, enhanced, said);
}

/** The reply to a client that has left; it only appears in the log. */
export function clientGone(): SmtpReply {
  return new SmtpReply(451, '4.4.2', 'The client has gone before the message was delivered to all recipients');
}
