import type { DeliveryReport, RecipientOutcome } from '../../message/delivery.ts';

/** A pause that an upstream asked for, or that a refusal calls for. */
export interface LearnedPause {
  /** What is paused: a destination, or the external recipients of a connection ({@link externalKey}). */
  readonly key: string;
  /** No attempt begins before then; milliseconds since 1970. */
  readonly untilMs: number;
  /** When it was learned. */
  readonly sinceMs: number;
  /** Code of the refusal, as in {@link RecipientOutcome}. */
  readonly code: string;
  readonly text: string;
  /** Refusals in a row, with nothing delivered in between; 1 or more. */
  readonly strikes: number;
  /** An administrator has to change something; a sign that one has ends the pause. */
  readonly needsAdmin: boolean;
}

/** Milliseconds that a pause still lasts. One learned in the future is over: the clock was set back. */
export function pauseLeftMs(pause: LearnedPause | undefined, nowMs: number): number {
  if (!pause || pause.sinceMs > nowMs) return 0;
  return Math.max(0, pause.untilMs - nowMs);
}

/** The pause a report asks for. */
export interface AskedPause {
  readonly askedMs: number;
  readonly because: RecipientOutcome;
}

const hourMs = 3_600_000;
const longestQuotaPauseMs = 6 * hourMs;
const longestPauseMs = hourMs / 4;

/** The key of a pause for the external recipients of all mailboxes of a connection. */
export function externalKey(connection: string): string {
  return `${connection} external`;
}

/**
 * The pause that a mailbox needs after an attempt, if any.
 * @param adminPauseMs the first pause of a mailbox that waits for an administrator
 */
export function mailboxPause(report: DeliveryReport, adminPauseMs: number): AskedPause | undefined {
  const refused = report.recipients.filter((each) => each.outcome !== 'delivered');
  // A held message waits only for a decision about that message.
  const forAdmin = report.hold ? undefined : refused.find((each) => each.outcome === 'needs-admin');
  const askedMs = Math.max(report.pauseMailboxMs ?? 0, forAdmin && concernsMailbox(forAdmin) ? adminPauseMs : 0);
  const because = forAdmin ?? refused.find((each) => each.scope === 'mailbox') ?? refused[0];
  return because && askedMs > 0 ? { askedMs, because } : undefined;
}

/** If a courier gives a time but no pause, only the message waits. */
function concernsMailbox({ scope, retryAfterMs }: RecipientOutcome): boolean {
  return scope === undefined || ((scope === 'mailbox' || scope === 'tenant') && retryAfterMs === undefined);
}

/**
 * The pause that external recipients need after an attempt: the tenant's external recipient limit (5.7.233) is used up
 * for all of its mailboxes, for an hour at least. Recipients within the tenant are not counted and get their mail.
 */
export function externalPause(
  report: DeliveryReport,
  isExternal: (address: string) => boolean,
): AskedPause | undefined {
  const because = report.recipients.find(
    (each) => each.outcome === 'temporary' && each.scope === 'tenant' && isExternal(each.address),
  );
  return because && { askedMs: Math.max(because.retryAfterMs ?? 0, hourMs), because };
}

/**
 * The next pause: doubled with each refusal in a row, up to a quarter of an hour, or six hours if an hour or more was
 * asked for, as quotas do.
 * @param startedAtMs of the attempt: attempts that were under way when a pause began confirm it but do not extend it
 */
export function learnPause(
  key: string,
  last: LearnedPause | undefined,
  { askedMs, because }: AskedPause,
  startedAtMs: number,
  nowMs: number,
): LearnedPause {
  const before = last && last.sinceMs <= nowMs ? last : undefined;
  const isSame = before !== undefined && startedAtMs <= before.sinceMs;
  const strikes = (before?.strikes ?? 0) + (isSame ? 0 : 1);
  const longest = Math.max(askedMs, askedMs >= hourMs ? longestQuotaPauseMs : longestPauseMs);
  const waitMs = Math.min(askedMs * 2 ** Math.min(strikes - 1, 20), longest);
  return {
    key,
    untilMs: Math.max(before?.untilMs ?? 0, nowMs + waitMs),
    sinceMs: isSame ? before.sinceMs : nowMs,
    code: because.code,
    text: because.text,
    strikes,
    needsAdmin: because.outcome === 'needs-admin',
  };
}
