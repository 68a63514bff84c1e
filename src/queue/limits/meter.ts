import type { Clock } from '../../base/clock.ts';
import { byCourier, type CourierKind, courierKinds } from '../../message/courier-kind.ts';
import type { DeliveryReport } from '../../message/delivery.ts';
import { recipientsFor } from '../choice/choose.ts';
import type { CourierTable } from '../courier.ts';
import type { QueuedMessage } from '../message.ts';
import type { SentCount } from '../store.ts';
import type { ExternalLimit } from './external.ts';
import { dayMs, minuteMs, type QueueLimits } from './limits.ts';
import type { LoginLimit } from './login.ts';
import { SlidingWindow } from './sliding-window.ts';

/** What an attempt needs of a mailbox's limits. */
export interface MeteredAttempt {
  readonly courier: CourierKind;
  /** Addresses of the recipients still to be served. */
  readonly recipients: readonly string[];
}

/** An attempt on a message, by its own courier or another one. */
export function meteredAttempt({ courier, recipients }: QueuedMessage, chosen = courier): MeteredAttempt {
  return { courier: chosen, recipients: recipientsFor(recipients, chosen).map(({ address }) => address) };
}

/** What an attempt under way holds of the limits. */
export interface HeldPart {
  readonly courier: CourierKind;
  readonly recipients: number;
  readonly external: number;
  /** The limits the login shares with other mailboxes, if it does. */
  readonly login: LoginLimit | undefined;
  settled: boolean;
}

export interface DestinationMeterOptions {
  readonly destination: string;
  readonly clock: Clock;
  readonly limits: QueueLimits;
  readonly couriers: CourierTable;
  readonly external: ExternalLimit;
  /** The limits that the login of an attempt shares with other mailboxes; undefined if the mailbox logs in itself. */
  loginOf(courier: CourierKind): LoginLimit | undefined;
  isExternal(address: string): boolean;
  /** What was sent within the last day, before a restart. */
  readonly sent: readonly SentCount[];
}

/** Meters a mailbox's use of its limits, and when it may use more. */
export class DestinationMeter {
  readonly #options: DestinationMeterOptions;
  readonly #minute: SlidingWindow;
  readonly #day: SlidingWindow;
  readonly #running: Record<CourierKind, number> = byCourier(() => 0);

  constructor(options: DestinationMeterOptions) {
    this.#options = options;
    const { limits, sent } = options;
    this.#minute = new SlidingWindow(limits.messagesPerMinute, minuteMs);
    this.#day = new SlidingWindow(limits.recipientsPerDay, dayMs);
    for (const { endedAtMs, recipients } of sent.toSorted((a, b) => a.endedAtMs - b.endedAtMs)) {
      this.#minute.settle(0, endedAtMs, 1);
      this.#day.settle(0, endedAtMs, recipients);
    }
  }

  /** @param one whether only one attempt at a time is allowed for now */
  hasPermit(courier: CourierKind, one: boolean): boolean {
    if (one) return courierKinds.every((kind) => this.#running[kind] === 0);
    const { limits, couriers } = this.#options;
    return this.#running[courier] < (limits.concurrentPerMailbox ?? couriers[courier].concurrentPerMailbox);
  }

  /** Whether no attempt of a courier is under way. */
  isIdle(courier: CourierKind): boolean {
    return this.#running[courier] === 0;
  }

  hasAnyPermit(one: boolean): boolean {
    return courierKinds.some((courier) => this.hasPermit(courier, one));
  }

  /** Milliseconds until the mailbox may make an attempt; `Infinity`: until another one has ended. */
  waitMs(attempt: MeteredAttempt, one: boolean): number {
    if (!this.hasPermit(attempt.courier, one)) return Number.POSITIVE_INFINITY;
    const now = this.#options.clock.now();
    const ownMs = Math.max(this.#minute.waitMs(now, 1), this.#day.waitMs(now, attempt.recipients.length));
    if (ownMs > 0) return ownMs;
    return this.#options.loginOf(attempt.courier)?.waitMs(this.#options.destination, now) ?? 0;
  }

  /** The same for the tenant. */
  externalWaitMs(attempt: MeteredAttempt): number {
    const { external, destination, clock } = this.#options;
    if (!external.counts && !external.pause) return 0;
    const recipients = this.#externalOf(attempt.recipients);
    return recipients === 0 ? 0 : external.waitMs(destination, clock.now(), recipients);
  }

  /** Whether a part of the tenant's limit shared between instances is needed first and has been requested. */
  isExternalAskedFor(attempt: MeteredAttempt): boolean {
    const { external } = this.#options;
    const recipients = external.counts ? this.#externalOf(attempt.recipients) : 0;
    return recipients > 0 && external.isAskedFor(recipients);
  }

  /** An attempt begins. */
  reserve({ courier, recipients }: MeteredAttempt): HeldPart {
    const { destination, external } = this.#options;
    const outside = external.counts ? this.#externalOf(recipients) : 0;
    this.#running[courier]++;
    this.#minute.reserve(1);
    this.#day.reserve(recipients.length);
    external.reserve(destination, outside);
    const login = this.#options.loginOf(courier);
    login?.reserve(destination);
    return { courier, recipients: recipients.length, external: outside, login, settled: false };
  }

  /**
   * An attempt has ended. It counts as a message whatever the outcome; only served recipients count.
   * @returns how many of these are outside the tenant
   */
  settle(part: HeldPart, report: DeliveryReport): number {
    const served = report.recipients.filter((each) => each.outcome === 'delivered').map((each) => each.address);
    const external = this.#externalOf(served);
    this.#end(part, 1, served.length, external);
    return external;
  }

  /** Gives the permit back; an attempt that was not made does not count. */
  release(part: HeldPart): void {
    if (!part.settled) this.#end(part, 0, 0, 0);
    this.#running[part.courier]--;
    part.login?.release();
  }

  #end(part: HeldPart, messages: number, recipients: number, external: number): void {
    const { clock, destination } = this.#options;
    const now = clock.now();
    this.#minute.settle(1, now, messages);
    part.login?.settle(now, messages);
    this.#day.settle(part.recipients, now, recipients);
    this.#options.external.settle(destination, part.external, now, external);
    part.settled = true;
  }

  #externalOf(addresses: readonly string[]): number {
    let count = 0;
    for (const address of addresses) if (this.#options.isExternal(address)) count++;
    return count;
  }
}
