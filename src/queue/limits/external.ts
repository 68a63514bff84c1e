import type { GrantedPart } from './grants.ts';
import { dayMs } from './limits.ts';
import { type LearnedPause, pauseLeftMs } from './pause.ts';
import { SlidingWindow, type WindowEntry } from './sliding-window.ts';

/** An attempt that served recipients outside the tenant. */
export interface ExternalCount {
  readonly destination: string;
  readonly endedAtMs: number;
  /** Number of such recipients. */
  readonly external: number;
}

/** The part of the tenant's limit reserved for mailboxes that have not used their even share. */
const keptForOthers = 0.25;

/**
 * The external recipients of one connection in 24 hours. Microsoft counts them for the tenant (Tenant External
 * Recipient Rate Limit), so its mailboxes share them. A mailbox that has used more than an even share leaves a quarter
 * of the limit to the others.
 */
export class ExternalLimit {
  readonly #limit: number | undefined;
  readonly #granted: GrantedPart | undefined;
  readonly #all: SlidingWindow;
  readonly #destinations = new Map<string, SlidingWindow>();
  /** Set when Microsoft reports that the limit is reached. */
  pause: LearnedPause | undefined;

  /**
   * @param limit undefined: only pauses apply
   * @param granted this instance's part of the limit, if other instances share it
   */
  constructor(limit: number | undefined, granted?: GrantedPart) {
    this.#limit = limit;
    this.#granted = granted;
    this.#all = new SlidingWindow(limit ?? 1, dayMs);
  }

  /** Whether recipients are counted in advance. */
  get counts(): boolean {
    return this.#limit !== undefined;
  }

  /**
   * Loads the last 24 hours from the store.
   * @param sent of all mailboxes of the connection
   * @param isKnown true for mailboxes whose every attempt since an earlier call was made here: the counts here are
   * better than the store's
   */
  seed(sent: readonly ExternalCount[], isKnown: (destination: string) => boolean): void {
    const others = new Map<string, WindowEntry[]>();
    for (const { destination, endedAtMs, external } of sent.toSorted((a, b) => a.endedAtMs - b.endedAtMs)) {
      if (isKnown(destination)) continue;
      const entries = others.get(destination) ?? [];
      entries.push({ atMs: endedAtMs, amount: external });
      others.set(destination, entries);
    }
    for (const [destination, window] of this.#destinations) {
      if (!isKnown(destination)) window.replace(others.get(destination) ?? []);
    }
    for (const [destination, entries] of others) this.#destination(destination).replace(entries);
    const all = [...this.#destinations.values()].flatMap((window) => window.entries);
    this.#all.replace(all.sort((a, b) => a.atMs - b.atMs));
  }

  /**
   * Milliseconds until a destination may send to this many external recipients; `Infinity`: until an attempt has ended.
   */
  waitMs(destination: string, nowMs: number, recipients: number): number {
    const pausedMs = pauseLeftMs(this.pause, nowMs);
    if (this.#limit === undefined) return pausedMs;
    const used = this.#destination(destination).taken(nowMs) + recipients;
    const even = used <= this.#limit / Math.max(1, this.#destinations.size);
    const limit = even ? this.#limit : Math.max(1, Math.floor(this.#limit * (1 - keptForOthers)));
    const ownMs = this.#all.waitMs(nowMs, recipients, this.#destinations.size > 1 ? limit : this.#limit);
    return Math.max(pausedMs, ownMs, this.#granted?.waitMs(recipients) ?? 0);
  }

  /**
   * Whether a part of the limit shared between instances has been requested for this many; the answer wakes all that
   * wait for it.
   */
  isAskedFor(recipients: number): boolean {
    return this.#granted?.isAskedFor(recipients) === true;
  }

  /** No mailbox of the connection is delivered here any more. @returns resolves when the rest is available to others */
  async close(): Promise<void> {
    await this.#granted?.close();
  }

  reserve(destination: string, recipients: number): void {
    if (recipients === 0) return;
    this.#all.reserve(recipients);
    this.#granted?.reserve(recipients);
    this.#destination(destination).reserve(recipients);
  }

  /** A reserved attempt has ended; `used` of its recipients were served. */
  settle(destination: string, reserved: number, atMs: number, used: number): void {
    if (!this.counts || (reserved === 0 && used === 0)) return;
    this.#all.settle(reserved, atMs, used);
    this.#granted?.settle(reserved, used);
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
