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
  /** Of the mailbox, without its connection. */
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
  /** It was chosen among these. */
  readonly couriers: CourierOrder;
  /** Other mail of the account may go by others. */
  readonly isNarrowed: boolean;
  /** Breaks the attempt off. */
  readonly abort: AbortController;
}

/** What came of an attempt, beside what it means for its message. */
export interface DestinationEffect {
  /** How many recipients outside the tenant were served. */
  readonly external: number;
  /** What went wrong is the connection's trouble: it says nothing about the message or the mailbox. */
  readonly isConnections: boolean;
  /** The attempt was to show whether such trouble is over. */
  readonly isProbe: boolean;
  /** The couriers that the message may go by; undefined where the attempt was not this destination's. */
  readonly couriers?: CourierOrder;
  /** Another courier takes what is left of the message, because the one of the attempt is shut. */
  readonly next?: CourierKind;
  /** In case trouble of the courier goes on, another one takes the message then; milliseconds since 1970. */
  readonly nextAtMs?: number;
}

/** What the attempts of one mailbox need to begin: its limits, those it shares, and the breakers of its connection. */
export class AttemptPermits {
  readonly choice: CourierChoice;
  readonly #options: AttemptPermitsOptions;
  readonly #taker: PermitTaker;
  #metTrouble = false;

  /** @param taker who waits for permits that all mailboxes share */
  constructor(options: AttemptPermitsOptions, taker: PermitTaker) {
    this.#options = options;
    this.#taker = taker;
    this.choice = new CourierChoice({ ...options, pauses: options.pauses.ofCouriers });
  }

  /** Whether the latest attempt met trouble that the connection may have. */
  get metTrouble(): boolean {
    return this.#metTrouble;
  }

  /** Whether some courier may begin an attempt, as far as the mailbox's own connections go. */
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

  /** Likewise, until the tenant may. */
  externalWaitMs(attempt: MeteredAttempt): number {
    return this.#options.meter.externalWaitMs(attempt);
  }

  /** Likewise for an attempt that the queue does not hold, whatever else makes it wait. */
  directWaitMs(couriers: CourierOrder, recipients: readonly string[]): number {
    const { pauses, clock } = this.#options;
    const courier = this.choice.ofDirect(couriers);
    const attempt = { courier, recipients };
    const pausedMs = pauses.ofCouriers.leftMs(courier, clock.now());
    const waitMs = Math.max(pauses.leftMs, pausedMs, this.externalWaitMs(attempt), this.waitMs(attempt));
    return waitMs === 0 && this.isExternalAskedFor(attempt) ? Number.POSITIVE_INFINITY : waitMs;
  }

  /** Whether the attempt waits for a part of the tenant's limit, which is asked for; the destination is woken then. */
  isExternalAskedFor(attempt: MeteredAttempt): boolean {
    return this.#options.meter.isExternalAskedFor(attempt);
  }

  /** An attempt begins. @returns undefined where none may: the taker is woken when one may */
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
   * Takes down what an attempt has used of the limits, and the pause that it calls for. One that the connection was not
   * able to make counts for nothing.
   */
  settle(permit: AttemptPermit, startedAtMs: number, report: DeliveryReport): DestinationEffect {
    const { meter, pauses } = this.#options;
    const { part, breakers, courier, couriers } = permit;
    // The breakers let others in, in an order that depends on this.
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
