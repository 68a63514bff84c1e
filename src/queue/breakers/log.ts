import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { ConnectionPart, TokenPart } from '../../message/delivery.ts';
import type { CourierTable } from '../courier.ts';
import type { OpenBreaker } from './breaker.ts';

const firstReminderMs = 10 * 60_000;
const longestReminderMs = 4 * 60 * 60_000;

const tokensFor: Readonly<Record<TokenPart, string>> = {
  'graph-token': 'Graph',
  'exchange-token': 'Exchange Online',
};

function isOfTokens(part: ConnectionPart): part is TokenPart {
  return Object.hasOwn(tokensFor, part);
}

/**
 * Logs one breaker: when it opens, when the trouble becomes one that an administrator has to end, reminders at growing
 * intervals, and when it closes.
 */
export class BreakerLog {
  readonly #connection: string;
  readonly #part: ConnectionPart;
  /** What is in trouble, and the name of that trouble. */
  readonly #names: { readonly part: string; readonly trouble: string };
  readonly #log: Log;
  readonly #clock: Clock;
  #remindAtMs = 0;
  #reminderMs = firstReminderMs;
  /** Whether the log has named a trouble that an administrator has to end. */
  #hasToldNeedsAdmin = false;

  constructor(connection: string, part: ConnectionPart, couriers: CourierTable, log: Log, clock: Clock) {
    this.#connection = connection;
    this.#part = part;
    this.#names = namesOf(part, couriers);
    this.#log = log;
    this.#clock = clock;
  }

  opened({ trouble }: OpenBreaker): void {
    this.#reminderMs = firstReminderMs;
    this.#remindAtMs = this.#clock.now() + firstReminderMs;
    this.#hasToldNeedsAdmin = trouble.outcome === 'needs-admin';
    const level = this.#hasToldNeedsAdmin ? 'error' : 'warn';
    this.#log[level](
      { connection: this.#connection, part: this.#part, code: trouble.code },
      `connection ${this.#connection} is paused: ${this.#what(trouble)} Its mail waits and is sent when the trouble is over.`,
    );
  }

  /**
   * A probe has failed.
   * @param waiting how many messages wait; undefined if unknown
   */
  async stillOpen({ trouble, sinceMs }: OpenBreaker, waiting: () => Promise<number | undefined>): Promise<void> {
    const now = this.#clock.now();
    const needsAdmin = trouble.outcome === 'needs-admin';
    const isNews = needsAdmin && !this.#hasToldNeedsAdmin;
    if (!isNews && now < this.#remindAtMs && now >= sinceMs) return;
    this.#hasToldNeedsAdmin ||= needsAdmin;
    if (!isNews) this.#reminderMs = Math.min(this.#reminderMs * 2, longestReminderMs);
    this.#remindAtMs = now + this.#reminderMs;
    const level = needsAdmin ? 'error' : 'warn';
    const since = new Date(sinceMs).toISOString();
    this.#log[level](
      { connection: this.#connection, part: this.#part, code: trouble.code, since, waiting: await waiting() },
      `connection ${this.#connection} is still paused: ${this.#what(trouble)}`,
    );
  }

  closed({ sinceMs }: OpenBreaker, waiting: number | undefined): void {
    const pausedMs = Math.max(0, this.#clock.now() - sinceMs);
    this.#log.warn(
      { connection: this.#connection, part: this.#part, ms: pausedMs, waiting },
      `connection ${this.#connection} works again after ${duration(pausedMs)} (${this.#names.part})${waited(waiting)}`,
    );
  }

  #what({ text, remedy = '' }: OpenBreaker['trouble']): string {
    return `${this.#names.trouble}: ${text} ${remedy}`.trimEnd();
  }
}

function namesOf(part: ConnectionPart, couriers: CourierTable) {
  if (isOfTokens(part)) {
    const resource = tokensFor[part];
    return { part: `tokens for ${resource}`, trouble: `Entra ID issues no token for ${resource}` };
  }
  const { shortName } = couriers[part];
  return { part: shortName, trouble: `${shortName} cannot be used` };
}

function waited(messages: number | undefined): string {
  if (messages === undefined) return '';
  return messages === 1 ? ': 1 message waited' : `: ${messages} messages waited`;
}

/** `1 h 3 min`, `45 s` */
function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
