import type { FailureScope, RecipientOutcome } from '../message/delivery.ts';
import type { CourierVerdict } from './verdict.ts';

/** What a refusal by Microsoft means for mail, as listed in the refusal tables and in docs/errors.md. */
export interface KnownRefusal {
  /** What has happened, in a few words. */
  readonly meaning: string;
  readonly outcome: Exclude<RecipientOutcome['outcome'], 'delivered'>;
  readonly scope: FailureScope;
  /**
   * Trying again sooner is useless. A time given by the server takes precedence. If the scope is wider than the
   * message, the mailbox is paused for this long.
   */
  readonly waitMs?: number;
  /** Only this message waits, though the scope is wider: other mail of the mailbox may well pass. */
  readonly mailboxGoesOn?: true;
  /** Only this service refuses: another courier may take the message, or the mailbox's mail. */
  readonly ofCourier?: true;
  /**
   * What to do. MAILBOX and ADDRESS stand for the mailbox and the address in From, LOGIN for the login: the mailbox, or
   * the person who signed in.
   */
  readonly remedy: string;
}

export const secondMs = 1_000;
export const minuteMs = 60 * secondMs;
export const hourMs = 60 * minuteMs;

/** The parts of a row that go into a verdict. */
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
