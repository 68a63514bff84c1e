import type { Clock } from '../base/clock.ts';

/** Remembers for which mailboxes something is unavailable, so that it is not requested for every message. */
export class RefusalMemory {
  readonly #clock: Clock;
  readonly #refused = new Map<string, { readonly sinceMs: number; readonly untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param forMs how long it is remembered */
  remember(mailbox: string, forMs: number): void {
    const sinceMs = this.#clock.now();
    this.#refused.set(mailbox.toLowerCase(), { sinceMs, untilMs: sinceMs + forMs });
  }

  isRefused(mailbox: string): boolean {
    const key = mailbox.toLowerCase();
    const refused = this.#refused.get(key);
    if (refused === undefined) return false;
    const now = this.#clock.now();
    // A time in the future was noted before the clock was set back.
    if (refused.sinceMs <= now && now < refused.untilMs) return true;
    this.#refused.delete(key);
    return false;
  }
}
