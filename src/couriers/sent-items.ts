import type { Clock } from '../base/clock.ts';
import { RefusalMemory } from './refusal-memory.ts';

/** What a message is looked for by. */
export interface SentQuery {
  readonly mailbox: string;
  /** With its angle brackets. */
  readonly messageId: string;
}

/** A place where a mailbox's own copies of what it sent can be looked for. */
export interface SentItems {
  /**
   * @returns the markers of all copies with this Message-ID; undefined where the mailbox may not be looked into
   * @throws where looking failed for another reason, which may pass
   */
  find(query: SentQuery, signal: AbortSignal): Promise<readonly string[] | undefined>;
}

/** Permissions change seldom, and looking is seldom. */
const refusedForMs = 60 * 60_000;

/** Several ways to look; the first that is permitted serves, and which one that is, is learned for each mailbox. */
export class PermittedSentItems implements SentItems {
  readonly #ways: readonly { readonly items: SentItems; readonly refused: RefusalMemory }[];

  constructor(ways: readonly SentItems[], clock: Clock) {
    this.#ways = ways.map((items) => ({ items, refused: new RefusalMemory(clock) }));
  }

  async find(query: SentQuery, signal: AbortSignal): Promise<readonly string[] | undefined> {
    for (const { items, refused } of this.#ways) {
      if (refused.isRefused(query.mailbox)) continue;
      const found = await items.find(query, signal);
      if (found !== undefined) return found;
      refused.remember(query.mailbox, refusedForMs);
    }
    return undefined;
  }
}
