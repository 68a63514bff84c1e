import type { Clock } from '../../base/clock.ts';
import type { QueuedMessage } from '../message.ts';
import type { QueueStore } from '../store.ts';

/** Messages kept in memory for each account; the rest stay in the store. */
export const readAhead = 50;

/** How long to wait after the store could not be read. */
const restMs = 1000;

export interface AccountTurnsOptions {
  readonly destination: string;
  readonly store: Pick<QueueStore, 'accounts' | 'due' | 'nextDueMs'>;
  readonly clock: Clock;
  /** Messages that have been taken: in the store they may still be due. */
  readonly away: ReadonlySet<string>;
  /** {@link AccountTurns.peek} may no longer say `reading`. */
  onRead(): void;
  onFailure(error: unknown): void;
}

interface Turn {
  ready: QueuedMessage[];
  /** The store may hold due messages that are not in {@link ready}. */
  more: boolean;
  /** A message was accepted that the read under way may not have found. */
  isMissed: boolean;
}

/** Applies what a read has found, unless it is stale by then. */
type Apply = () => void;

/**
 * The due messages of one mailbox: accounts that share it take turns, each with its longest due message. A notice takes
 * the turn of the account whose mail failed: if notices went first, those of a flood would double it.
 *
 * The store is read one piece at a time, and nothing starts meanwhile: so no account loses its turn, and no message is
 * taken that an older read finds again.
 */
export class AccountTurns {
  readonly #options: AccountTurnsOptions;
  /** In turn order. */
  readonly #turns = new Map<string, Turn>();
  /** The store may hold due messages of accounts without a turn. */
  #isStale = true;
  /** The result of a look is used before the next look: however fast mail falls due, something starts in between. */
  #isFresh = false;
  /** The earliest time at which something falls due that no turn accounts for. */
  #dueMs = 0;
  /** The read under way; a stale read is not this one. */
  #reading: Promise<Apply> | undefined;
  #isLooking = false;
  #endRest: (() => void) | undefined;

  constructor(options: AccountTurnsOptions) {
    this.#options = options;
  }

  /** When it is worth looking again, as far as is known; `Infinity`: when something is accepted or deferred. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** A new message, due at once. */
  accepted(message: QueuedMessage): void {
    // A look into the store may have found it first, or is still to come.
    if (this.#options.away.has(message.id)) return;
    const turn = this.#turns.get(message.account);
    if (!turn) {
      if (this.#isStale) return;
      const isFound = this.#isLooking;
      this.#turns.set(message.account, { ready: isFound ? [] : [message], more: isFound, isMissed: false });
      return;
    }
    if (turn.ready.some((each) => each.id === message.id)) return;
    if (!turn.more && turn.ready.length < readAhead) {
      turn.ready.push(message);
      return;
    }
    turn.more = true;
    turn.isMissed = true;
  }

  /** More may be due by now. */
  lookAgain(): void {
    this.#isStale = true;
  }

  /** A message falls due at a time not known before. */
  defer(untilMs: number): void {
    this.#dueMs = Math.min(this.#dueMs, untilMs);
  }

  /** The store has changed: neither the messages in memory nor those being read are valid any more. */
  reload(): void {
    this.#turns.clear();
    this.#forgetRead();
    this.#endRest?.();
    this.#endRest = undefined;
  }

  /** Reads nothing more. */
  stop(): void {
    this.reload();
  }

  /**
   * The first message in turn order that may start.
   * @returns `blocked` if there are messages and none may start; `reading` if the store has to be read first
   */
  peek(
    nowMs: number,
    mayStart: (message: QueuedMessage) => boolean,
  ): QueuedMessage | 'blocked' | 'reading' | undefined {
    if (this.#reading || this.#endRest) return 'reading';
    if (!this.#isFresh && (this.#isStale || nowMs >= this.#dueMs)) return this.#read(this.#look(nowMs));
    const found = this.#first(nowMs, mayStart);
    if (found === 'reading') return found;
    this.#isFresh = false;
    const isNone = found === undefined || found === 'blocked';
    return isNone && this.#isStale ? this.#read(this.#look(nowMs)) : found;
  }

  /** Removes what {@link peek} returned; its account then goes to the end of the line. */
  take(message: QueuedMessage): void {
    const turn = this.#turns.get(message.account);
    if (!turn) return;
    turn.ready.shift();
    this.#turns.delete(message.account);
    if (turn.ready.length > 0 || turn.more) this.#turns.set(message.account, turn);
  }

  #first(nowMs: number, mayStart: (message: QueuedMessage) => boolean) {
    for (const [account, turn] of this.#turns) {
      if (turn.ready.length === 0 && turn.more) return this.#read(this.#refill(account, turn, nowMs));
      const [first] = turn.ready;
      if (!first) this.#turns.delete(account);
      else if (mayStart(first)) return first;
    }
    return this.#turns.size > 0 ? 'blocked' : undefined;
  }

  /** Finds the accounts that have mail, and when more of it falls due. */
  async #look(nowMs: number): Promise<Apply> {
    const { destination, store } = this.#options;
    const isDue = nowMs >= this.#dueMs;
    this.#isStale = false;
    this.#isLooking = true;
    if (isDue) this.#dueMs = Number.POSITIVE_INFINITY;
    const [accounts, nextDueMs = Number.POSITIVE_INFINITY] = await Promise.all([
      store.accounts(destination),
      isDue ? store.nextDueMs(destination, nowMs) : undefined,
    ]);
    return () => {
      this.#dueMs = Math.min(this.#dueMs, nextDueMs);
      this.#isFresh = true;
      for (const account of accounts) {
        const turn = this.#turns.get(account);
        if (turn) turn.more = true;
        else this.#turns.set(account, { ready: [], more: true, isMissed: false });
      }
    };
  }

  /** There may be more until a look finds nothing: then the turn ends. */
  async #refill(account: string, turn: Turn, nowMs: number): Promise<Apply> {
    const { destination, store, away } = this.#options;
    const left = new Set(away);
    turn.isMissed = false;
    const due = await store.due(destination, nowMs, readAhead + left.size, account);
    return () => {
      turn.ready = due.filter(({ id }) => !left.has(id));
      turn.more = turn.ready.length > 0 || turn.isMissed;
      // These were under way and no longer are: what was read of them is stale, and they may be due again.
      if (due.some(({ id }) => left.has(id) && !away.has(id))) this.#isStale = true;
    };
  }

  #read(reading: Promise<Apply>): 'reading' {
    const { onRead, onFailure } = this.#options;
    this.#reading = reading;
    reading.then(
      (apply) => {
        if (this.#reading !== reading) return;
        this.#reading = undefined;
        this.#isLooking = false;
        apply();
        onRead();
      },
      (error: unknown) => {
        if (this.#reading !== reading) return;
        this.#forgetRead();
        onFailure(error);
        this.#rest();
      },
    );
    return 'reading';
  }

  #forgetRead(): void {
    this.#reading = undefined;
    this.#isLooking = false;
    this.#isStale = true;
    this.#isFresh = false;
    this.#dueMs = 0;
  }

  #rest(): void {
    const { clock, onRead } = this.#options;
    this.#endRest = clock.after(restMs, () => {
      this.#endRest = undefined;
      onRead();
    });
  }
}
