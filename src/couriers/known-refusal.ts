import type { FailureScope, RecipientOutcome } from '../message/delivery.ts';
import type { CourierVerdict } from './verdict.ts';

/** What a refusal of Microsoft's means for mail, as the tables of refusals hold it and docs/errors.md shows it. */
export interface KnownRefusal {
  /** What has happened, in a few words. */
  readonly meaning: string;
  readonly outcome: Exclude<RecipientOutcome['outcome'], 'delivered'>;
  readonly scope: FailureScope;
  /**
   * Trying again sooner is useless. What the server asks for itself comes before it. Where the scope is wider than the
   * message, the mailbox is paused so long.
   */
  readonly waitMs?: number;
  /** The wait is this message's alone, though the scope is wider: other mail of the mailbox may well pass. */
  readonly mailboxGoesOn?: true;
  /** It is this service that refuses: another courier may take the message, or the mailbox's mail. */
  readonly ofCourier?: true;
  /**
   * What to do. MAILBOX and ADDRESS stand for the mailbox and for the address in From, LOGIN for who logs in: the
   * mailbox, or the person who signed in.
   */
  readonly remedy: string;
}

export const secondMs = 1_000;
export const minuteMs = 60 * secondMs;
export const hourMs = 60 * minuteMs;

/** What a verdict takes from a row. */
export function verdictOf(
  { outcome, scope, waitMs, mailboxGoesOn, ofCourier, remedy }: KnownRefusal,
  askedMs?: number,
): Pick<CourierVerdict, 'outcome' | 'scope' | 'ofCourier' | 'remedy' | 'retryAfterMs' | 'pauseMailboxMs'> {
  const retryAfterMs = askedMs ?? waitMs;
  const isWide = scope === 'mailbox' || scope === 'tenant';
  const pauses = askedMs !== undefined || (isWide && mailboxGoesOn !== true);
  return {
    outcome,
    scope,
    remedy,
    ...(ofCourier && { ofCourier }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(retryAfterMs !== undefined && pauses && { pauseMailboxMs: retryAfterMs }),
  };
}
