import { dayMs } from './limits.ts';
import { type LearnedPause, pauseLeftMs } from './pause.ts';
import { SlidingWindow } from './sliding-window.ts';

/** Of the tenant's limit, this part is for mailboxes alone that have not used their even share. */
const keptForOthers = 0.25;

/**
 * The external recipients of one connection in 24 hours: Microsoft counts them for the tenant (Tenant External
 * Recipient Rate Limit), so its mailboxes share them. A mailbox that has used more than an even share leaves a quarter
 * of the limit to the others.
 */
export class ExternalLimit {
  readonly #limit: number | undefined;
  readonly #all: SlidingWindow;
  readonly #destinations = new Map<string, SlidingWindow>();
  /** Set when Microsoft says that the limit is reached. */
  pause: LearnedPause | undefined;

  /** @param limit undefined: only pauses hold */
  constructor(limit: number | undefined) {
    this.#limit = limit;
    this.#all = new SlidingWindow(limit ?? 1, dayMs);
  }

  /** Whether recipients are counted beforehand. */
  get counts(): boolean {
    return this.#limit !== undefined;
  }

  /** Milliseconds until a destination may send to so many external recipients; `Infinity`: until an attempt has ended. */
  waitMs(destination: string, nowMs: number, recipients: number): number {
    const pausedMs = pauseLeftMs(this.pause, nowMs);
    if (this.#limit === undefined) return pausedMs;
    const used = this.#destination(destination).taken(nowMs) + recipients;
    const even = used <= this.#limit / Math.max(1, this.#destinations.size);
    const limit = even ? this.#limit : Math.max(1, Math.floor(this.#limit * (1 - keptForOthers)));
    return Math.max(pausedMs, this.#all.waitMs(nowMs, recipients, this.#destinations.size > 1 ? limit : this.#limit));
  }

  reserve(destination: string, recipients: number): void {
    if (recipients === 0) return;
    this.#all.reserve(recipients);
    this.#destination(destination).reserve(recipients);
  }

  /** What was reserved has ended; `used` of the recipients were served. */
  settle(destination: string, reserved: number, atMs: number, used: number): void {
    if (!this.counts || (reserved === 0 && used === 0)) return;
    this.#all.settle(reserved, atMs, used);
    this.#destination(destination).settle(reserved, atMs, used);
  }

  #destination(destination: string): SlidingWindow {
    let window = this.#destinations.get(destination);
    if (!window) {
      window = new SlidingWindow(this.#limit ?? 1, dayMs);
      this.#destinations.set(destination, window);
    }
    return window;
  }
}
