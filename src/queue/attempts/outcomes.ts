import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { CourierKind } from '../../message/courier-kind.ts';
import type { DeliveryReport } from '../../message/delivery.ts';
import type { Destination } from '../destination.ts';
import type { NewFollowUp } from '../follow-ups/follow-up.ts';
import type { FollowUpPlan } from '../follow-ups/follow-ups.ts';
import type { AttemptRecord, Notice, QueuedMessage, UnfinishedAttempt } from '../message.ts';
import type { QueueObserver } from '../observer.ts';
import { isLeaseLost } from '../ownership/lease-guard.ts';
import type { QueueStore } from '../store.ts';
import type { BackoffOptions } from './backoff.ts';
import type { Verdict } from './verdict.ts';

export interface OutcomesOptions {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly backoff: BackoffOptions;
  /** Composes the bounces to the sender and others; none if there is nobody to send them to. */
  bouncesFor(message: QueuedMessage, verdict: Verdict): Promise<readonly Notice[]>;
  /** Follow-ups of delivered messages; default: none. */
  readonly followUps?: FollowUpPlan;
  readonly observer?: QueueObserver;
  /** A notice of the bridge is in the queue. */
  onQueued(notice: QueuedMessage): void;
}

/** What is written about an attempt. */
export interface EndedAttempt {
  readonly attempt: AttemptRecord;
  readonly report: DeliveryReport;
  readonly verdict: Verdict;
  /** The courier that made the latest attempt. */
  readonly courier: CourierKind;
  readonly endedAtMs: number;
  /** What is still unfinished if the attempt could not be made. */
  readonly unfinished: UnfinishedAttempt | undefined;
}

/** Writes the outcomes of attempts and their consequences: bounces, and the follow-up of a finished message. */
export class Outcomes {
  readonly #options: OutcomesOptions;

  constructor(options: OutcomesOptions) {
    this.#options = options;
  }

  /** @returns whether the outcome is written */
  async record(message: QueuedMessage, destination: Destination, ended: EndedAttempt): Promise<boolean> {
    const { verdict, attempt, courier, unfinished } = ended;
    const { recipients, state, nextAttemptAtMs } = verdict;
    const followUp = await this.#followUp(message, ended);
    const bounces = isToBeTold(message, verdict) ? await this.bounces(message, verdict) : [];
    try {
      const besides = { courier, bounces, ...(followUp && { followUp }), ...(unfinished && { unfinished }) };
      const result = { attempt, recipients, state, nextAttemptAtMs, ...besides };
      const queued = await this.#options.store.record(message.id, result, destination.guard.lease);
      if (verdict.next) destination.deferToEnd(message.id);
      else if (state === 'queued') destination.defer(nextAttemptAtMs);
      for (const bounce of queued) this.bounceQueued(bounce, message);
      return true;
    } catch (error) {
      this.#unwritten(message, destination, courier, error);
      return false;
    }
  }

  /** A bounce that cannot be composed must not keep the failure from being recorded. Never rejects. */
  async bounces(message: QueuedMessage, verdict: Verdict): Promise<readonly Notice[]> {
    try {
      return await this.#options.bouncesFor(message, verdict);
    } catch (error) {
      this.#options.log.error({ error, id: message.id }, 'cannot queue a bounce');
      return [];
    }
  }

  bounceQueued(bounce: QueuedMessage, message: QueuedMessage): void {
    const to = bounce.envelope.recipients[0]?.address;
    this.#options.log.info({ id: bounce.id, for: message.id, to }, 'bounce queued');
    this.#options.observer?.noticeQueued(bounce);
    this.#options.onQueued(bounce);
  }

  /** Without a record the message is sent again, which is better than losing it. But not at once. */
  #unwritten({ id }: QueuedMessage, destination: Destination, courier: CourierKind, error: unknown): void {
    const { clock, log, backoff } = this.#options;
    if (isLeaseLost(error)) {
      log.warn({ id, destination: destination.key }, 'another instance delivers now: outcome not written');
      // Until the lease is lost here as well, or won again.
      destination.stop();
      return;
    }
    destination.inFlight.endUnwritten(id, courier, clock.now());
    log.error({ error, id }, 'queue: cannot save the outcome of an attempt');
    destination.lookAgain(clock.now() + backoff.baseMs);
  }

  /** The follow-up of a finished message, made while its outcome is written: after that its body may be gone. */
  async #followUp(message: QueuedMessage, { report, endedAtMs }: EndedAttempt): Promise<NewFollowUp | undefined> {
    const { followUps, log } = this.#options;
    if (!followUps || !report.recipients.some(({ outcome }) => outcome === 'delivered')) return undefined;
    try {
      const note = await followUps.noteFor(message);
      if (note === undefined) return undefined;
      const { connection, mailbox } = message;
      const times = report.copies === undefined ? {} : { times: report.copies };
      return { connection, mailbox, note, ...times, dueAtMs: endedAtMs + followUps.firstWaitMs };
    } catch (error) {
      log.error({ error, id: message.id }, 'queue: cannot save a follow-up');
      return undefined;
    }
  }
}

/** Most messages are delivered, and nobody asks for a report of that. */
function isToBeTold(message: QueuedMessage, { delivered, failed }: Verdict): boolean {
  const asks = (address: string) =>
    message.recipients.some((each) => each.address === address && each.dsn?.notify?.includes('SUCCESS'));
  return failed.length > 0 || delivered.some(({ address }) => asks(address));
}
