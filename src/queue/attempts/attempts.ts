import type { Clock } from '../../base/clock.ts';
import { errorCatalogue } from '../../base/error-catalogue.ts';
import { BridgeError, errorText } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { AmbiguousAttempt, DeliveryReport } from '../../message/delivery.ts';
import { type Choice, recipientsFor } from '../choice/choose.ts';
import type { FailoverLog } from '../choice/failover-log.ts';
import type { Courier } from '../courier.ts';
import type { Destination } from '../destination.ts';
import type { DestinationEffect } from '../limits/attempt-permits.ts';
import type { DestinationLimits } from '../limits/destinations.ts';
import type { AttemptRecord, QueuedMessage } from '../message.ts';
import { isLeaseLost } from '../ownership/lease-guard.ts';
import type { QueueStore } from '../store.ts';
import type { AttemptLog } from './attempt-log.ts';
import type { BackoffOptions } from './backoff.ts';
import type { Outcomes } from './outcomes.ts';
import { reportForPending, withoutCourier, withoutLease } from './reports.ts';
import { judge, type Succession, type Verdict } from './verdict.ts';

export interface AttemptsOptions {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly backoff: BackoffOptions;
  readonly limits: DestinationLimits;
  readonly attemptLog: AttemptLog;
  readonly failoverLog: FailoverLog;
  readonly outcomes: Outcomes;
  /** The courier for a message; undefined if the configuration no longer has it: the message then waits. */
  courierFor(message: QueuedMessage): Courier | undefined;
  /** Whether a message is being failed right now. */
  isGivingUp(id: string): boolean;
  /** A probe attempt failed: the next probe is made for another mailbox. */
  onFailedProbe(destination: Destination): void;
  onFailure(error: unknown): void;
}

/** An attempt that has begun. */
interface Begun {
  /** The message before the attempt. */
  readonly stored: QueuedMessage;
  readonly choice: Choice;
  readonly destination: Destination;
  readonly signal: AbortSignal;
  readonly startedAtMs: number;
  readonly ambiguous: AmbiguousAttempt | undefined;
}

/** Makes attempts. Each is recorded in the store before any of it is sent, and so is its outcome. */
export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** Makes one attempt; {@link Destination.finished} is called when it has ended. */
  begin(message: QueuedMessage, choice: Choice, destination: Destination, signal: AbortSignal): void {
    const attempt = this.#deliver(message, choice, destination, signal)
      .catch((error: unknown) => this.#failed(message, destination, error))
      .then(() => {
        this.#underWay.delete(attempt);
        destination.finished(message);
      });
    this.#underWay.add(attempt);
  }

  /** Resolves when all attempts that are under way now have ended. */
  async ended(): Promise<void> {
    await Promise.allSettled([...this.#underWay]);
  }

  #failed({ id }: QueuedMessage, destination: Destination, error: unknown): void {
    const { clock, log, backoff, onFailure } = this.#options;
    if (isLeaseLost(error)) {
      log.warn({ id, destination: destination.key }, 'another instance delivers now: nothing more written');
      destination.stop();
      return;
    }
    onFailure(error);
    destination.lookAgain(clock.now() + backoff.baseMs);
  }

  async #deliver(message: QueuedMessage, choice: Choice, destination: Destination, signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#options;
    if (this.#options.isGivingUp(message.id)) return;
    const { lease } = destination.guard;
    const startedAtMs = clock.now();
    const ambiguousIn = (each: QueuedMessage) =>
      destination.inFlight.ambiguousAttemptOf(each, lease.sinceMs, clock.now());
    const courier = ambiguousIn(message)?.courier ?? choice.courier;
    // The destination's copy may be old: an administrator may have held or deleted the message since.
    const stored = await store.begin(message.id, { courier, startedAtMs }, lease);
    if (!stored) return;
    // The bridge stopped, or the lease was lost, while the beginning was written.
    if (signal.aborted && !destination.guard.isLost) {
      await store.cancelAttempt(stored.id, stored.unfinished, lease);
      return;
    }
    const begun = { stored, choice, destination, signal, startedAtMs, ambiguous: ambiguousIn(stored) };
    await this.#make(begun);
  }

  async #make(begun: Begun): Promise<void> {
    const { stored, choice, destination, ambiguous } = begun;
    const { failoverLog } = this.#options;
    const current = { ...stored, courier: choice.courier };
    if (destination.guard.isLost) return this.#lost(begun);
    failoverLog.chosen(current, choice);
    const courier = this.#options.courierFor(current);
    const report = courier ? await this.#attempt(current, courier, begun) : withoutCourier(current);
    if (destination.guard.isLost) return this.#lost(begun);
    if (report === 'no-body') {
      await this.#setAside(begun);
      return;
    }
    const isMade = courier !== undefined;
    const unfinished = isMade || !ambiguous ? undefined : unfinishedAs(ambiguous);
    await this.#end(begun, current, report, unfinished);
  }

  /** Another instance finds out what became of it. */
  #lost({ stored, destination }: Begun): void {
    const facts = { id: stored.id, destination: destination.key };
    this.#options.log.warn(facts, 'another instance delivers now: outcome of an attempt not written');
  }

  /** Judges an attempt and writes its outcome. */
  async #end(
    { stored, choice, destination, startedAtMs, ambiguous }: Begun,
    current: QueuedMessage,
    report: DeliveryReport,
    unfinished: QueuedMessage['unfinished'],
  ): Promise<void> {
    const { clock, backoff, attemptLog, failoverLog, limits, outcomes } = this.#options;
    const endedAtMs = clock.now();
    const effect = destination.ended(current.id, startedAtMs, report);
    const { trouble: _, ...own } = report;
    const judged = effect.isConnections ? report : own;
    const verdict = judge(current, judged, endedAtMs, backoff, successionOf(choice, effect));
    if (showsTroubleAlone(effect, verdict)) {
      await this.#notAttempted(stored, destination);
      return;
    }
    attemptLog.attempted(current, judged, verdict, endedAtMs - startedAtMs);
    if (verdict.delivered.length > 0) failoverLog.delivered(current, report.courier ?? choice.courier);
    if (!effect.isConnections) limits.ended(current, startedAtMs, judged);
    const attempt = { ...attemptRecord(choice, report, effect), startedAtMs, durationMs: endedAtMs - startedAtMs };
    const earlier = report.sentNothing ? (ambiguous?.courier ?? stored.courier) : report.staysWith;
    const ended = { attempt, report, verdict, courier: earlier ?? choice.courier, endedAtMs, unfinished };
    if (!(await outcomes.record(current, destination, ended)) || unfinished) return;
    destination.inFlight.end(current.id, report, endedAtMs);
  }

  /** A failed probe leaves the message as it was. The next probe is made for another mailbox. */
  async #notAttempted({ id, unfinished }: QueuedMessage, destination: Destination): Promise<void> {
    destination.stillDue();
    this.#options.onFailedProbe(destination);
    await this.#options.store.cancelAttempt(id, unfinished, destination.guard.lease);
  }

  /** The message's body is gone: no attempt would help, and it must not hold up others. */
  async #setAside({ stored, destination }: Begun): Promise<void> {
    const { id, mailbox, unfinished } = stored;
    const { store, log } = this.#options;
    const { cause, remedy } = errorCatalogue['queue-body-missing'];
    // If another instance delivers by now, the message is that instance's.
    await store.cancelAttempt(id, unfinished, destination.guard.lease);
    await store.quarantine(id, cause);
    log.error({ id, mailbox, code: 'queue-body-missing' }, `message ${id} is quarantined: ${cause} ${remedy}`);
  }

  /** Makes one attempt. Every failure becomes a report, except a missing body. */
  async #attempt(
    message: QueuedMessage,
    courier: Courier,
    { ambiguous, destination, signal }: Begun,
  ): Promise<DeliveryReport | 'no-body'> {
    let isBodyMissing = false;
    let isRefused = false;
    const { id, mailbox, size, receivedAtMs } = message;
    const recipients = recipientsFor(message.recipients, message.courier).map(({ address, dsn }) =>
      dsn ? { address, dsn } : { address },
    );
    const envelope = { ...message.envelope, recipients };
    const open = async () => {
      try {
        return await this.#options.store.open(id);
      } catch (error) {
        isBodyMissing = error instanceof BridgeError && error.code === 'queue-body-missing';
        throw error;
      }
    };
    const outgoing = destination.guard.guarded(
      { id, mailbox, envelope, size, receivedAtMs, ...(ambiguous && { ambiguous }) },
      open,
      () => {
        isRefused = true;
      },
    );
    try {
      const report = await courier.deliver(outgoing, signal);
      const isDelivered = report.recipients.some(({ outcome }) => outcome === 'delivered');
      if (isBodyMissing && !isDelivered) return 'no-body';
      return isRefused ? withoutLease(report) : report;
    } catch (error) {
      if (isBodyMissing) return 'no-body';
      this.#options.log.error({ error, id }, 'delivery attempt failed unexpectedly');
      return reportForPending(message, { outcome: 'temporary', code: 'internal', text: errorText(error) });
    }
  }
}

function unfinishedAs({ courier, overAtMs }: AmbiguousAttempt): QueuedMessage['unfinished'] {
  return { ...(courier && { courier }), startedAtMs: overAtMs };
}

function successionOf(
  { courier: used }: Choice,
  { couriers, next, nextAtMs }: DestinationEffect,
): Succession | undefined {
  return couriers && couriers.length > 1 ? { used, couriers, next, nextAtMs } : undefined;
}

/** What is kept of an attempt, except its time. */
function attemptRecord(
  { courier, passedOver }: Choice,
  report: DeliveryReport,
  { external }: DestinationEffect,
): Omit<AttemptRecord, 'startedAtMs' | 'durationMs'> {
  return {
    ...(report.upstreamId === undefined ? {} : { upstreamId: report.upstreamId }),
    externalDelivered: external,
    outcomes: report.recipients,
    courier: report.courier ?? courier,
    passedOver: passedOver.map(({ courier, obstacle: { code, text } }) => ({ courier, code, text })),
  };
}

/** Whether the attempt was a probe that showed only that the trouble continues. */
function showsTroubleAlone(
  { isProbe, isConnections }: DestinationEffect,
  { state, delivered, failed }: Verdict,
): boolean {
  return isProbe && isConnections && state === 'queued' && delivered.length === 0 && failed.length === 0;
}
