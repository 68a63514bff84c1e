import type { Clock } from '../base/clock.ts';
import { errorCatalogue } from '../base/error-catalogue.ts';
import { errorText } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { DeliveryReport, OutgoingMessage } from '../message/delivery.ts';
import type { BackoffOptions } from './backoff.ts';
import type { Courier } from './courier.ts';
import { Lane, type LaneLimits } from './lane.ts';
import { laneOf, type NewMessage, type QueuedMessage } from './message.ts';
import type { QueueStore } from './store.ts';
import { judge, type Verdict } from './verdict.ts';

export interface SchedulerOptions {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: LaneLimits;
  readonly backoff: BackoffOptions;
  /** Finished messages are forgotten after this long. */
  readonly retainFinishedMs: number;
  /** The courier for a message; undefined when the configuration no longer has one: the message then waits. */
  courierFor(message: QueuedMessage): Courier | undefined;
  /** Composes the notification to the sender; undefined where there is nobody to tell. */
  bounceFor(
    message: QueuedMessage,
    verdict: Verdict,
  ): Promise<{ readonly message: NewMessage; readonly content: Buffer } | undefined>;
}

const watchForeignChangesMs = 1000;
const purgeEveryMs = 60 * 60 * 1000;
const adminReminderMs = 10 * 60 * 1000;
const longestAdminPauseMs = 15 * 60 * 1000;

/**
 * Takes messages from the queue to their couriers: each mailbox in a lane of its own, within its rate and
 * concurrency, so that a mailbox in trouble holds up nobody else.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #attempts = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  readonly #cancelTimers: (() => void)[] = [];
  #foreignChanges = 0;
  #running = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Resumes whatever the queue holds, and goes on until {@link stop}. */
  start(): void {
    this.#running = true;
    this.#foreignChanges = this.#options.store.foreignChanges();
    for (const { lane } of this.#options.store.lanes()) this.#lane(lane).wake();
    this.#every(watchForeignChangesMs, () => this.#lookForForeignChanges());
    this.#every(purgeEveryMs, () => {
      const { clock, store, retainFinishedMs, log } = this.#options;
      store
        .purge(clock.now() - retainFinishedMs)
        .catch((error: unknown) => log.error({ error }, 'queue: cannot purge'));
    });
  }

  /** A message has just been accepted. */
  accepted(message: QueuedMessage): void {
    if (this.#running) this.#lane(laneOf(message)).accepted(message);
  }

  /** Makes everything due now. What Microsoft has asked to wait for (`Retry-After`) goes on waiting. */
  async retryNow(): Promise<void> {
    const { store, clock } = this.#options;
    try {
      await store.release({ states: ['queued'] }, clock.now());
      for (const { lane } of store.lanes()) this.#lane(lane).reload();
    } catch (error) {
      this.#storeFailure(error);
    }
  }

  /** Starts nothing more; waits for what is under way, and after `graceMs` breaks it off. */
  async stop(graceMs: number): Promise<void> {
    this.#running = false;
    for (const cancel of this.#cancelTimers) cancel();
    for (const lane of this.#lanes.values()) lane.stop();
    const cut = setTimeout(() => this.#abort.abort(), graceMs);
    await Promise.allSettled([...this.#attempts]);
    clearTimeout(cut);
  }

  #lane(key: string): Lane {
    let lane = this.#lanes.get(key);
    if (!lane) {
      const { store, clock, limits } = this.#options;
      lane = new Lane({
        key,
        store,
        clock,
        limits,
        deliver: (message) => this.#run(message),
        onFailure: (error) => this.#storeFailure(error),
      });
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  #run(message: QueuedMessage): void {
    const lane = this.#lane(laneOf(message));
    const attempt = this.#deliver(message, lane)
      .catch((error: unknown) => {
        this.#storeFailure(error);
        lane.lookAgain(this.#options.clock.now() + this.#options.backoff.baseMs);
      })
      .then(() => {
        this.#attempts.delete(attempt);
        lane.finished(message);
      });
    this.#attempts.add(attempt);
  }

  #every(intervalMs: number, callback: () => void): void {
    const index = this.#cancelTimers.length;
    const arm = () => {
      this.#cancelTimers[index] = this.#options.clock.after(intervalMs, () => {
        callback();
        if (this.#running) arm();
      });
    };
    arm();
  }

  #lookForForeignChanges(): void {
    try {
      const changes = this.#options.store.foreignChanges();
      if (changes === this.#foreignChanges) return;
      this.#foreignChanges = changes;
      for (const { lane } of this.#options.store.lanes()) this.#lane(lane).reload();
    } catch (error) {
      this.#storeFailure(error);
    }
  }

  #storeFailure(error: unknown): void {
    this.#options.log.error({ error }, 'queue: the store cannot be read or written');
  }

  async #deliver(message: QueuedMessage, lane: Lane): Promise<void> {
    const { store, clock, log, backoff } = this.#options;
    // What the lane knew may be old: an administrator may have held or deleted it since.
    const current = store.get(message.id);
    if (current?.state !== 'queued') return;
    if (!(await this.#hasBody(current))) return;
    const startedAtMs = clock.now();
    const report = await this.#attempt(current);
    const endedAtMs = clock.now();
    const verdict = judge(current, report, endedAtMs, backoff);
    this.#report(current, report, verdict, endedAtMs - startedAtMs);
    this.#pause(lane, report, verdict);
    const bounce = verdict.failed.length > 0 ? await this.#bounce(current, verdict) : undefined;
    try {
      const queued = await store.record(current.id, {
        attempt: {
          startedAtMs,
          durationMs: endedAtMs - startedAtMs,
          ...(report.upstreamId === undefined ? {} : { upstreamId: report.upstreamId }),
          outcomes: report.recipients,
        },
        recipients: verdict.recipients,
        state: verdict.state,
        nextAttemptAtMs: verdict.nextAttemptAtMs,
        ...(bounce ? { bounce } : {}),
      });
      if (queued) {
        log.info({ id: queued.id, for: current.id, to: queued.envelope.recipients[0]?.address }, 'bounce queued');
        this.accepted(queued);
      }
    } catch (error) {
      // Without a record the message will go out again; better that than to lose it. Not at once, though.
      log.error({ error, id: current.id }, 'queue: the outcome of an attempt cannot be written');
      lane.lookAgain(clock.now() + backoff.baseMs);
    }
  }

  /** The notification to the sender. That it cannot be composed must not keep the failure from being recorded. */
  async #bounce(message: QueuedMessage, verdict: Verdict) {
    try {
      return await this.#options.bounceFor(message, verdict);
    } catch (error) {
      this.#options.log.error({ error, id: message.id }, 'the sender cannot be notified');
      return undefined;
    }
  }

  /** Sets a message aside whose body is gone: no attempt would help it, and it must hold up no other. */
  async #hasBody({ id, mailbox }: QueuedMessage): Promise<boolean> {
    const { store, log } = this.#options;
    if (store.hasBody(id)) return true;
    const { cause, remedy } = errorCatalogue['queue-body-missing'];
    log.error({ id, mailbox, code: 'queue-body-missing' }, `message ${id} is held: ${cause} ${remedy}`);
    await store.hold({ ids: [id] });
    return false;
  }

  /** One attempt; every failure, a missing courier included, becomes a report. */
  async #attempt(message: QueuedMessage): Promise<DeliveryReport> {
    const courier = this.#options.courierFor(message);
    const pending = message.recipients.filter((each) => each.state === 'pending');
    const outcomeOfAll = (outcome: 'temporary' | 'needs-admin' | 'permanent', code: string, text: string) => ({
      recipients: pending.map(({ address }) => ({ address, outcome, code, text })),
    });
    if (!courier) {
      return outcomeOfAll(
        'needs-admin',
        'connection-gone',
        `The configuration has no connection ${message.connection} any more to send as ${message.mailbox}.`,
      );
    }
    const outgoing: OutgoingMessage = {
      id: message.id,
      mailbox: message.mailbox,
      envelope: {
        ...message.envelope,
        recipients: pending.map(({ address, dsn }) => (dsn ? { address, dsn } : { address })),
      },
      size: message.size,
      open: () => this.#options.store.open(message.id),
    };
    try {
      return await courier.deliver(outgoing, this.#abort.signal);
    } catch (error) {
      this.#options.log.error({ error, id: message.id }, 'delivery attempt failed unexpectedly');
      return outcomeOfAll('temporary', 'internal', errorText(error));
    }
  }

  #pause(lane: Lane, report: DeliveryReport, verdict: Verdict): void {
    const now = this.#options.clock.now();
    if (verdict.needsAdmin) {
      // The next message would meet the same refusal; one try now and then is enough to notice the mend.
      lane.troubles++;
      const growing = Math.min(
        this.#options.backoff.baseMs * 2 ** Math.min(lane.troubles - 1, 20),
        longestAdminPauseMs,
      );
      lane.pause(now + Math.max(growing, report.pauseMailboxMs ?? 0));
      return;
    }
    if (report.recipients.some((each) => each.outcome === 'delivered')) lane.troubles = 0;
    if (report.pauseMailboxMs) lane.pause(now + report.pauseMailboxMs);
  }

  #report(message: QueuedMessage, report: DeliveryReport, verdict: Verdict, durationMs: number): void {
    const { log, clock } = this.#options;
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
      log.info({ ...fields, recipients: report.recipients.length }, 'delivered');
      return;
    }
    for (const { address, outcome, code, text, remedy } of refused) {
      const given = verdict.failed.some((each) => each.address === address);
      const retryAt = verdict.state === 'queued' ? { retryAt: new Date(verdict.nextAttemptAtMs).toISOString() } : {};
      const line = { ...fields, to: address, code, text, ...(remedy ? { remedy } : {}), ...(given ? {} : retryAt) };
      if (given) log.warn(line, outcome === 'permanent' ? 'refused for good' : 'given up: its time is over');
      else if (outcome === 'temporary') log.info(line, 'put off');
      else this.#remindAdmin(line, clock.now());
    }
  }

  readonly #reminded = new Map<string, number>();

  /** Loud, but once in ten minutes for each mailbox and cause, however many messages wait. */
  #remindAdmin(line: { mailbox: string; code: string; text: string; remedy?: string }, nowMs: number): void {
    const key = `${line.mailbox} ${line.code}`;
    const last = this.#reminded.get(key);
    if (last !== undefined && nowMs - last < adminReminderMs) {
      this.#options.log.info(line, 'put off: waits for an administrator');
      return;
    }
    this.#reminded.set(key, nowMs);
    const { text, remedy = '', ...facts } = line;
    this.#options.log.error(facts, `mail of ${line.mailbox} waits for an administrator: ${text} ${remedy}`.trimEnd());
  }
}
