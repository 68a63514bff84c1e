/** Takes permits, and is woken when it may try again. */
export interface PermitTaker {
  readonly connection: string;
  /** May call {@link FairPermits.take} at once. */
  wake(): void;
}

interface Group {
  held: number;
  /** In the order in which they asked. */
  readonly waiting: Set<PermitTaker>;
}

/** A connection whose upstream hangs must leave permits for the others. */
const shareOfOneConnection = 0.75;

/**
 * Permits for concurrent deliveries of all mailboxes. A permit that becomes free goes to the connections in turn, and
 * within a connection to its mailboxes in turn. However much one mailbox has to send, each other gets its permit after
 * at most one delivery of everybody else.
 */
export class FairPermits {
  readonly #total: number;
  readonly #ofOneConnection: number;
  /** In the order of their turns. */
  readonly #groups = new Map<string, Group>();
  #held = 0;
  #turn: PermitTaker | undefined;

  /** @param total 1 or more */
  constructor(total: number) {
    this.#total = total;
    this.#ofOneConnection = Math.ceil(total * shareOfOneConnection);
  }

  /** @returns whether a permit was free; if not, the taker is woken when one is reserved for it */
  take(taker: PermitTaker): boolean {
    const group = this.#group(taker.connection);
    const isItsTurn = this.#turn === taker || group.waiting.size === 0;
    if (isItsTurn && this.#isFree(group)) {
      this.#turn = undefined;
      group.waiting.delete(taker);
      group.held++;
      this.#held++;
      return true;
    }
    group.waiting.add(taker);
    return false;
  }

  /** Gives a permit back. */
  release(taker: PermitTaker): void {
    this.#group(taker.connection).held--;
    this.#held--;
    for (let next = this.#next(); next; next = this.#next()) {
      this.#turn = next;
      next.wake();
      this.#turn = undefined;
    }
  }

  /** Removes and returns the first in line that could have a permit. */
  #next(): PermitTaker | undefined {
    if (this.#held >= this.#total) return undefined;
    for (const [connection, group] of this.#groups) {
      const [first] = group.waiting;
      if (!first || !this.#isFree(group)) continue;
      this.#groups.delete(connection);
      this.#groups.set(connection, group);
      group.waiting.delete(first);
      return first;
    }
    return undefined;
  }

  #isFree(group: Group): boolean {
    return this.#held < this.#total && group.held < this.#ofOneConnection;
  }

  #group(connection: string): Group {
    let group = this.#groups.get(connection);
    if (!group) {
      group = { held: 0, waiting: new Set() };
      this.#groups.set(connection, group);
    }
    return group;
  }
}
