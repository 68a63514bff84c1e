import { BridgeError } from '../../../base/errors.ts';
import { type Database, slowDeadlineMs } from '../../../postgres/database.ts';
import type { Usage } from '../room.ts';

/** Limits of a queue on PostgreSQL, over all instances. */
export interface SharedRoom {
  /** Unlimited if left out. */
  readonly maxOctets?: number;
  readonly maxMessages?: number;
}

/** A count is valid for this long, or for so many times as long as the count took. */
const freshForMs = 1000;
const timesAsLong = 20;

/**
 * What the queue holds, as of a second ago, or some seconds in a queue of millions. What this instance has accepted
 * since is counted at once, what others did is not.
 */
export class SharedUsage {
  readonly #db: Database;
  readonly #room: SharedRoom;
  #known: (Usage & { readonly staleAtMs: number }) | undefined;
  #counting: Promise<void> | undefined;
  #added = { messages: 0, octets: 0 };

  constructor(db: Database, room: SharedRoom) {
    this.#db = db;
    this.#room = room;
  }

  /** @throws BridgeError `queue-full`, `queue-unreachable` */
  async assert(bytes: number): Promise<void> {
    if (this.#db.unreachable) throw this.#db.unreachable;
    const { maxOctets, maxMessages } = this.#room;
    if (maxOctets === undefined && maxMessages === undefined) return;
    const held = await this.#current();
    const messages = held.messages + this.#added.messages;
    const octets = held.octets + this.#added.octets;
    if (maxMessages !== undefined && messages >= maxMessages) {
      throw new BridgeError('queue-full', `The queue holds ${messages} messages (queue.maxMessages).`);
    }
    if (maxOctets !== undefined && octets + bytes > maxOctets) {
      const held = (octets / 1024 / 1024).toFixed(1);
      throw new BridgeError('queue-full', `The queue holds ${held} MB (queue.maxMegabytes).`);
    }
  }

  /** A message was accepted here. */
  add(octets: number): void {
    this.#added = { messages: this.#added.messages + 1, octets: this.#added.octets + octets };
  }

  /** Something was removed here. */
  forget(): void {
    this.#known = undefined;
  }

  async #current(): Promise<Usage> {
    const known = this.#known;
    if (known && performance.now() < known.staleAtMs) return known;
    this.#counting ??= this.#count().finally(() => {
      this.#counting = undefined;
    });
    // A refresh of a known count is not waited for.
    if (!known) await this.#counting;
    else this.#counting.catch(() => {});
    return this.#known ?? known ?? { messages: 0, octets: 0 };
  }

  async #count(): Promise<void> {
    const startedAtMs = performance.now();
    const before = this.#added;
    const [row] = await this.#db.ask(
      'SELECT count(*) AS messages, coalesce(sum(size), 0) AS octets FROM mailbridge.messages',
      [],
      { deadlineMs: slowDeadlineMs },
    );
    const now = performance.now();
    const staleAtMs = now + Math.max(freshForMs, (now - startedAtMs) * timesAsLong);
    this.#known = { messages: row?.messages as number, octets: row?.octets as number, staleAtMs };
    // Messages accepted while counting may be counted twice, until the next count.
    const { messages, octets } = this.#added;
    this.#added = { messages: messages - before.messages, octets: octets - before.octets };
  }
}
