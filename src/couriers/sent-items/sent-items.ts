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

/**
 * Sent Items of who logs in for a mailbox: Exchange keeps the copy of what came by SMTP there, whatever MAIL FROM names.
 */
export class LoginSentItems implements SentItems {
  readonly #items: SentItems;
  readonly #loginOf: LoginOf;

  constructor(items: SentItems, loginOf: LoginOf) {
    this.#items = items;
    this.#loginOf = loginOf;
  }

  async find({ mailbox, messageId }: SentQuery, signal: AbortSignal): Promise<readonly string[] | undefined> {
    return this.#items.find({ mailbox: await this.#loginOf(mailbox), messageId }, signal);
  }
}

/**
 * Sent Items of the mailbox and of who logs in for it: a courier by Graph hands some messages to SMTP. A copy that is
 * found is proof wherever it is; that there is none is known only where both may be looked into.
 */
export class EitherSentItems implements SentItems {
  readonly #items: SentItems;
  readonly #loginOf: LoginOf;

  constructor(items: SentItems, loginOf: LoginOf) {
    this.#items = items;
    this.#loginOf = loginOf;
  }

  async find({ mailbox, messageId }: SentQuery, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const login = await this.#loginOf(mailbox);
    const own = await this.#items.find({ mailbox, messageId }, signal);
    if (login.toLowerCase() === mailbox.toLowerCase() || (own ?? []).length > 0) return own;
    const others = await this.#items.find({ mailbox: login, messageId }, signal);
    return own && others ? [...own, ...others] : others?.length ? others : undefined;
  }
}
