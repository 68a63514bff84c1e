import { type CourierKind, courierKinds } from '../message/courier-kind.ts';
import type { DeliveryReport } from '../message/delivery.ts';
import { InFlight } from './attempts/in-flight.ts';
import { type Choice, itsOwnCourier, type MessageCouriers } from './choice/choose.ts';
import { MailboxPauses } from './choice/mailbox-pauses.ts';
import type { DestinationOptions } from './destination-options.ts';
import { type AttemptPermit, AttemptPermits, type DestinationEffect } from './limits/attempt-permits.ts';
import type { Admission, AdmissionRefused, DirectAttempt } from './limits/direct.ts';
import { DirectDeliveries } from './limits/direct-deliveries.ts';
import type { PermitTaker } from './limits/fair-permits.ts';
import { meteredAttempt } from './limits/meter.ts';
import { Parking } from './limits/parking.ts';
import { AccountTurns, readAhead } from './limits/turns.ts';
import type { QueuedMessage } from './message.ts';
import type { LeaseGuard } from './ownership/lease-guard.ts';

const lookAgainMs = 1000;
const usualFailoverMs = 60_000;

/** The messages of one mailbox: which goes next, and when. */
export class Destination implements PermitTaker {
  readonly key: string;
  readonly connection: string;
  readonly guard: LeaseGuard;
  /** What this process knows about attempts that the store does not. */
  readonly inFlight = new InFlight();
  readonly #options: DestinationOptions;
  readonly #turns: AccountTurns;
  readonly #attempts: AttemptPermits;
  readonly #direct: DirectDeliveries;
  readonly #pauses: MailboxPauses;
  readonly #parking: Parking;
  /** Messages under way, or about to be deferred: taken out of the turns, still due in the store. */
  readonly #away = new Set<string>();
  readonly #dueAtEnd = new Set<string>();
  readonly #held = new Map<string, AttemptPermit>();
  readonly #whenIdle: (() => void)[] = [];
  #storePausedUntilMs = 0;
  #cancelTimer: (() => void) | undefined;
  #stopped = false;

  constructor(options: DestinationOptions) {
    const { key, connection, clock, store, guard, failoverAfterMs = usualFailoverMs, onFailure } = options;
    this.#options = options;
    this.key = key;
    this.connection = connection;
    this.guard = guard;
    this.#turns = new AccountTurns({
      ...{ destination: key, store, clock, away: this.#away, onFailure },
      onRead: () => this.wake(),
    });
    this.#pauses = new MailboxPauses({ ...options, failoverAfterMs });
    const parts = { ...options, pauses: this.#pauses, failoverAfterMs, mailbox: key.slice(connection.length + 1) };
    this.#attempts = new AttemptPermits(parts, this);
    this.#parking = new Parking({
      ...{ store, clock, attempts: this.#attempts, guard, onFailure },
      onParked: (ids, untilMs) => this.#parked(ids, untilMs),
      onLost: (ids) => {
        // Until the lease is lost here as well, or won again.
        this.stop();
        this.#areBack(ids);
      },
    });
    this.#direct = new DirectDeliveries({
      ...{ destination: key, store, clock, attempts: this.#attempts, guard, onFailure },
      waitMs: () => this.#storeWaitMs,
      onEnded: () => this.wake(),
      onIdle: () => this.#lookWhetherIdle(),
    });
  }

  /** A new message, due at once. */
  accepted(message: QueuedMessage): void {
    this.#turns.accepted(message);
    this.wake();
  }

  /** Another instance has queued something. */
  queuedElsewhere(): void {
    this.#turns.defer(0);
    this.wake();
  }

  /** A delivery outside the queue asks for its permit within the limits; it goes before queued mail. */
  admit(attempt: DirectAttempt, patienceMs: number): Promise<Admission | AdmissionRefused> {
    const admission = this.#direct.enter(attempt, patienceMs);
    if (this.#stopped) this.#direct.refuse();
    this.wake();
    return admission;
  }

  /** An administrator changed the store or the settings: what waited for that is worth a try now. */
  reload(): void {
    if (this.#stopped) return;
    this.#turns.reload();
    this.#pauses.adminActed();
    this.wake();
  }

  /** The store can be reached again: what only waited for that begins now. */
  storeIsBack(): void {
    this.#storePausedUntilMs = 0;
    this.reload();
  }

  /** The store's due times hold by the new clock; what was remembered here does not. */
  clockWasSetBack(): void {
    this.#storePausedUntilMs = 0;
    this.#pauses.clockWasSetBack();
  }

  /** An attempt left no trace in the store: its message is still due there, and no other starts before then. */
  lookAgain(untilMs: number): void {
    this.#turns.lookAgain();
    this.#storePausedUntilMs = Math.max(this.#storePausedUntilMs, untilMs);
  }

  /** An attempt counts as not made: its message is due and only waits for its connection. */
  stillDue(): void {
    this.#turns.lookAgain();
  }

  /** Whether an attempt of a message is under way. */
  isUnderWay(id: string): boolean {
    return this.#away.has(id);
  }

  /** Whether the latest attempt met trouble that the connection may have. */
  get metTrouble(): boolean {
    return this.#attempts.metTrouble;
  }

  /** For now nothing is attempted by a courier: clients that wait for it are refused. */
  refuseDirect(courier: CourierKind): void {
    this.#direct.refuse(courier);
  }

  /** What the mailbox is paused for was the connection's trouble, and is over. */
  troubleOver(code: string): void {
    this.#pauses.troubleOver(code);
  }

  /** A message is deferred until then; no timer may run while the destination is busy. */
  defer(untilMs: number): void {
    this.#turns.defer(untilMs);
  }

  /** A message under way is due again as soon as its attempt has ended; nothing may notice earlier. */
  deferToEnd(id: string): void {
    this.#dueAtEnd.add(id);
  }

  /** Starts what may start and sets the timer for the rest. */
  wake(): void {
    if (this.#stopped || this.#options.mayStart?.() === false) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    try {
      this.#wakeIn(Math.min(this.#direct.admit(), this.#startDue()));
    } catch (error) {
      this.#options.onFailure(error);
      this.#wakeIn(lookAgainMs);
    }
  }

  /** An attempt has ended: records its use of the limits and the pause that it calls for. */
  ended(id: string, startedAtMs: number, report: DeliveryReport): DestinationEffect {
    const held = this.#held.get(id);
    if (!held) return { external: 0, isConnections: false, isProbe: false };
    return this.#attempts.settle(held, startedAtMs, report);
  }

  /** An attempt has ended, or was not made after all, and the store has recorded that. */
  finished({ id }: Pick<QueuedMessage, 'id'>): void {
    const held = this.#held.get(id);
    this.#held.delete(id);
    if (this.#dueAtEnd.delete(id)) this.#turns.lookAgain();
    if (held) this.#attempts.giveBack(held);
    this.#areBack([id]);
    this.wake();
  }

  /** Starts nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#turns.stop();
    this.#direct.refuse();
  }

  /** Starts nothing more. @returns resolves when nothing is under way and every outcome is written */
  close(): Promise<void> {
    this.stop();
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve);
      this.#lookWhetherIdle();
    });
  }

  /** Aborts what is under way, except what clients wait for. */
  abort(): void {
    for (const { abort } of this.#held.values()) abort.abort();
  }

  /** Another instance delivers by now: starts nothing more and aborts everything. */
  lose(): void {
    this.guard.lose();
    this.stop();
    this.abort();
    this.#direct.abort();
  }

  /** @returns milliseconds until it is worth looking again; `Infinity` if something else wakes the destination */
  #startDue(): number {
    const parked: QueuedMessage[] = [];
    try {
      return this.#startUntilBlocked(parked);
    } finally {
      if (parked.length > 0) void this.#parking.park(parked);
    }
  }

  /** @param parked receives the messages that only the tenant's limit stops */
  #startUntilBlocked(parked: QueuedMessage[]): number {
    while (parked.length < readAhead && this.#attempts.hasAny) {
      const now = this.#options.clock.now();
      const waitMs = Math.max(this.#storeWaitMs, this.#pauses.leftMs);
      if (waitMs > 0) return waitMs;
      const found = this.#peek(now);
      if (found === 'reading') break;
      if (found === 'blocked') return this.#attempts.choice.waitMs();
      if (!found) return this.#turns.dueMs - now;
      const attempt = meteredAttempt(found.message, found.choice?.courier);
      if (!found.choice || this.#attempts.externalWaitMs(attempt) > 0) {
        this.#take(found.message);
        parked.push(found.message);
        continue;
      }
      const limitWaitMs = this.#attempts.waitMs(attempt);
      if (limitWaitMs > 0) return limitWaitMs;
      if (this.#attempts.isExternalAskedFor(attempt)) break;
      const held = this.#attempts.take(attempt, found.those);
      if (!held) break;
      this.#take(found.message);
      this.#held.set(found.message.id, held);
      this.#options.deliver(found.message, found.choice, held.abort.signal);
    }
    return Number.POSITIVE_INFINITY;
  }

  /** It stays due in the store until its attempt has ended or it is deferred, and would be found there again. */
  #take(message: QueuedMessage): void {
    this.#turns.take(message);
    this.#away.add(message.id);
  }

  /**
   * The next message and its courier. A message without one waits for a shut courier and must not hold up messages of
   * its account that use another.
   */
  #peek(nowMs: number) {
    let choice: Choice | undefined;
    let those: MessageCouriers = { couriers: courierKinds, isNarrowed: false };
    const { couriersOf = itsOwnCourier } = this.#options;
    const message = this.#turns.peek(nowMs, (each) => {
      those = couriersOf(each);
      choice = this.#attempts.choice.of(those.couriers);
      return choice ? this.#attempts.has(choice.courier) : this.#attempts.choice.isHeldUp(those);
    });
    return typeof message === 'string' || !message ? message : { message, choice, those };
  }

  /** Messages were deferred in the store, or could not be. */
  #parked(ids: readonly string[], untilMs: number | undefined): void {
    if (untilMs === undefined) this.lookAgain(this.#options.clock.now() + lookAgainMs);
    else this.defer(untilMs);
    this.#areBack(ids);
    this.wake();
  }

  /** The wait before anything may start after an attempt that left no trace. */
  get #storeWaitMs(): number {
    return this.#storePausedUntilMs - this.#options.clock.now();
  }

  #areBack(ids: readonly string[]): void {
    for (const id of ids) this.#away.delete(id);
    this.#lookWhetherIdle();
  }

  #lookWhetherIdle(): void {
    if (this.#away.size > 0 || !this.#direct.isIdle) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #wakeIn(delayMs: number): void {
    // With `Infinity`, the end of something under way wakes the destination.
    if (!Number.isFinite(delayMs)) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.after(Math.max(delayMs, 5), () => {
      this.#turns.lookAgain();
      this.wake();
    });
  }
}
