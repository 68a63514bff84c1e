import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BridgeError } from '../../base/errors.ts';
import { recordKinds } from '../../base/record-table.ts';
import type { MessageState, QueuedMessage } from '../message.ts';
import type { KeptMessage, MovableStore } from './transfer.ts';

/** The result of a move. */
export interface MovedQueue {
  /** Messages by their state after the move. */
  readonly messages: Readonly<Partial<Record<MessageState, number>>>;
  /** Octets of the bodies. */
  readonly octets: number;
  /** Those of these messages that were already in the other store, because an earlier move was interrupted. */
  readonly alreadyThere: number;
  /** Messages that turned out to be damaged. */
  readonly quarantined: readonly { readonly id: string; readonly damage: string }[];
  /** Duplicates seen, copy notes, keys, invitations. */
  readonly records: number;
  readonly pauses: number;
  readonly followUps: number;
  /** Deliveries of which only the amount sent is kept. */
  readonly counts: number;
  /** Whether both stores had keys of their own, in which case the target's stay. */
  readonly keysKept: boolean;
}

export interface MoveOptions {
  /** Reports how many messages were moved. */
  onProgress?(done: number): void;
  /** Called before each step; throws if others use the stores by then. */
  check?(): void;
}

/** Messages in one step: what is in memory at a time, except bodies. */
const atATime = 500;
/** Bodies moved at the same time. */
const bodiesAtOnce = 64;
/** Records that are always in the queue's store; sign-ins and app passwords may be in the data folder. */
const movedKinds = [
  recordKinds.key,
  recordKinds.copy,
  recordKinds.duplicate,
  recordKinds.drops,
  recordKinds.invitation,
];

/**
 * Moves everything in a store to another one. Nothing is removed before it is durable there. If interrupted at any
 * point, another call continues. Nobody else may use either store.
 * @throws BridgeError of the stores
 */
export async function moveQueue(from: MovableStore, to: MovableStore, options: MoveOptions = {}): Promise<MovedQueue> {
  const move = new Move(from, to, options);
  // These keys identify copies of sent messages, so they are moved before the messages that may be looked for.
  const records = await move.records();
  const pauses = await move.pauses();
  await move.messages();
  const followUps = await move.followUps();
  const counts = await move.counts();
  await move.clear();
  return { ...move.moved, records, pauses, followUps, counts };
}

class Move {
  readonly #from: MovableStore;
  readonly #to: MovableStore;
  readonly #options: MoveOptions;
  readonly #messages: Partial<Record<MessageState, number>> = {};
  readonly #quarantined: { readonly id: string; readonly damage: string }[] = [];
  #octets = 0;
  #done = 0;
  #alreadyThere = 0;
  #keysKept = false;

  constructor(from: MovableStore, to: MovableStore, options: MoveOptions) {
    this.#from = from;
    this.#to = to;
    this.#options = options;
  }

  get moved() {
    return {
      messages: this.#messages,
      octets: this.#octets,
      alreadyThere: this.#alreadyThere,
      quarantined: this.#quarantined,
      keysKept: this.#keysKept,
    };
  }

  async messages(): Promise<void> {
    for (let last = ''; ; ) {
      this.#options.check?.();
      const page = await this.#from.transfer.messages(last, atATime);
      const end = page.at(-1);
      if (!end) return;
      last = end.message.id;
      await this.#adoptAll(page);
      this.#options.check?.();
      await this.#from.transfer.forget(page.map(({ message }) => message.id));
      this.#done += page.length;
      this.#options.onProgress?.(this.#done);
    }
  }

  async records(): Promise<number> {
    const isFresh = (await this.#to.list({}, 1)).length === 0;
    let count = 0;
    await this.#eachRecords(async (kind, records) => {
      count += records.length;
      await Promise.all(
        records.map(async ([key, { value, expiresAtMs }]) => {
          const options = expiresAtMs === undefined ? {} : { expiresAtMs };
          // Expired records stay out of use: none of them is in the way.
          const there = await this.#to.records.add(kind, key, value, 0, options);
          if (kind !== recordKinds.key || !there || there.value === value) return;
          if (isFresh) await this.#to.records.put(kind, key, value, options);
          else this.#keysKept = true;
        }),
      );
    });
    return count;
  }

  async pauses(): Promise<number> {
    const there = new Map((await this.#to.pauses()).map(({ key, untilMs }) => [key, untilMs]));
    const pauses = await this.#from.pauses();
    for (const pause of pauses) if (pause.untilMs > (there.get(pause.key) ?? 0)) await this.#to.setPause(pause);
    return pauses.length;
  }

  async followUps(): Promise<number> {
    let count = 0;
    for (const destination of await this.#from.followUpDestinations(Number.MAX_SAFE_INTEGER)) {
      for (;;) {
        this.#options.check?.();
        const some = await this.#from.followUps(destination, Number.MAX_SAFE_INTEGER, atATime);
        if (some.length === 0) break;
        await this.#to.transfer.adoptFollowUps(some);
        await this.#from.changeFollowUps(some.map(({ id }) => ({ id, over: true })));
        count += some.length;
      }
    }
    return count;
  }

  async counts(): Promise<number> {
    let count = 0;
    for (let last = { id: '', number: 0 }; ; ) {
      const some = await this.#from.transfer.counts(last, atATime);
      const end = some.at(-1);
      if (!end) return count;
      last = end;
      await this.#to.transfer.adoptCounts(some);
      count += some.length;
    }
  }

  /** Removes what could not be removed before everything was there. */
  async clear(): Promise<void> {
    this.#options.check?.();
    await this.#from.purgeCounts(Number.MAX_SAFE_INTEGER);
    for (const { key } of await this.#from.pauses()) await this.#from.endPause(key);
    await this.#eachRecords(async (kind, records) => {
      await Promise.all(records.map(([key]) => this.#from.records.delete(kind, key)));
    });
  }

  async #eachRecords(
    work: (kind: string, records: Awaited<ReturnType<MovableStore['transfer']['records']>>) => Promise<void>,
  ): Promise<void> {
    for (const kind of movedKinds) {
      for (let last = ''; ; ) {
        this.#options.check?.();
        const some = await this.#from.transfer.records(kind, last, atATime);
        const end = some.at(-1);
        if (!end) break;
        last = end[0];
        await work(kind, some);
      }
    }
  }

  async #adoptAll(page: readonly KeptMessage[]): Promise<void> {
    const ids = page.map(({ message }) => message.id);
    const there = new Map((await this.#to.list({ ids }, ids.length)).map((message) => [message.id, message]));
    const left = page.values();
    const work = async () => {
      for (const kept of left) {
        const before = there.get(kept.message.id);
        if (before) this.#alreadyThere++;
        this.#note(kept, before ?? (await this.#adopt(kept)));
      }
    };
    await allOrFirstFailure(Array.from({ length: bodiesAtOnce }, work));
  }

  async #adopt(kept: KeptMessage): Promise<QueuedMessage> {
    const { id, state } = kept.message;
    const body = state === 'delivered' ? undefined : await this.#body(id);
    if (!body) return await this.#to.transfer.adopt(kept);
    const spool = await this.#to.transfer.spool(kept);
    try {
      await pipeline(
        body,
        intoSpool((chunk) => spool.write(chunk)),
      );
      // A store that returns what is left of a body returns nothing for a missing one.
      if (spool.size === 0 && kept.message.size > 0) return await this.#to.transfer.adopt(kept);
      return await spool.commit(kept.message);
    } finally {
      await spool.discard();
    }
  }

  /** Whatever exists of it; undefined: nothing. */
  async #body(id: string) {
    try {
      return await this.#from.open(id, { evenIfDamaged: true });
    } catch (error) {
      if (error instanceof BridgeError && error.code.startsWith('queue-body-')) return undefined;
      throw error;
    }
  }

  #note({ message: before }: KeptMessage, { id, state, size, damage }: QueuedMessage): void {
    this.#messages[state] = (this.#messages[state] ?? 0) + 1;
    if (state !== 'delivered') this.#octets += size;
    if (state === 'quarantined' && before.state !== 'quarantined') this.#quarantined.push({ id, damage: damage ?? '' });
  }
}

function intoSpool(write: (chunk: Buffer) => Promise<void> | void): Writable {
  return new Writable({
    write(chunk: Buffer, _, done) {
      Promise.resolve(write(chunk)).then(() => done(), done);
    },
  });
}

/** Waits for all of them, so that nothing continues after a failure. */
async function allOrFirstFailure(works: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(works);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
