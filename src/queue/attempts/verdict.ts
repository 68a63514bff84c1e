import type { DeliveryReport, RecipientOutcome } from '../../message/delivery.ts';
import type { MessageState, QueuedMessage, QueuedRecipient } from '../message.ts';
import { type BackoffOptions, backoffMs } from './backoff.ts';
import { isAmbiguous } from './in-flight.ts';

/** What one attempt means for a message. */
export interface Verdict {
  readonly recipients: readonly QueuedRecipient[];
  readonly state: MessageState;
  readonly nextAttemptAtMs: number;
  /** Recipients served by this attempt. */
  readonly delivered: readonly RecipientOutcome[];
  /** Recipients given up by this attempt. */
  readonly failed: readonly RecipientOutcome[];
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
 * login above all, says nothing about the message.
 */
export function judge(message: QueuedMessage, report: DeliveryReport, nowMs: number, backoff: BackoffOptions): Verdict {
  const outcomes = new Map(report.recipients.map((outcome) => [outcome.address, outcome]));
  const expired = isExpired(message, nowMs);
  const delivered: RecipientOutcome[] = [];
  const failed: RecipientOutcome[] = [];
  const recipients = message.recipients.map((recipient): QueuedRecipient => {
    const outcome = outcomes.get(recipient.address);
    if (recipient.state !== 'pending' || !outcome) return recipient;
    const { address: _, ...last } = outcome;
    if (outcome.outcome === 'delivered') {
      delivered.push(outcome);
      return { ...recipient, state: 'delivered', last };
    }
    if (outcome.outcome !== 'permanent' && (!expired || report.hold)) return { ...recipient, last };
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
  const wait = report.retryAfterMs ?? usualWait;
  // The last attempt comes at the end of the message's time, not beyond it.
  const endMs = message.expiresAtMs > nowMs ? message.expiresAtMs : Number.POSITIVE_INFINITY;
  return {
    recipients,
    state: pending ? (report.hold ? 'held' : 'queued') : settled,
    nextAttemptAtMs: pending ? Math.max(nowMs + 1000, Math.min(nowMs + wait, endMs)) : nowMs,
    delivered,
    failed,
  };
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
