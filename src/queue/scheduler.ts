import type { Clock } from '../base/clock.ts';
import { errorCatalogue } from '../base/error-catalogue.ts';
import { BridgeError, errorText } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { CourierKind } from '../message/courier-kind.ts';
import type { DeliveryReport, OutgoingMessage, RecipientOutcome } from '../message/delivery.ts';
import { AttemptLog } from './attempts/attempt-log.ts';
import type { BackoffOptions } from './attempts/backoff.ts';
import { InFlight } from './attempts/in-flight.ts';
import { type InFlightJournal, noJournal } from './attempts/in-flight-journal.ts';
import { judge, type Verdict } from './attempts/verdict.ts';
import { Breakers, type BreakerView, type ProbeConnection } from './breakers/breakers.ts';
import { BreakerExpiry } from './breakers/expiry.ts';
import { ClockWatch, wasSetBack } from './clock-watch.ts';
import type { Courier, CourierTable } from './courier.ts';
import { Destination, type DestinationEffect } from './destination.ts';
import { DestinationLimits } from './limits/destinations.ts';
import type { Admission, AdmissionRefused } from './limits/direct.ts';
import { dayMs, type IsInternal, type OneLogin, type QueueLimits } from './limits/limits.ts';
import {
  type AttemptRecord,
  destinationOf,
  type NewMessage,
  type QueuedMessage,
  type QueuedRecipient,
} from './message.ts';
import type { QueueStore } from './store.ts';

export interface SchedulerOptions {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: QueueLimits;
  readonly couriers: CourierTable;
  /** Default: every recipient counts as external. */
  readonly isInternal?: IsInternal;
  /** Default: each mailbox logs in itself. */
  readonly oneLogin?: OneLogin;
  readonly backoff: BackoffOptions;
  /** How long messages that are finished stay in the queue: without their body, and with it. */
  readonly retain: { readonly deliveredMs: number; readonly failedMs: number };
  /** Which messages an earlier run was sending when it died. */
  readonly journal?: InFlightJournal;
  /** The courier for a message; undefined when the configuration no longer has one: the message then waits. */
  courierFor(message: QueuedMessage): Courier | undefined;
  /** Asks whether the trouble of a connection is over; default: only attempts show that. */
  readonly probe?: ProbeConnection;
  /** 0 to below 1; default `Math.random`. */
  readonly random?: () => number;
  /** Composes the notification to the sender; undefined where there is nobody to tell. */
  bounceFor(
    message: QueuedMessage,
    verdict: Verdict,
  ): Promise<{ readonly message: NewMessage; readonly content: Buffer } | undefined>;
}

/** A delivery while a client waits, which the queue does not hold. */
export interface DirectSubmission {
  readonly connection: string;
  readonly mailbox: string;
  readonly courier: CourierKind;
  /** Addresses. */
  readonly recipients: readonly string[];
}

const watchMs = 1000;
const expireEveryMs = 60_000;
const purgeEveryMs = 60 * 60 * 1000;
const stoppingRetryMs = 60_000;
const shortestRetryMs = 1000;

/**
 * Takes messages from the queue to their couriers: each destination on its own, within Microsoft's limits, so that a
 * mailbox in trouble holds up nobody else.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #destinations = new Map<string, Destination>();
  readonly #limits: DestinationLimits;
  readonly #attempts = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  readonly #inFlight: InFlight;
  readonly #cancelTimers: (() => void)[] = [];
  readonly #clockWatch: ClockWatch;
  readonly #attemptLog: AttemptLog;
  readonly #breakers: Breakers;
  readonly #expiry: BreakerExpiry;
  #foreignChanges = 0;
  #running = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#limits = new DestinationLimits(options);
    this.#inFlight = new InFlight(options.journal ?? noJournal, options.clock.now());
    this.#clockWatch = new ClockWatch(options.clock);
    this.#attemptLog = new AttemptLog(options.log, options.clock);
    this.#breakers = new Breakers({
      ...options,
      onRoom: (connection) => this.#room(connection),
      onOpen: (connection, couriers) =>
        this.#eachDestination(connection, (destination) => {
          for (const courier of couriers) destination.refuseDirect(courier);
        }),
      onOver: (connection, { code }) =>
        this.#eachDestination(connection, (destination) => destination.troubleOver(code)),
    });
    this.#expiry = new BreakerExpiry({
      ...options,
      breakers: this.#breakers,
      isUnderWay: (message) => this.#destination(destinationOf(message)).isUnderWay(message.id),
      attemptLog: this.#attemptLog,
      bounce: (message, verdict) => this.#bounce(message, verdict),
      onQueued: (bounce, message) => this.#bounceQueued(bounce, message),
    });
  }

  /** Resumes whatever the queue holds, and goes on until {@link stop}. */
  start(): void {
    this.#running = true;
    if (wasSetBack(this.#options.store, this.#options.clock.now())) this.#clockWasSetBack();
    this.#foreignChanges = this.#options.store.foreignChanges();
    this.#breakers.start();
    for (const { destination } of this.#options.store.destinations()) this.#destination(destination).wake();
    this.#clockWatch.look(0);
    this.#every(watchMs, () => {
      this.#lookAtClock();
      this.#lookForForeignChanges();
    });
    this.#every(expireEveryMs, () => void this.#expiry.look());
    this.#every(purgeEveryMs, () => {
      const { clock, store, retain, log } = this.#options;
      const now = clock.now();
      this.#forgetDeleted();
      store
        .purge({ deliveredMs: now - retain.deliveredMs, failedMs: now - retain.failedMs })
        .then(() => store.purgeCounts(now - 2 * dayMs))
        .catch((error: unknown) => log.error({ error }, 'queue: cannot purge'));
    });
  }

  /** A message has just been accepted. */
  accepted(message: QueuedMessage): void {
    if (this.#running) this.#destination(destinationOf(message)).accepted(message);
  }

  /** See {@link Queue.admit}. */
  async admit(delivery: DirectSubmission, patienceMs: number): Promise<Admission | AdmissionRefused> {
    if (!this.#running) return { admitted: false, retryAfterMs: stoppingRetryMs };
    const gate = this.#breakers.gate(delivery.connection);
    const destination = this.#destination(destinationOf(delivery));
    const open = gate.mayStart(delivery.courier) ? undefined : gate.open(delivery.courier);
    // Where the trouble may be other mailboxes' alone, this one waits to be the next probe.
    if (open && (open.trouble.isSure || destination.metTrouble)) {
      const retryAfterMs = Math.max(shortestRetryMs, open.nextProbeAtMs - this.#options.clock.now());
      return { admitted: false, retryAfterMs, trouble: open.trouble };
    }
    return await destination.admit(delivery, patienceMs);
  }

  /** Connections in trouble. */
  breakers(): readonly BreakerView[] {
    return this.#breakers.view();
  }

  /** A message as it should be told of to its sender: what the connection is in trouble for is why it waits. */
  withReason(message: QueuedMessage): QueuedMessage {
    const trouble = this.#breakers.gate(message.connection).open(message.courier)?.trouble;
    if (!trouble) return message;
    const { outcome, code, text, remedy } = trouble;
    const last = { outcome, code, text, ...(remedy === undefined ? {} : { remedy }) };
    return { ...message, recipients: message.recipients.map((each) => (each.last ? each : { ...each, last })) };
  }

  /**
   * Makes everything due now, and probes what is in trouble. What Microsoft has asked a mailbox to wait for
   * (`Retry-After`) goes on waiting. Never rejects.
   */
  async retryNow(): Promise<void> {
    const { store, clock } = this.#options;
    this.#breakers.probeNow();
    try {
      await store.hasten(clock.now());
      for (const { destination } of store.destinations()) this.#destination(destination).reload();
    } catch (error) {
      this.#storeFailure(error);
    }
  }

  /** Starts nothing more; waits for what is under way, and after `graceMs` breaks it off. */
  async stop(graceMs: number): Promise<void> {
    this.#running = false;
    for (const cancel of this.#cancelTimers) cancel();
    for (const destination of this.#destinations.values()) destination.stop();
    await this.#expiry.stop();
    const cut = setTimeout(() => this.#abort.abort(), graceMs);
    await Promise.allSettled([...this.#attempts]);
    clearTimeout(cut);
    await this.#breakers.stop();
    this.#inFlight.close();
  }

  /** First those that have met no trouble: mailboxes with trouble of their own must not keep others from their turn. */
  #room(connection: string): void {
    const troubled: Destination[] = [];
    this.#eachDestination(connection, (destination) =>
      destination.metTrouble ? troubled.push(destination) : destination.wake(),
    );
    for (const destination of troubled) destination.wake();
  }

  #eachDestination(connection: string, call: (destination: Destination) => void): void {
    for (const destination of this.#destinations.values()) if (destination.connection === connection) call(destination);
  }

  #destination(key: string): Destination {
    let destination = this.#destinations.get(key);
    if (!destination) {
      const parts = this.#limits.of(key);
      destination = new Destination({
        ...parts,
        gate: this.#breakers.gate(parts.connection),
        store: this.#options.store,
        clock: this.#options.clock,
        adminPauseMs: this.#options.backoff.baseMs,
        deliver: (message) => this.#run(message),
        onFailure: (error) => this.#storeFailure(error),
        onPause: (pause) => this.#attemptLog.paused(pause),
      });
      this.#destinations.set(key, destination);
      this.#limits.opened(key, destination);
    }
    return destination;
  }

  #run(message: QueuedMessage): void {
    const destination = this.#destination(destinationOf(message));
    const attempt = this.#deliver(message, destination)
      .catch((error: unknown) => {
        this.#storeFailure(error);
        destination.lookAgain(this.#options.clock.now() + this.#options.backoff.baseMs);
      })
      .then(() => {
        this.#attempts.delete(attempt);
        destination.finished(message);
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

  #forgetDeleted(): void {
    const { store } = this.#options;
    const isThere = (id: string) => {
      const state = store.get(id)?.state;
      return state !== undefined && state !== 'delivered';
    };
    try {
      this.#inFlight.prune(isThere);
    } catch (error) {
      this.#storeFailure(error);
    }
  }

  #lookAtClock(): void {
    const setMs = this.#clockWatch.look(watchMs);
    if (setMs !== 0) this.#expiry.clockWasSet();
    if (setMs < 0) this.#clockWasSetBack();
    // Timers know nothing of it.
    else if (setMs > 0) for (const destination of this.#destinations.values()) destination.wake();
  }

  /** Every time in the queue lies too far ahead by now. What waits is tried instead. */
  #clockWasSetBack(): void {
    this.#options.log.warn('the clock was set back: everything in the queue is due now');
    this.#attemptLog.clockWasSetBack();
    for (const destination of this.#destinations.values()) destination.clockWasSetBack();
    void this.retryNow();
  }

  #lookForForeignChanges(): void {
    try {
      const changes = this.#options.store.foreignChanges();
      if (changes === this.#foreignChanges) return;
      this.#foreignChanges = changes;
      this.#breakers.probeNow();
      for (const { destination } of this.#options.store.destinations()) this.#destination(destination).reload();
    } catch (error) {
      this.#storeFailure(error);
    }
  }

  #storeFailure(error: unknown): void {
    this.#options.log.error({ error }, 'queue: the store cannot be read or written');
  }

  async #deliver(message: QueuedMessage, destination: Destination): Promise<void> {
    const { store, clock, backoff } = this.#options;
    // What the destination knew may be old: an administrator may have held or deleted it since.
    const current = store.get(message.id);
    if (current?.state !== 'queued' || this.#expiry.isGivingUp(current.id)) return;
    const startedAtMs = clock.now();
    this.#inFlight.begin(current.id);
    const courier = this.#options.courierFor(current);
    const report = courier ? await this.#attempt(current, courier) : withoutCourier(current);
    if (report === 'no-body') return this.#setAside(current);
    const endedAtMs = clock.now();
    const effect = destination.ended(current.id, startedAtMs, report);
    const { trouble: _, ...own } = report;
    const judged = effect.isConnections ? report : own;
    const verdict = judge(current, judged, endedAtMs, backoff);
    if (showsTroubleAlone(effect, verdict)) return this.#notAttempted(current, destination);
    this.#attemptLog.attempted(current, judged, verdict, endedAtMs - startedAtMs);
    if (!effect.isConnections) this.#limits.ended(current, startedAtMs, judged);
    const attempt: AttemptRecord = {
      startedAtMs,
      durationMs: endedAtMs - startedAtMs,
      ...(report.upstreamId === undefined ? {} : { upstreamId: report.upstreamId }),
      externalDelivered: effect.external,
      outcomes: report.recipients,
    };
    if (!(await this.#recorded(current, destination, attempt, verdict))) return;
    if (courier) this.#inFlight.end(current.id, report, endedAtMs);
    else this.#inFlight.endUnmade(current);
  }

  /** A probe that failed: the message is as it was, and the store need not know. The next one is another mailbox's. */
  #notAttempted(message: QueuedMessage, destination: Destination): void {
    this.#inFlight.endUnmade(message);
    destination.stillDue();
    const key = destinationOf(message);
    this.#destinations.delete(key);
    this.#destinations.set(key, destination);
  }

  /** @returns whether the outcome could be written */
  async #recorded(
    message: QueuedMessage,
    destination: Destination,
    attempt: AttemptRecord,
    verdict: Verdict,
  ): Promise<boolean> {
    const { store, clock, log, backoff } = this.#options;
    const { recipients, state, nextAttemptAtMs } = verdict;
    const bounce = isToBeTold(message, verdict) ? await this.#bounce(message, verdict) : undefined;
    try {
      const result = { attempt, recipients, state, nextAttemptAtMs, ...(bounce ? { bounce } : {}) };
      const queued = await store.record(message.id, result);
      if (state === 'queued') destination.defer(nextAttemptAtMs);
      if (queued) this.#bounceQueued(queued, message);
      return true;
    } catch (error) {
      // Without a record the message will go out again; better that than to lose it. Not at once, though.
      this.#inFlight.endUnwritten(message.id, clock.now());
      log.error({ error, id: message.id }, 'queue: cannot save the outcome of an attempt');
      destination.lookAgain(clock.now() + backoff.baseMs);
      return false;
    }
  }

  #bounceQueued(bounce: QueuedMessage, message: QueuedMessage): void {
    const to = bounce.envelope.recipients[0]?.address;
    this.#options.log.info({ id: bounce.id, for: message.id, to }, 'bounce queued');
    this.accepted(bounce);
  }

  /** The notification to the sender. That it cannot be composed must not keep the failure from being recorded. */
  async #bounce(message: QueuedMessage, verdict: Verdict) {
    try {
      return await this.#options.bounceFor(message, verdict);
    } catch (error) {
      this.#options.log.error({ error, id: message.id }, 'cannot queue a bounce');
      return undefined;
    }
  }

  /** A message whose body is gone: no attempt would help it, and it must hold up no other. */
  async #setAside(message: QueuedMessage): Promise<void> {
    const { id, mailbox } = message;
    const { store, log } = this.#options;
    const { cause, remedy } = errorCatalogue['queue-body-missing'];
    log.error({ id, mailbox, code: 'queue-body-missing' }, `message ${id} is quarantined: ${cause} ${remedy}`);
    await store.quarantine(id, cause);
    this.#inFlight.endUnmade(message);
  }

  /** One attempt; every failure becomes a report, but for a body that is not there any more. */
  async #attempt(message: QueuedMessage, courier: Courier): Promise<DeliveryReport | 'no-body'> {
    const ambiguous = this.#inFlight.ambiguousAttemptOf(message, this.#options.clock.now());
    let isBodyMissing = false;
    const outgoing: OutgoingMessage = {
      id: message.id,
      mailbox: message.mailbox,
      envelope: {
        ...message.envelope,
        recipients: pendingOf(message).map(({ address, dsn }) => (dsn ? { address, dsn } : { address })),
      },
      size: message.size,
      receivedAtMs: message.receivedAtMs,
      ...(ambiguous && { ambiguous }),
      open: () => {
        try {
          return this.#options.store.open(message.id);
        } catch (error) {
          isBodyMissing = error instanceof BridgeError && error.code === 'queue-body-missing';
          throw error;
        }
      },
    };
    const report = await this.#delivered(courier, message, outgoing);
    const isDelivered = report.recipients.some(({ outcome }) => outcome === 'delivered');
    return isBodyMissing && !isDelivered ? 'no-body' : report;
  }

  async #delivered(courier: Courier, message: QueuedMessage, outgoing: OutgoingMessage): Promise<DeliveryReport> {
    try {
      return await courier.deliver(outgoing, this.#abort.signal);
    } catch (error) {
      this.#options.log.error({ error, id: message.id }, 'delivery attempt failed unexpectedly');
      return reportForPending(message, { outcome: 'temporary', code: 'internal', text: errorText(error) });
    }
  }
}

function pendingOf({ recipients }: QueuedMessage): QueuedRecipient[] {
  return recipients.filter((each) => each.state === 'pending');
}

function reportForPending(message: QueuedMessage, outcome: Omit<RecipientOutcome, 'address'>): DeliveryReport {
  return { recipients: pendingOf(message).map(({ address }) => ({ address, ...outcome })) };
}

function withoutCourier(message: QueuedMessage): DeliveryReport {
  return reportForPending(message, {
    outcome: 'needs-admin',
    code: 'connection-gone',
    text: `The configuration has no connection ${message.connection} any more to send as ${message.mailbox}.`,
  });
}

/** An attempt that was a probe and told nothing but that the trouble goes on. */
function showsTroubleAlone(
  { isProbe, isConnections }: DestinationEffect,
  { state, delivered, failed }: Verdict,
): boolean {
  return isProbe && isConnections && state === 'queued' && delivered.length === 0 && failed.length === 0;
}

/** Most messages are delivered, and nobody asks to hear of that. */
function isToBeTold(message: QueuedMessage, { delivered, failed }: Verdict): boolean {
  const asks = (address: string) =>
    message.recipients.some((each) => each.address === address && each.dsn?.notify?.includes('SUCCESS'));
  return failed.length > 0 || delivered.some(({ address }) => asks(address));
}
