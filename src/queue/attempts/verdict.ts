import type { CourierKind, CourierOrder } from '../../message/courier-kind.ts';
import type { DeliveryReport, RecipientOutcome } from '../../message/delivery.ts';
import type { MessageState, QueuedMessage, QueuedRecipient } from '../message.ts';
import { type BackoffOptions, backoffMs } from './backoff.ts';
import { isAmbiguous } from './in-flight.ts';

/** What follows from the couriers that a message may go by. */
export interface Succession {
  readonly used: CourierKind;
  /** All of them. */
  readonly couriers: CourierOrder;
  /** Another one takes what is left, because the one used is shut. */
  readonly next?: CourierKind | undefined;
  /** In case trouble of the one used goes on, another one takes the message then, milliseconds since 1970. */
  readonly nextAtMs?: number | undefined;
}

/** What one attempt means for a message. */
export interface Verdict {
  readonly recipients: readonly QueuedRecipient[];
  readonly state: MessageState;
  readonly nextAttemptAtMs: number;
  /** Recipients served by this attempt. */
  readonly delivered: readonly RecipientOutcome[];
  /** Recipients given up by this attempt. */
  readonly failed: readonly RecipientOutcome[];
  /** Another courier takes what is left of it at once. */
  readonly next?: CourierKind;
}

const dayMs = 24 * 3_600_000;

/**
 * Whether a message is past its time. It is not where it fell due longer ago than its whole time, and more than a day:
 * the clock has been set, or the bridge was away. Then it has hardly been tried, and is tried once more.
 */
function isExpired({ receivedAtMs, expiresAtMs, nextAttemptAtMs }: QueuedMessage, nowMs: number): boolean {
  const longestLateMs = Math.max(expiresAtMs - receivedAtMs, dayMs);
  return nowMs >= expiresAtMs && nowMs - nextAttemptAtMs <= longestLateMs;
}

/**
 * Judges a delivery report; it holds `trouble` only where that keeps other mail of the connection back as well. Only a
 * permanent refusal, or a message past its time, gives a recipient up: whatever an administrator can fix, a refused
 * login above all, says nothing about the message. And what one courier cannot take for what it is, or only does not take
 * because it is shut, another one may.
 */
export function judge(
  message: QueuedMessage,
  report: DeliveryReport,
  nowMs: number,
  backoff: BackoffOptions,
  succession?: Succession,
): Verdict {
  const outcomes = new Map(report.recipients.map((outcome) => [outcome.address, outcome]));
  const expired = isExpired(message, nowMs);
  const delivered: RecipientOutcome[] = [];
  const failed: RecipientOutcome[] = [];
  let next = succession?.next;
  const recipients = message.recipients.map((recipient): QueuedRecipient => {
    const outcome = outcomes.get(recipient.address);
    if (recipient.state !== 'pending' || !outcome) return recipient;
    const another = succession && anotherFor(recipient, outcome, succession);
    if (another) {
      const { address: _, ...last } = outcome;
      next ??= another;
      return { ...recipient, last, refusedBy: [...(recipient.refusedBy ?? []), succession.used] };
    }
    const { address: _, ...last } = outcome;
    if (outcome.outcome === 'delivered') {
      delivered.push(outcome);
      return { ...recipient, state: 'delivered', last };
    }
    if (outcome.outcome !== 'permanent' && (!expired || report.hold || succession?.next)) return { ...recipient, last };
    failed.push(outcome);
    return { ...recipient, state: 'failed', last };
  });
  const pending = recipients.some((each) => each.state === 'pending');
  const settled = recipients.every((each) => each.state === 'delivered') ? 'delivered' : 'failed';
  const asked = report.recipients.map((each) => (each.outcome === 'delivered' ? 0 : (each.retryAfterMs ?? 0)));
  // What the connection was to blame for waits for the connection alone.
  const usualWait = report.trouble
    ? 0
    : Math.max(report.pauseMailboxMs ?? 0, ...asked, backoffMs(message.attempts + 1, backoff));
  const wait = report.retryAfterMs ?? (next ? 0 : Math.min(usualWait, (succession?.nextAtMs ?? endless) - nowMs));
  // The last attempt comes at the end of the message's time, not beyond it.
  const endMs = message.expiresAtMs > nowMs ? message.expiresAtMs : Number.POSITIVE_INFINITY;
  return {
    recipients,
    state: pending ? (report.hold ? 'held' : 'queued') : settled,
    nextAttemptAtMs: pending ? Math.max(nowMs + (next ? 0 : 1000), Math.min(nowMs + wait, endMs)) : nowMs,
    delivered,
    failed,
    ...(next && { next }),
  };
}

const endless = Number.POSITIVE_INFINITY;

/** Who may serve a recipient that a courier has refused for what the message is. */
function anotherFor(
  { refusedBy = [] }: QueuedRecipient,
  { outcome, ofCourier }: RecipientOutcome,
  { used, couriers }: Succession,
): CourierKind | undefined {
  if (outcome !== 'permanent' || !ofCourier) return undefined;
  return couriers.find((courier) => courier !== used && !refusedBy.includes(courier));
}

/**
 * What it means for a message that its time is over and no attempt can be made. A recipient that the latest attempt may
 * have served stays one: it is told so, and the message is looked for should it ever be released.
 */
export function givenUp(message: QueuedMessage, why: Omit<RecipientOutcome, 'address'>): Verdict {
  const failed: RecipientOutcome[] = [];
  const recipients = message.recipients.map((recipient): QueuedRecipient => {
    if (recipient.state !== 'pending') return recipient;
    const last = recipient.last && isAmbiguous(recipient) ? recipient.last : why;
    failed.push({ address: recipient.address, ...last });
    return { ...recipient, state: 'failed', last };
  });
  return { recipients, state: 'failed', nextAttemptAtMs: message.nextAttemptAtMs, delivered: [], failed };
}
