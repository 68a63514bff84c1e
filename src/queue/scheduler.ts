import { BridgeError } from '../base/errors.ts';
import { AttemptLog } from './attempts/attempt-log.ts';
import { Attempts } from './attempts/attempts.ts';
import { InFlight } from './attempts/in-flight.ts';
import { Outcomes } from './attempts/outcomes.ts';
import type { Breakers, BreakerView } from './breakers/breakers.ts';
import { BreakerExpiry } from './breakers/expiry.ts';
import { breakersOf } from './breakers/of-destinations.ts';
import { couriersFor, type MessageCouriers } from './choice/choose.ts';
import { FailoverLog } from './choice/failover-log.ts';
import { wasSetBack } from './clock-watch.ts';
import { Destination } from './destination.ts';
import { DirectAdmission } from './direct-admission.ts';
import { LeaseChanges } from './lease-changes.ts';
import { DestinationLimits, type DestinationParts } from './limits/destinations.ts';
import type { Admission, AdmissionRefused } from './limits/direct.ts';
import { MailWatch } from './mail-watch.ts';
import { destinationOf, type QueuedMessage } from './message.ts';
import { OpenDestinations } from './open-destinations.ts';
import type { Lease } from './ownership/lease.ts';
import { LeaseGuard } from './ownership/lease-guard.ts';
import { type Ownership, soleOwnership } from './ownership/ownership.ts';
import type { DirectSubmission, SchedulerOptions } from './scheduler-options.ts';
import { Upkeep } from './upkeep.ts';

const stoppingRetryMs = 60_000;
const startAgainMs = 1000;

/** For messages whose destinations are not open. */
const nothingKnown = new InFlight();

/**
 * Takes messages from the queue to their couriers: each destination separately, within Microsoft's limits, so that a
 * mailbox in trouble holds up nobody else. If several instances share the queue, each destination belongs to one at a
 * time.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #ownership: Ownership;
  readonly #limits: DestinationLimits;
  readonly #destinations: OpenDestinations;
  readonly #leases: LeaseChanges;
  readonly #attempts: Attempts;
  readonly #outcomes: Outcomes;
  readonly #attemptLog: AttemptLog;
  readonly #breakers: Breakers;
  readonly #expiry: BreakerExpiry;
  readonly #direct: DirectAdmission;
  readonly #upkeep: Upkeep;
  readonly #mailWatch: MailWatch;
  #isRunning = false;

  constructor(options: SchedulerOptions) {
    const { clock, log } = options;
    const onFailure = (error: unknown) => this.#storeFailure(error);
    this.#options = options;
    this.#ownership = options.ownership ?? soleOwnership(clock.now());
    this.#limits = new DestinationLimits(options);
    this.#attemptLog = new AttemptLog(log, clock, options.observer);
    this.#destinations = new OpenDestinations({
      ...{ clock, limits: this.#limits, onFailure },
      leaseOf: (destination) => this.#leases.leaseOf(destination),
      make: (parts, lease) => this.#makeDestination(parts, lease),
    });
    this.#leases = new LeaseChanges(
      { ...options, ownership: this.#ownership, limits: this.#limits, lookForMail: () => this.#mailWatch.look() },
      this.#destinations,
    );
    this.#mailWatch = new MailWatch({
      ...{ store: options.store, clock, log, destinations: this.#destinations, ownership: this.#ownership, onFailure },
      leaseOf: (destination) => this.#leases.leaseOf(destination),
      onAdministered: () => this.administered(),
    });
    this.#outcomes = new Outcomes({ ...options, onQueued: (bounce) => this.accepted(bounce) });
    this.#breakers = breakersOf(this.#destinations, options);
    this.#expiry = this.#makeExpiry();
    this.#attempts = new Attempts({
      ...options,
      ...{ limits: this.#limits, attemptLog: this.#attemptLog, outcomes: this.#outcomes, onFailure },
      failoverLog: new FailoverLog(options),
      isGivingUp: (id) => this.#expiry.isGivingUp(id),
      onFailedProbe: (destination) => this.#destinations.toEnd(destination),
    });
    this.#direct = new DirectAdmission({
      ...{ clock, breakers: this.#breakers, destinations: this.#destinations, leases: this.#leases },
      ...{ mailWatch: this.#mailWatch, ownership: this.#ownership },
    });
    this.#upkeep = new Upkeep({
      ...options,
      destinations: this.#destinations,
      onClockSet: (byMs) => this.#clockWasSet(byMs),
      lookForExpired: () => void this.#expiry.look(),
    });
  }

  /** Resumes what the queue holds, and continues until {@link stop}. */
  start(): void {
    this.#isRunning = true;
    this.#mailWatch.start();
    this.#breakers.start();
    this.#upkeep.start();
    void this.#begin();
  }

  /** A message has just been accepted. */
  accepted(message: QueuedMessage): void {
    if (!this.#isRunning) return;
    const key = destinationOf(message);
    const destination = this.#leases.leaseOf(key) && this.#destinations.get(key);
    if (destination) destination.accepted(message);
    else this.#mailWatch.wanted(key);
  }

  /** See {@link Queue.admit}. */
  async admit(delivery: DirectSubmission, patienceMs: number): Promise<Admission | AdmissionRefused> {
    if (!this.#isRunning) return { admitted: false, retryAfterMs: stoppingRetryMs };
    return await this.#direct.admit(delivery, patienceMs);
  }

  /** Connections in trouble. */
  breakers(): readonly BreakerView[] {
    return this.#breakers.view();
  }

  /** Whether this instance delivers a destination. If not, it is offered to the others. */
  isOurs(destination: string): boolean {
    if (this.#leases.leaseOf(destination)) return true;
    this.#ownership.wanted(destination);
    return false;
  }

  /** A message as its sender should see it: if its connection is in trouble, that is the reason for the wait. */
  withReason(message: QueuedMessage): QueuedMessage {
    const { couriers } = this.#couriersOf(message);
    const opens = couriers.map((courier) => this.#breakers.gate(message.connection).open(courier));
    const trouble = opens.every(Boolean) ? opens[0]?.trouble : undefined;
    if (!trouble) return message;
    const { outcome, code, text, remedy } = trouble;
    const last = { outcome, code, text, ...(remedy === undefined ? {} : { remedy }) };
    return { ...message, recipients: message.recipients.map((each) => (each.last ? each : { ...each, last })) };
  }

  /**
   * Makes everything due now and probes what is in trouble. A wait that Microsoft has asked of a mailbox
   * (`Retry-After`) continues. Never rejects.
   */
  async retryNow(): Promise<void> {
    const { store, clock } = this.#options;
    this.#breakers.probeNow();
    try {
      await store.hasten(clock.now());
      this.#reload();
    } catch (error) {
      this.#storeFailure(error);
    }
  }

  /** Messages or their states were changed: nothing read before is valid. */
  administered(): void {
    this.#breakers.probeNow();
    this.#reload();
  }

  /**
   * Whether a message is finished, and nobody still has to find out whether an attempt has delivered it.
   * @throws what the store throws
   */
  async isFinished(id: string): Promise<boolean> {
    const message = await this.#options.store.get(id);
    if (message === undefined || message.state === 'delivered') return true;
    return message.state === 'failed' && !this.#inFlightOf(message).isUnclear(message);
  }

  /** Starts nothing more; waits for what is under way and aborts it after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#isRunning = false;
    this.#upkeep.stop();
    this.#mailWatch.stop();
    this.#destinations.stop();
    this.#ownership.retire();
    await this.#expiry.stop();
    await this.#endDeliveries(graceMs);
    await this.#breakers.stop();
    await this.#leases.closeSessions(this.#destinations.all());
    await this.#limits.stop();
    await this.#ownership.stop();
  }

  /** Waits until nothing is under way; after the grace time, deliveries that clients wait for are abandoned. */
  async #endDeliveries(graceMs: number): Promise<void> {
    const destinations = this.#destinations.all();
    let cut: NodeJS.Timeout | undefined;
    const isCut = new Promise<void>((resolve) => {
      cut = setTimeout(() => {
        for (const each of destinations) each.abort();
        resolve();
      }, graceMs);
    });
    await this.#attempts.ended();
    await Promise.race([isCut, Promise.all(destinations.map((each) => each.close()))]);
    clearTimeout(cut);
  }

  async #begin(): Promise<void> {
    const { store, clock } = this.#options;
    while (this.#isRunning) {
      try {
        await this.#ownership.start(this.#leases);
        break;
      } catch (error) {
        this.#storeFailure(error);
        await new Promise<void>((resolve) => clock.after(startAgainMs, resolve));
      }
    }
    if (!this.#isRunning) return;
    this.#mailWatch.look();
    try {
      if (await wasSetBack(store, clock.now())) this.#clockWasSetBack();
    } catch (error) {
      this.#storeFailure(error);
    }
  }

  #makeDestination(parts: DestinationParts, lease: Lease): Destination {
    const { store, clock, backoff, failoverAfterMs } = this.#options;
    const destination: Destination = new Destination({
      ...parts,
      ...{ store, clock, adminPauseMs: backoff.baseMs },
      gate: this.#breakers.gate(parts.connection),
      guard: new LeaseGuard(lease, this.#ownership),
      ...(failoverAfterMs !== undefined && { failoverAfterMs }),
      mayStart: () => this.#mailWatch.isReachable,
      couriersOf: (message) => this.#couriersOf(message),
      deliver: (message, choice, signal) => this.#attempts.begin(message, choice, destination, signal),
      onFailure: (error) => this.#storeFailure(error),
      onPause: (pause) => this.#attemptLog.paused(pause),
    });
    return destination;
  }

  #makeExpiry(): BreakerExpiry {
    return new BreakerExpiry({
      ...this.#options,
      breakers: this.#breakers,
      leaseOf: (message) => this.#leases.leaseOf(destinationOf(message)),
      couriersOf: (message) => this.#couriersOf(message).couriers,
      isUnderWay: (message) => this.#destinations.get(destinationOf(message))?.isUnderWay(message.id) === true,
      attemptLog: this.#attemptLog,
      bounces: (message, verdict) => this.#outcomes.bounces(message, verdict),
      onQueued: (bounce, message) => this.#outcomes.bounceQueued(bounce, message),
    });
  }

  #couriersOf(message: QueuedMessage): MessageCouriers {
    const order = this.#options.couriersOf?.(message) ?? [message.courier];
    const { recipients, id } = message;
    const inFlight = this.#inFlightOf(message);
    const isOthers = order.length > 1 || order[0] !== message.courier;
    const ambiguousBy = isOthers ? inFlight.ambiguousBy(message) : undefined;
    return couriersFor(order, { recipients, ambiguousBy, stays: inFlight.stays(id) });
  }

  #inFlightOf(message: QueuedMessage): InFlight {
    return this.#destinations.get(destinationOf(message))?.inFlight ?? nothingKnown;
  }

  #clockWasSet(byMs: number): void {
    this.#expiry.clockWasSet();
    if (byMs < 0) this.#clockWasSetBack();
    // Timers do not know about the change.
    else for (const destination of this.#destinations.all()) destination.wake();
  }

  /** All times in the queue now lie too far in the future. Waiting mail is tried instead. */
  #clockWasSetBack(): void {
    this.#options.log.warn('the clock was set back: everything in the queue is due now');
    this.#attemptLog.clockWasSetBack();
    for (const destination of this.#destinations.all()) destination.clockWasSetBack();
    void this.retryNow();
  }

  /** Includes those without queued mail: one of their couriers may wait for an administrator. */
  #reload(): void {
    for (const destination of this.#destinations.all()) destination.reload();
    this.#mailWatch.look();
  }

  #storeFailure(error: unknown): void {
    // It has already been logged once.
    const code = error instanceof BridgeError ? error.code : undefined;
    if (!this.#mailWatch.isReachable && code === 'queue-unreachable') return;
    this.#options.log.error({ error }, 'queue: cannot read or write the store');
  }
}
