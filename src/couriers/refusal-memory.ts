import type { Clock } from '../base/clock.ts';

/** Remembers for which mailboxes something is not to be had, so that it is not asked for with every message. */
export class RefusalMemory {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param forMs how long it is believed */
  remember(mailbox: string, forMs: number): void {
    this.#until.set(mailbox.toLowerCase(), this.#clock.now() + forMs);
  }

  isRefused(mailbox: string): boolean {
    const key = mailbox.toLowerCase();
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (until > this.#clock.now()) return true;
    this.#until.delete(key);
    return false;
  }
}
