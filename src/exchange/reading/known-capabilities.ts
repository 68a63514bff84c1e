import { LRUCache } from 'lru-cache';
import { boundedBy } from '../../base/bounded-by.ts';
import { type Clock, systemClock } from '../../base/clock.ts';

const keptMs = 60 * 60 * 1000;
const maxKept = 1_000;

/**
 * Capabilities of servers after login, kept for an hour. One host may serve several organizations differently,
 * including personal accounts, so the mailbox's domain counts as well.
 */
export class KnownCapabilities {
  readonly #clock: Clock;
  readonly #known = new LRUCache<string, { readonly capabilities: string; readonly until: number }>(boundedBy(maxKept));

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  get(peer: string, mailbox: string): string | undefined {
    const entry = this.#known.get(keyOf(peer, mailbox));
    return entry !== undefined && this.#clock.now() < entry.until ? entry.capabilities : undefined;
  }

  set(peer: string, mailbox: string, capabilities: string): void {
    this.#known.set(keyOf(peer, mailbox), { capabilities, until: this.#clock.now() + keptMs });
  }
}

function keyOf(peer: string, mailbox: string): string {
  return `${peer} ${mailbox.slice(mailbox.lastIndexOf('@') + 1).toLowerCase()}`;
}
