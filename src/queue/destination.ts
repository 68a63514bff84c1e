import type { Clock } from '../base/clock.ts';
import type { CourierKind } from '../message/courier-kind.ts';
import type { DeliveryReport } from '../message/delivery.ts';
import type { BreakerPermit, ConnectionGate } from './breakers/breakers.ts';
import { type Admission, type AdmissionRefused, type DirectAttempt, DirectLine } from './limits/direct.ts';
import type { FairPermits, PermitTaker } from './limits/fair-permits.ts';
import type { DestinationMeter, HeldPart } from './limits/meter.ts';
import { type LearnedPause, learnPause, mailboxPause, pauseLeftMs } from './limits/pause.ts';
import { AccountTurns, readAhead } from './limits/turns.ts';
import type { QueuedMessage } from './message.ts';
import type { QueueStore } from './store.ts';

export interface DestinationOptions {
  readonly key: string;
  readonly connection: string;
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly meter: DestinationMeter;
  readonly permits: FairPermits;
  readonly gate: ConnectionGate;
  /** A pause learned before a restart. */
  readonly pause?: LearnedPause | undefined;
  /** The first pause of a mailbox that waits for an administrator. */
  readonly adminPauseMs: number;
  /** Starts one attempt; {@link Destination.finished} is called when it has ended. */
  deliver(message: QueuedMessage): void;
  /** Told when the store cannot be read or written; the destination looks again by itself. */
  onFailure(error: unknown): void;
  onPause(pause: LearnedPause): void;
}

/** What an attempt under way holds. */
interface Held {
  readonly part: HeldPart;
  readonly permit: BreakerPermit;
}

/** What came of an attempt, beside what it means for its message. */
export interface DestinationEffect {
  /** How many recipients outside the tenant were served. */
  readonly external: number;
  /** What went wrong is the connection's trouble: it says nothing about the message or the mailbox. */
  readonly isConnections: boolean;
  /** The attempt was to show whether such trouble is over. */
  readonly isProbe: boolean;
}

const lookAgainMs = 1000;
/** So long a message waits at least that the tenant's limit stops: mail within the tenant goes on without it. */
const shortestParkMs = 5 * 60_000;

/** The messages of one mailbox: which goes next, and when. */
export class Destination implements PermitTaker {
  readonly connection: string;
  readonly #options: DestinationOptions;
  readonly #meter: DestinationMeter;
  readonly #turns: AccountTurns;
  readonly #direct: DirectLine<Held>;
  /** Under way, or about to be put off: taken out of the turns, still due in the store. */
  readonly #away = new Set<string>();
  readonly #held = new Map<string, Held>();
  #pause: LearnedPause | undefined;
  #metTrouble = false;
  #storePausedUntilMs = 0;
  /** The earliest time at which something falls due that is not in {@link #turns}. */
  #dueMs = 0;
  #cancelTimer: (() => void) | undefined;
  #stopped = false;

  constructor(options: DestinationOptions) {
    this.#options = options;
    this.connection = options.connection;
    this.#meter = options.meter;
    this.#pause = options.pause;
    this.#turns = new AccountTurns(options.key, options.store, this.#away);
    this.#direct = new DirectLine(options.clock, {
      waitMs: (attempt) =>
        Math.max(this.#destinationWaitMs(), this.#meter.externalWaitMs(attempt), this.#waitMs(attempt)),
      take: (attempt) => this.#take(attempt),
      ended: (held, startedAtMs, report) => this.#directEnded(held, startedAtMs, report),
    });
  }

  /** A new message, due at once. */
  accepted(message: QueuedMessage): void {
    this.#turns.accepted(message);
    this.wake();
  }

  /** A delivery that the queue does not hold asks for its permit within the limits; it goes before the queue. */
  admit(attempt: DirectAttempt, patienceMs: number): Promise<Admission | AdmissionRefused> {
    const admission = this.#direct.enter(attempt, patienceMs);
    this.wake();
    return admission;
  }

  /** An administrator changed the store or the settings: what waited for that is worth a try now. */
  reload(): void {
    this.#turns.reload();
    this.#dueMs = 0;
    if (this.#pause?.needsAdmin) this.#endPause();
    this.wake();
  }

  /** What the store says is due is so by the new time; what was remembered here is not. */
  clockWasSetBack(): void {
    this.#storePausedUntilMs = 0;
    // It would begin again when the clock comes there once more.
    if (this.#pause && this.#pause.sinceMs > this.#options.clock.now()) this.#endPause();
  }

  /** An attempt left no trace in the store: its message is still due there, and no other starts before then. */
  lookAgain(untilMs: number): void {
    this.#turns.lookAgain();
    this.#storePausedUntilMs = Math.max(this.#storePausedUntilMs, untilMs);
  }

  /** An attempt is as if it had not been made: its message is due, and waiting for its connection alone. */
  stillDue(): void {
    this.#turns.lookAgain();
  }

  /** Whether an attempt of a message is under way. */
  isUnderWay(id: string): boolean {
    return this.#away.has(id);
  }

  /** Whether the latest attempt met trouble that the connection may have. */
  get metTrouble(): boolean {
    return this.#metTrouble;
  }

  /** Nothing is attempted by a courier for now: clients that wait for it are told. */
  refuseDirect(courier: CourierKind): void {
    this.#direct.refuse(courier);
  }

  /** What the mailbox is paused for was the connection's trouble, and is over. */
  troubleOver(code: string): void {
    if (this.#pause?.code === code) this.#endPause();
  }

  /** A message of the destination is due again then, and no timer may run while the destination is busy. */
  defer(untilMs: number): void {
    this.#dueMs = Math.min(this.#dueMs, untilMs);
  }

  /** Starts what may start, and sets the timer for what may not yet. */
  wake(): void {
    if (this.#stopped) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    try {
      this.#noticeDue();
      const waitMs = this.#direct.admit();
      this.#wakeIn(Math.min(waitMs, this.#startDue()));
    } catch (error) {
      this.#options.onFailure(error);
      this.#wakeIn(lookAgainMs);
    }
  }

  /** An attempt has ended: takes down what it used of the limits, and the pause that it calls for. */
  ended(id: string, startedAtMs: number, report: DeliveryReport): DestinationEffect {
    const held = this.#held.get(id);
    if (!held) return { external: 0, isConnections: false, isProbe: false };
    return this.#settle(held, startedAtMs, report);
  }

  /** An attempt has ended, or was not made after all, and the store says so. */
  finished(message: QueuedMessage): void {
    const held = this.#held.get(message.id);
    this.#held.delete(message.id);
    this.#away.delete(message.id);
    if (held) this.#giveBack(held);
    this.wake();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#direct.refuse();
  }

  get #inTrouble(): boolean {
    return this.#pause !== undefined;
  }

  /** @returns milliseconds until another look is worth it; `Infinity` where something else wakes the destination */
  #startDue(): number {
    const parked: QueuedMessage[] = [];
    try {
      return this.#startUntilBlocked(parked);
    } finally {
      if (parked.length > 0) void this.#park(parked);
    }
  }

  /** @param parked takes the messages that only the tenant's limit stops */
  #startUntilBlocked(parked: QueuedMessage[]): number {
    while (parked.length < readAhead && this.#meter.hasAnyPermit(this.#inTrouble)) {
      const now = this.#options.clock.now();
      const destinationWaitMs = this.#destinationWaitMs();
      if (destinationWaitMs > 0) return destinationWaitMs;
      const message = this.#turns.peek(now, ({ courier }) => this.#mayStart(courier));
      if (message === 'blocked') break;
      if (!message) return this.#dueMs - now;
      const attempt = attemptOf(message);
      if (this.#meter.externalWaitMs(attempt) > 0) {
        this.#turns.take(message);
        // Until it is put off it is due in the store, and would be found there again.
        this.#away.add(message.id);
        parked.push(message);
        continue;
      }
      const waitMs = this.#waitMs(attempt);
      if (waitMs > 0) return waitMs;
      const held = this.#take(attempt);
      if (!held) break;
      this.#turns.take(message);
      this.#held.set(message.id, held);
      this.#away.add(message.id);
      this.#options.deliver(message);
    }
    return Number.POSITIVE_INFINITY;
  }

  /** What has fallen due while the destination was busy is in the store alone. */
  #noticeDue(): void {
    const now = this.#options.clock.now();
    if (now < this.#dueMs) return;
    this.#turns.lookAgain();
    this.#dueMs = this.#options.store.nextDueMs(this.#options.key, now) ?? Number.POSITIVE_INFINITY;
  }

  #waitMs(attempt: DirectAttempt): number {
    return this.#meter.waitMs(attempt, this.#inTrouble);
  }

  #mayStart(courier: CourierKind): boolean {
    return this.#options.gate.mayStart(courier) && this.#meter.hasPermit(courier, this.#inTrouble);
  }

  #take(attempt: DirectAttempt): Held | undefined {
    const { key, connection, gate, permits } = this.#options;
    const { courier } = attempt;
    if (!gate.mayStart(courier) || !permits.take(this)) return undefined;
    return { part: this.#meter.reserve(attempt), permit: gate.begin(courier, key.slice(connection.length + 1)) };
  }

  #giveBack({ part, permit }: Held): void {
    permit.ended(undefined);
    this.#meter.release(part);
    this.#options.permits.release(this);
  }

  /** An attempt that the connection was not able to make counts for nothing. */
  #settle({ part, permit }: Held, startedAtMs: number, report: DeliveryReport): DestinationEffect {
    // The permit lets others in, in an order that depends on this.
    this.#metTrouble = report.trouble !== undefined;
    const isConnections = permit.ended(report);
    const wasServed = report.recipients.some(({ outcome }) => outcome === 'delivered');
    const external = isConnections && !wasServed ? 0 : this.#meter.settle(part, report);
    if (!isConnections) this.#learn(startedAtMs, report);
    return { external, isConnections, isProbe: permit.isProbe };
  }

  /** Puts off in the store what must not hold up the mail behind it. */
  async #park(messages: readonly QueuedMessage[]): Promise<void> {
    const { store, clock, onFailure } = this.#options;
    const waitMs = Math.max(...messages.map((each) => this.#meter.externalWaitMs(attemptOf(each))));
    const untilMs = clock.now() + Math.max(Number.isFinite(waitMs) ? waitMs : 0, shortestParkMs);
    const ids = messages.map((each) => each.id);
    try {
      await store.defer(ids, untilMs);
      this.defer(untilMs);
    } catch (error) {
      onFailure(error);
      this.lookAgain(clock.now() + lookAgainMs);
    }
    for (const id of ids) this.#away.delete(id);
    this.wake();
  }

  /** Until anything may start. */
  #destinationWaitMs(): number {
    const now = this.#options.clock.now();
    return Math.max(this.#storePausedUntilMs - now, pauseLeftMs(this.#pause, now));
  }

  #learn(startedAtMs: number, report: DeliveryReport): void {
    const { key, clock, store, adminPauseMs, onFailure, onPause } = this.#options;
    const asked = mailboxPause(report, adminPauseMs);
    if (asked) {
      this.#pause = learnPause(key, this.#pause, asked, startedAtMs, clock.now());
      store.setPause(this.#pause).catch(onFailure);
      onPause(this.#pause);
      return;
    }
    // A permanent refusal is as much a sign of a working mailbox as a delivery.
    const works = report.recipients.some(({ outcome }) => outcome === 'delivered' || outcome === 'permanent');
    if (works && this.#pause && startedAtMs >= this.#pause.untilMs) this.#endPause();
  }

  #endPause(): void {
    this.#pause = undefined;
    this.#options.store.endPause(this.#options.key).catch(this.#options.onFailure);
  }

  #directEnded(held: Held, startedAtMs: number, report: DeliveryReport | undefined): void {
    if (report) this.#countDirect(held, startedAtMs, report);
    this.#giveBack(held);
    this.wake();
  }

  #countDirect(held: Held, startedAtMs: number, report: DeliveryReport): void {
    const { store, key, clock, onFailure } = this.#options;
    const { external } = this.#settle(held, startedAtMs, report);
    const recipients = report.recipients.filter((each) => each.outcome === 'delivered').length;
    if (recipients > 0) {
      store.countSent(key, { startedAtMs, endedAtMs: clock.now(), recipients, external }).catch(onFailure);
    }
  }

  #wakeIn(delayMs: number): void {
    // Infinity: the end of something under way wakes the destination.
    if (!Number.isFinite(delayMs)) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.after(Math.max(delayMs, 5), () => {
      this.#turns.lookAgain();
      this.wake();
    });
  }
}

function attemptOf({ courier, recipients }: QueuedMessage): DirectAttempt {
  return { courier, recipients: recipients.filter((each) => each.state === 'pending').map((each) => each.address) };
}
