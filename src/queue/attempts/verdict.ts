import type { CourierKind, CourierOrder } from '../../message/courier-kind.ts';
import type { DeliveryReport, RecipientOutcome } from '../../message/delivery.ts';
import type { MessageState, QueuedMessage, QueuedRecipient } from '../message.ts';
import { type BackoffOptions, backoffMs } from './backoff.ts';
import { isAmbiguous } from './in-flight.ts';

/** Consequences for the couriers that may take a message. */
export interface Succession {
  readonly used: CourierKind;
  /** All couriers of the message. */
  readonly couriers: CourierOrder;
  /** The courier that takes the rest because the one used is shut. */
  readonly next?: CourierKind | undefined;
  /** If the trouble of the courier used continues, another one takes the message then; milliseconds since 1970. */
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
  /** The courier that takes the rest of the message at once. */
  readonly next?: CourierKind;
}

const dayMs = 24 * 3_600_000;

/**
 * Whether a message is past its time. It is not if it fell due longer ago than its whole time and more than a day: then
 * the clock was set or the bridge was away, so it has hardly been tried and is tried once more.
 */
function isExpired({ receivedAtMs, expiresAtMs, nextAttemptAtMs }: QueuedMessage, nowMs: number): boolean {
  const longestLateMs = Math.max(expiresAtMs - receivedAtMs, dayMs);
  return nowMs >= expiresAtMs && nowMs - nextAttemptAtMs <= longestLateMs;
}

/**
 * Judges a delivery report. The result has `trouble` only if that also keeps other mail of the connection back. Only a
 * permanent refusal, or a message past its time, gives up a recipient: anything that an administrator can fix, such as
 * a refused login, says nothing about the message. If one courier cannot take this message, or only refuses it because
 * it is shut, another one may take it.
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
  // A failure of the connection only waits for the connection.
  const usualWait = report.trouble
    ? 0
    : Math.max(report.pauseMailboxMs ?? 0, ...asked, backoffMs(message.attempts + 1, backoff));
  const wait = report.retryAfterMs ?? (next ? 0 : Math.min(usualWait, (succession?.nextAtMs ?? endless) - nowMs));
  // The last attempt is made at the end of the message's time, not after it.
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

/** Which courier may serve a recipient after one has refused the message because of what it is. */
function anotherFor(
  { refusedBy = [] }: QueuedRecipient,
  { outcome, ofCourier }: RecipientOutcome,
  { used, couriers }: Succession,
): CourierKind | undefined {
  if (outcome !== 'permanent' || !ofCourier) return undefined;
  return couriers.find((courier) => courier !== used && !refusedBy.includes(courier));
}

/**
 * The verdict on a message whose time is over and that cannot be attempted. A recipient that the latest attempt may
 * have served keeps that mark: it is reported as such, and the message is looked for should it ever be released.
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
