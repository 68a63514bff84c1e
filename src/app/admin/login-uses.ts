import { LRUCache } from 'lru-cache';
import type { Clock } from '../../base/clock.ts';

const maxAccounts = 20_000;

/** When accounts last logged in, since the bridge started. */
export class LoginUses {
  readonly #clock: Clock;
  readonly #lastMs = new LRUCache<string, number>({ max: maxAccounts });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(username: string): void {
    this.#lastMs.set(username, this.#clock.now());
  }

  /** ISO 8601; null: not since the start. */
  last(username: string): string | null {
    const ms = this.#lastMs.get(username);
    return ms === undefined ? null : new Date(ms).toISOString();
  }
}
