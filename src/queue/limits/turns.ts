import type { QueuedMessage } from '../message.ts';
import type { QueueStore } from '../store.ts';

/** Messages known in memory for each account; the rest stays in the store. */
export const readAhead = 50;

interface Turn {
  ready: QueuedMessage[];
  /** The store may hold due messages that are not in {@link ready}. */
  more: boolean;
}

/**
 * The due messages of one mailbox: accounts that share it take turns, each with its longest due message. A
 * notification takes the turn of the account whose mail failed: first in line, the notices of a flood would double it.
 */
export class AccountTurns {
  readonly #destination: string;
  readonly #store: QueueStore;
  /** Messages that have been taken: in the store they may still be due. */
  readonly #away: ReadonlySet<string>;
  /** In the order of their turns. */
  readonly #turns = new Map<string, Turn>();
  /** The store may hold due messages of accounts that have no turn. */
  #stale = true;

  constructor(destination: string, store: QueueStore, away: ReadonlySet<string>) {
    this.#destination = destination;
    this.#store = store;
    this.#away = away;
  }

  /** A new message, due at once. */
  accepted(message: QueuedMessage): void {
    // A look into the store may have been quicker, or is to come.
    if (this.#away.has(message.id)) return;
    const turn = this.#turns.get(message.account);
    if (!turn) {
      if (!this.#stale) this.#turns.set(message.account, { ready: [message], more: false });
      return;
    }
    if (turn.ready.some((each) => each.id === message.id)) return;
    if (!turn.more && turn.ready.length < readAhead) turn.ready.push(message);
    else turn.more = true;
  }

  /** Time has passed: more may be due by now. */
  lookAgain(): void {
    this.#stale = true;
  }

  /** The store has changed: nothing in memory holds any more. */
  reload(): void {
    this.#turns.clear();
    this.#stale = true;
  }

  /**
   * The first message, in the order of turns, that may start.
   * @returns `blocked` if there are messages and none of them may
   */
  peek(nowMs: number, mayStart: (message: QueuedMessage) => boolean): QueuedMessage | 'blocked' | undefined {
    if (this.#stale) this.#lookForAccounts();
    for (const [account, turn] of this.#turns) {
      if (turn.ready.length === 0 && turn.more) this.#refill(account, turn, nowMs);
      const [first] = turn.ready;
      if (!first) this.#turns.delete(account);
      else if (mayStart(first)) return first;
    }
    return this.#turns.size > 0 ? 'blocked' : undefined;
  }

  /** Takes out what {@link peek} gave; its account is the last in line then. */
  take(message: QueuedMessage): void {
    const turn = this.#turns.get(message.account);
    if (!turn) return;
    turn.ready.shift();
    this.#turns.delete(message.account);
    if (turn.ready.length > 0 || turn.more) this.#turns.set(message.account, turn);
  }

  #lookForAccounts(): void {
    for (const account of this.#store.accounts(this.#destination)) {
      const turn = this.#turns.get(account);
      if (turn) turn.more = true;
      else this.#turns.set(account, { ready: [], more: true });
    }
    this.#stale = false;
  }

  /** There may be more until a look finds nothing: then the turn ends. */
  #refill(account: string, turn: Turn, nowMs: number): void {
    const limit = readAhead + this.#away.size;
    const due = this.#store.due(this.#destination, nowMs, limit, account);
    turn.ready = due.filter((message) => !this.#away.has(message.id));
  }
}
