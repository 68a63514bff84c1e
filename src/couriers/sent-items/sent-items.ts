import type { Clock } from '../../base/clock.ts';
import type { LoginOf } from '../login-of.ts';
import { RefusalMemory } from '../refusal-memory.ts';

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

/** Several places to look at; the first that is permitted serves, and which one that is, is learned for each mailbox. */
export class PermittedSentItems implements SentItems {
  readonly #places: readonly { readonly items: SentItems; readonly refused: RefusalMemory }[];

  constructor(places: readonly SentItems[], clock: Clock) {
    this.#places = places.map((items) => ({ items, refused: new RefusalMemory(clock) }));
  }

  async find(query: SentQuery, signal: AbortSignal): Promise<readonly string[] | undefined> {
    for (const { items, refused } of this.#places) {
      if (refused.isRefused(query.mailbox)) continue;
      const found = await items.find(query, signal);
      if (found !== undefined) return found;
      refused.remember(query.mailbox, refusedForMs);
    }
    return undefined;
  }
}

/** Whose Sent Items a copy may be in, where a person signed in for a mailbox. */
export type CopyPlace = 'mailbox' | 'login';

/**
 * Sent Items where a person signed in: a copy is with the mailbox, or with who logs in for it, as the courier has it.
 * One that is found is proof wherever it is; that there is none is known only where all of these may be looked into.
 */
export class PersonSentItems implements SentItems {
  readonly #items: SentItems;
  readonly #loginOf: LoginOf;
  readonly #places: readonly CopyPlace[];

  constructor(items: SentItems, loginOf: LoginOf, places: readonly CopyPlace[]) {
    this.#items = items;
    this.#loginOf = loginOf;
    this.#places = places;
  }

  async find({ mailbox, messageId }: SentQuery, signal: AbortSignal): Promise<readonly string[] | undefined> {
    let areAllOpen = true;
    for (const place of await this.#mailboxes(mailbox)) {
      const found = await this.#items.find({ mailbox: place, messageId }, signal);
      if (found === undefined) areAllOpen = false;
      else if (found.length > 0) return found;
    }
    return areAllOpen ? [] : undefined;
  }

  /** Each once. */
  async #mailboxes(mailbox: string): Promise<Iterable<string>> {
    const login = await this.#loginOf(mailbox);
    const named = this.#places.map((place) => (place === 'login' ? login : mailbox));
    return new Map(named.map((name) => [name.toLowerCase(), name])).values();
  }
}
