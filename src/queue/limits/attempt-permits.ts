import type { Clock } from '../../base/clock.ts';
import type { CourierKind, CourierOrder } from '../../message/courier-kind.ts';
import type { DeliveryReport } from '../../message/delivery.ts';
import type { BreakerPermit, ConnectionGate } from '../breakers/breakers.ts';
import type { MessageCouriers } from '../choice/choose.ts';
import { CourierChoice } from '../choice/courier-choice.ts';
import type { MailboxPauses } from '../choice/mailbox-pauses.ts';
import type { FairPermits, PermitTaker } from './fair-permits.ts';
import type { DestinationMeter, HeldPart, MeteredAttempt } from './meter.ts';

export interface AttemptPermitsOptions {
  /** The mailbox, without its connection. */
  readonly mailbox: string;
  readonly clock: Clock;
  readonly meter: DestinationMeter;
  readonly permits: FairPermits;
  readonly gate: ConnectionGate;
  readonly pauses: MailboxPauses;
  /** How long an outage of one courier lasts before another takes over. */
  readonly failoverAfterMs: number;
}

/** What an attempt under way holds. */
export interface AttemptPermit {
  readonly part: HeldPart;
  readonly breakers: BreakerPermit;
  readonly courier: CourierKind;
  /** The couriers it was chosen from. */
  readonly couriers: CourierOrder;
  /** Whether other mail of the account may use further couriers. */
  readonly isNarrowed: boolean;
  /** Aborts the attempt. */
  readonly abort: AbortController;
}

/** The effects of an attempt apart from those on its message. */
export interface DestinationEffect {
  /** How many recipients outside the tenant were served. */
  readonly external: number;
  /** Whether the failure is the connection's trouble and says nothing about the message or the mailbox. */
  readonly isConnections: boolean;
  /** Whether the attempt was a probe of such trouble. */
  readonly isProbe: boolean;
  /** The couriers that may take the message; undefined if the attempt was not this destination's. */
  readonly couriers?: CourierOrder;
  /** The courier that takes the rest of the message because the one of the attempt is shut. */
  readonly next?: CourierKind;
  /** If the courier's trouble continues, another one takes the message then; milliseconds since 1970. */
  readonly nextAtMs?: number;
}

/** What attempts of one mailbox need to begin: its own limits, the shared ones, and the breakers of its connection. */
export class AttemptPermits {
  readonly choice: CourierChoice;
  readonly #options: AttemptPermitsOptions;
  readonly #taker: PermitTaker;
  #metTrouble = false;

  /** @param taker waits for permits that all mailboxes share */
  constructor(options: AttemptPermitsOptions, taker: PermitTaker) {
    this.#options = options;
    this.#taker = taker;
    this.choice = new CourierChoice({ ...options, pauses: options.pauses.ofCouriers });
  }

  /** Whether the latest attempt met trouble that the connection may have. */
  get metTrouble(): boolean {
    return this.#metTrouble;
  }

  /** Whether any courier may begin an attempt, as far as the mailbox's own concurrency goes. */
  get hasAny(): boolean {
    return this.#options.meter.hasAnyPermit(this.#isInTrouble);
  }

  has(courier: CourierKind): boolean {
    return this.#options.meter.hasPermit(courier, this.#isInTrouble);
  }

  /** Milliseconds until the mailbox may make an attempt; `Infinity`: until another one has ended. */
  waitMs(attempt: MeteredAttempt): number {
    return this.#options.meter.waitMs(attempt, this.#isInTrouble);
  }

  /** The same for the tenant. */
  externalWaitMs(attempt: MeteredAttempt): number {
    return this.#options.meter.externalWaitMs(attempt);
  }

  /** The same for an attempt outside the queue, whatever else makes it wait. */
  directWaitMs(couriers: CourierOrder, recipients: readonly string[]): number {
    const { pauses, clock } = this.#options;
    const courier = this.choice.ofDirect(couriers);
    const attempt = { courier, recipients };
    const pausedMs = pauses.ofCouriers.leftMs(courier, clock.now());
    const waitMs = Math.max(pauses.leftMs, pausedMs, this.externalWaitMs(attempt), this.waitMs(attempt));
    return waitMs === 0 && this.isExternalAskedFor(attempt) ? Number.POSITIVE_INFINITY : waitMs;
  }

  /**
   * Whether the attempt waits for a part of the tenant's limit that has been requested; the destination is woken when
   * it arrives.
   */
  isExternalAskedFor(attempt: MeteredAttempt): boolean {
    return this.#options.meter.isExternalAskedFor(attempt);
  }

  /** Begins an attempt. @returns undefined if none may begin: the taker is woken when one may */
  take(attempt: MeteredAttempt, those: MessageCouriers): AttemptPermit | undefined {
    const { gate, permits, meter, mailbox } = this.#options;
    const { courier } = attempt;
    if (!gate.mayStart(courier) || !permits.take(this.#taker)) return undefined;
    const breakers = gate.begin(courier, mailbox);
    return { part: meter.reserve(attempt), breakers, courier, ...those, abort: new AbortController() };
  }

  /** An attempt has ended, or was not made. */
  giveBack({ part, breakers }: AttemptPermit): void {
    breakers.ended(undefined);
    this.#options.meter.release(part);
    this.#options.permits.release(this.#taker);
  }

  /**
   * Records what an attempt has used of the limits, and the pause that it calls for. An attempt that the connection
   * could not make does not count.
   */
  settle(permit: AttemptPermit, startedAtMs: number, report: DeliveryReport): DestinationEffect {
    const { meter, pauses } = this.#options;
    const { part, breakers, courier, couriers } = permit;
    // The breakers admit others in an order that depends on this.
    this.#metTrouble = report.trouble !== undefined;
    const isConnections = breakers.ended(report);
    const wasServed = report.recipients.some(({ outcome }) => outcome === 'delivered');
    const external = isConnections && !wasServed ? 0 : meter.settle(part, report);
    if (!isConnections) pauses.learn({ ...permit, startedAtMs }, report);
    const base = { external, isConnections, isProbe: breakers.isProbe };
    if (couriers.length === 1) return base;
    const next = this.choice.after(courier, couriers);
    const nextAtMs = pauses.ofCouriers.shutAtMs(courier);
    return { ...base, couriers, ...(next && { next }), ...(nextAtMs !== undefined && { nextAtMs }) };
  }

  get #isInTrouble(): boolean {
    return this.#options.pauses.isInTrouble;
  }
}
