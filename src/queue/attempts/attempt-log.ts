import { LRUCache } from 'lru-cache';
import { boundedBy } from '../../base/bounded-by.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { DeliveryReport } from '../../message/delivery.ts';
import type { LearnedPause } from '../limits/pause.ts';
import type { QueuedMessage } from '../message.ts';
import { noObserver, type QueueObserver } from '../observer.ts';
import type { Verdict } from './verdict.ts';

const adminReminderMs = 10 * 60 * 1000;
/** The upstream chooses the codes: invented ones must not fill the memory. */
const mostReminders = 1000;

/**
 * Reports attempts to the log and the observer. The log gets one line for each recipient that was not served, or one
 * line for a message that was.
 */
export class AttemptLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #observer: QueueObserver;
  /** When the administrator was last reminded, by mailbox and cause. */
  readonly #remindedAtMs = new LRUCache<string, number>(boundedBy(mostReminders));

  constructor(log: Log, clock: Clock, observer: QueueObserver = noObserver) {
    this.#log = log;
    this.#clock = clock;
    this.#observer = observer;
  }

  attempted(message: QueuedMessage, report: DeliveryReport, verdict: Verdict, durationMs: number): void {
    const startedAtMs = this.#clock.now() - durationMs;
    const { state } = verdict;
    this.#observer.attempted(message, { courier: message.courier, state, startedAtMs, durationMs });
    const fields = {
      id: message.id,
      mailbox: message.mailbox,
      courier: message.courier,
      attempt: message.attempts + 1,
      ms: Math.round(durationMs),
      ...(report.upstreamId === undefined ? {} : { upstreamId: report.upstreamId }),
    };
    const refused = report.recipients.filter((each) => each.outcome !== 'delivered');
    if (refused.length === 0) {
      this.#log.info({ ...fields, recipients: report.recipients.length }, 'delivered');
      return;
    }
    for (const { address, outcome, code, text, remedy } of refused) {
      const given = verdict.failed.some((each) => each.address === address);
      const retryAt = verdict.state === 'queued' ? { retryAt: new Date(verdict.nextAttemptAtMs).toISOString() } : {};
      const line = { ...fields, to: address, code, text, ...(remedy ? { remedy } : {}), ...(given ? {} : retryAt) };
      if (given) this.#log.warn(line, outcome === 'permanent' ? 'failed permanently' : 'expired');
      else if (verdict.next) this.#log.info({ ...line, next: verdict.next }, 'deferred: another courier takes it');
      // The breaker has already logged it for all messages.
      else if (report.trouble) this.#log.debug(line, 'waiting for its connection');
      else if (outcome === 'temporary') this.#log.info(line, 'deferred');
      else this.#remindAdmin(line);
    }
  }

  /** A message is given up without an attempt. */
  givenUp(message: QueuedMessage, { failed }: Verdict): void {
    this.#observer.givenUp(message);
    const { id, mailbox, courier } = message;
    for (const { address, code, text, remedy } of failed) {
      const line = { id, mailbox, courier, to: address, code, text, ...(remedy ? { remedy } : {}) };
      this.#log.warn(line, 'expired');
    }
  }

  paused({ key, code, text, untilMs }: LearnedPause): void {
    this.#observer.paused(code, Math.max(0, untilMs - this.#clock.now()));
    this.#log.info({ destination: key, code, text, until: new Date(untilMs).toISOString() }, 'mailbox paused');
  }

  /** The noted times now lie in the future. */
  clockWasSetBack(): void {
    this.#remindedAtMs.clear();
  }

  /** Logs loudly, but at most every ten minutes for each mailbox and cause, however many messages wait. */
  #remindAdmin(line: { mailbox: string; code: string; text: string; remedy?: string }): void {
    const key = `${line.mailbox} ${line.code}`;
    const now = this.#clock.now();
    const last = this.#remindedAtMs.peek(key);
    if (last !== undefined && now - last < adminReminderMs) {
      this.#log.info(line, 'deferred: waiting for an administrator');
      return;
    }
    this.#remindedAtMs.set(key, now);
    const { text, remedy = '', ...facts } = line;
    this.#log.error(facts, `mail of ${line.mailbox} waits for an administrator: ${text} ${remedy}`.trimEnd());
  }
}
