import { BridgeError } from '../base/errors.ts';
import { type DelayWarningOptions, DelayWarnings } from './attempts/delay-warnings.ts';
import type { BreakerView } from './breakers/breakers.ts';
import type { FollowUp } from './follow-ups/follow-up.ts';
import { FollowUps } from './follow-ups/follow-ups.ts';
import type { Admission, AdmissionRefused } from './limits/direct.ts';
import type { NewMessage, QueuedMessage } from './message.ts';
import { Scheduler } from './scheduler.ts';
import type { DirectSubmission, SchedulerOptions } from './scheduler-options.ts';
import type { Spool } from './store.ts';

export interface QueueOptions extends SchedulerOptions {
  /** Left out: no sender gets a warning before the message is given up. */
  readonly delayWarnings?: Pick<DelayWarningOptions, 'afterMs' | 'warningFor'>;
}

/** Mail that is accepted and not yet delivered, and the parts that deliver it. */
export class Queue {
  readonly #options: QueueOptions;
  readonly #scheduler: Scheduler;
  readonly #delayWarnings: DelayWarnings | undefined;
  readonly #followUps: FollowUps | undefined;
  #full = false;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#scheduler = new Scheduler(options);
    const { delayWarnings, followUps } = options;
    const isFinished = (id: string) => this.#scheduler.isFinished(id);
    const isOurs = (destination: string) => this.#scheduler.isOurs(destination);
    this.#followUps = followUps && new FollowUps({ ...options, ...followUps, isFinished, isOurs });
    this.#delayWarnings =
      delayWarnings &&
      new DelayWarnings({
        ...options,
        ...delayWarnings,
        isOurs,
        warningFor: (message) => delayWarnings.warningFor(this.#scheduler.withReason(message)),
        onQueued: (warning) => {
          options.observer?.noticeQueued(warning);
          this.#scheduler.accepted(warning);
        },
      });
  }

  /** Resumes what an earlier run left. */
  start(): void {
    this.#scheduler.start();
    this.#delayWarnings?.start();
    this.#followUps?.start();
  }

  /**
   * Checks that a message of this size would be accepted now.
   * @throws BridgeError `queue-full`, `queue-unreachable`
   */
  async assertRoom(octets: number): Promise<void> {
    try {
      await this.#options.store.assertRoom(octets);
    } catch (error) {
      throw this.#noticeFull(error);
    }
    if (!this.#full) return;
    this.#full = false;
    this.#options.log.warn('queue: there is room again; mail is accepted');
  }

  /** Begins to accept a message; its delivery begins as soon as the commit is durable. */
  spool(): Spool {
    const spool = this.#options.store.spool();
    return {
      id: spool.id,
      get size() {
        return spool.size;
      },
      write: (chunk) => spool.write(chunk)?.catch((error: unknown) => Promise.reject(this.#noticeFull(error))),
      open: () => spool.open(),
      discard: () => spool.discard(),
      commit: async (message: NewMessage): Promise<QueuedMessage> => {
        const queued = await spool.commit(message).catch((error: unknown) => Promise.reject(this.#noticeFull(error)));
        this.#options.observer?.accepted(queued);
        this.#scheduler.accepted(queued);
        return queued;
      },
    };
  }

  /**
   * Asks for a permit within the limits of a mailbox, for a delivery outside the queue: one attempt while a client
   * waits. Such attempts go before queued messages and count against the limits like them.
   * @param patienceMs how long to wait for a permit; 0: it has to be free now. If it is clear that no permit will be
   * free in time, the answer comes at once
   * @returns an admission, whose `ended` has to be called; or the time after which another try is worthwhile, for a
   * reply 451
   */
  admit(delivery: DirectSubmission, patienceMs: number): Promise<Admission | AdmissionRefused> {
    return this.#scheduler.admit(delivery, patienceMs);
  }

  /**
   * Records the follow-up of a message that was delivered while its client waited.
   * @param times how many times it has to be done; undefined if unknown
   */
  async follow(message: Pick<FollowUp, 'id' | 'connection' | 'mailbox' | 'note'>, times?: number): Promise<void> {
    const { followUps, store, clock } = this.#options;
    if (!followUps) return;
    const now = clock.now();
    const { id, ...rest } = message;
    const dueAtMs = now + followUps.firstWaitMs;
    await store.addFollowUp(id, { ...rest, ...(times === undefined ? {} : { times }), dueAtMs }, now);
  }

  /** Connections in trouble, whose mail is held back. */
  breakers(): readonly BreakerView[] {
    return this.#scheduler.breakers();
  }

  /** Tries waiting mail again because settings have changed. Never rejects. */
  async retryNow(): Promise<void> {
    await this.#scheduler.retryNow();
  }

  /** Takes up changes made by an administrator in this process: the store only reports other processes. */
  administered(): void {
    this.#scheduler.administered();
  }

  /** Waits up to `graceMs` for attempts under way, then aborts them; the rest stays for the next run. */
  async stop(graceMs: number): Promise<void> {
    await this.#followUps?.stop();
    await this.#scheduler.stop(graceMs);
    await this.#delayWarnings?.stop();
    await this.#options.store.close();
  }

  /** Logged once, when it begins: otherwise every client would log it again. */
  #noticeFull(error: unknown): unknown {
    if (error instanceof BridgeError && error.code === 'queue-full' && !this.#full) {
      this.#full = true;
      this.#options.log.error({ code: error.code }, `queue: cannot accept mail: ${error.message} ${error.remedy}`);
    }
    return error;
  }
}
