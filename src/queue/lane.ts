import type { Clock } from '../base/clock.ts';
import type { QueuedMessage } from './message.ts';
import { SlidingWindow } from './sliding-window.ts';
import type { QueueStore } from './store.ts';

/** Limits that hold for one mailbox. */
export interface LaneLimits {
  readonly messagesPerMinute: number;
  readonly recipientsPerDay: number;
  /** Attempts at the same time. */
  readonly concurrentPerMailbox: number;
}

export interface LaneOptions {
  readonly key: string;
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly limits: LaneLimits;
  /** Starts one attempt; {@link Lane.finished} is called when it has ended. */
  deliver(message: QueuedMessage): void;
  /** Told when the store cannot be read; the lane looks again by itself. */
  onFailure(error: unknown): void;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
/** Messages known in memory; the rest stays in the store. */
const readAhead = 50;
const lookAgainMs = 1000;

/** The messages of one mailbox: which goes next, and when. */
export class Lane {
  readonly #options: LaneOptions;
  readonly #minute: SlidingWindow;
  readonly #day: SlidingWindow;
  readonly #running = new Set<string>();
  #ready: QueuedMessage[] = [];
  /** The store may hold due messages that are not in {@link #ready}. */
  #moreInStore = true;
  #pausedUntilMs = 0;
  #cancelTimer: (() => void) | undefined;
  #stopped = false;
  /** Attempts in a row that ended with something only an administrator can mend. */
  troubles = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
    const { limits, store, clock, key } = options;
    this.#minute = new SlidingWindow(limits.messagesPerMinute, minuteMs);
    this.#day = new SlidingWindow(limits.recipientsPerDay, dayMs);
    // What was sent before a restart counts.
    for (const sent of store.sentSince(key, clock.now() - dayMs)) {
      this.#day.spend(sent.startedAtMs, sent.recipients);
      if (sent.startedAtMs > clock.now() - minuteMs) this.#minute.spend(sent.startedAtMs, 1);
    }
  }

  /** A new message, due at once. */
  accepted(message: QueuedMessage): void {
    // A look into the store may have been quicker.
    if (this.#running.has(message.id) || this.#ready.some((each) => each.id === message.id)) return;
    if (!this.#moreInStore && this.#ready.length < readAhead) this.#ready.push(message);
    else this.#moreInStore = true;
    this.wake();
  }

  /** An administrator changed the store or the settings: what waited for that is worth a try now. */
  reload(): void {
    this.#ready = [];
    this.#moreInStore = true;
    if (this.troubles > 0) this.#pausedUntilMs = 0;
    this.wake();
  }

  /** No attempt starts before then. */
  pause(untilMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, untilMs);
  }

  /** An attempt left no trace in the store: its message is still due there. */
  lookAgain(untilMs: number): void {
    this.#moreInStore = true;
    this.pause(untilMs);
  }

  /** Starts what may start, and sets the timer for what may not yet. */
  wake(): void {
    if (this.#stopped) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    try {
      this.#startDue();
    } catch (error) {
      this.#options.onFailure(error);
      this.#wakeAt(this.#options.clock.now() + lookAgainMs);
    }
  }

  /** An attempt has ended and its outcome is in the store. */
  finished(message: QueuedMessage): void {
    this.#running.delete(message.id);
    this.wake();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
  }

  #startDue(): void {
    // In trouble one look is enough.
    const concurrent = this.troubles > 0 ? 1 : this.#options.limits.concurrentPerMailbox;
    while (this.#running.size < concurrent) {
      const message = this.#next();
      if (!message) {
        this.#wakeAt(this.#options.store.nextDueMs(this.#options.key, this.#options.clock.now()));
        return;
      }
      const waitMs = this.#waitMs(message);
      if (waitMs > 0) {
        this.#ready.unshift(message);
        this.#wakeAt(this.#options.clock.now() + waitMs);
        return;
      }
      this.#begin(message);
    }
  }

  #begin(message: QueuedMessage): void {
    const now = this.#options.clock.now();
    this.#running.add(message.id);
    this.#minute.spend(now, 1);
    this.#day.spend(now, message.recipients.length);
    this.#options.deliver(message);
  }

  #next(): QueuedMessage | undefined {
    if (this.#ready.length === 0 && this.#moreInStore) this.#refill();
    return this.#ready.shift();
  }

  #refill(): void {
    const { store, key, clock } = this.#options;
    const limit = readAhead + this.#running.size;
    const due = store.due(key, clock.now(), limit);
    this.#moreInStore = due.length === limit;
    this.#ready = due.filter((message) => !this.#running.has(message.id));
  }

  #waitMs(message: QueuedMessage): number {
    const now = this.#options.clock.now();
    const recipients = message.recipients.filter((each) => each.state === 'pending').length;
    return Math.max(this.#pausedUntilMs - now, this.#minute.waitMs(now, 1), this.#day.waitMs(now, recipients));
  }

  #wakeAt(atMs: number | undefined): void {
    if (atMs === undefined) return;
    const now = this.#options.clock.now();
    this.#cancelTimer = this.#options.clock.after(Math.max(atMs - now, 5), () => {
      this.#moreInStore = true;
      this.wake();
    });
  }
}
