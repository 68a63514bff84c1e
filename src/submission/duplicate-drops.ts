import type { Clock } from '../base/clock.ts';
import { type RecordTable, recordKinds } from '../base/record-table.ts';

/** The drops of a message's duplicates. Times in milliseconds since 1970. */
export interface Drops {
  readonly count: number;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
}

/** Several may count at the same time: each tries this often. */
const tries = 10;

/** Counts dropped duplicates by the id of the message that was kept. Only a drop costs anything. */
export class DuplicateDrops {
  readonly #records: RecordTable;
  readonly #clock: Clock;
  readonly #stayMs: number;

  /** @param stayMs how long the count is kept after the last drop: as long as its message may exist */
  constructor(records: RecordTable, clock: Clock, stayMs: number) {
    this.#records = records;
    this.#clock = clock;
    this.#stayMs = stayMs;
  }

  /** Records that one more duplicate of a message was dropped just now. Rejects as the store does. */
  async note(id: string): Promise<void> {
    const lastAtMs = this.#clock.now();
    for (let n = 0; n < tries; n += 1) {
      const there = await this.#records.get(recordKinds.drops, id, lastAtMs);
      const { count, firstAtMs } = dropsOf(there?.value) ?? { count: 0, firstAtMs: lastAtMs };
      const value = JSON.stringify({ count: count + 1, firstAtMs, lastAtMs });
      const options = { expiresAtMs: lastAtMs + this.#stayMs, soft: true };
      if (there) {
        const { version } = there;
        if (await this.#records.put(recordKinds.drops, id, value, { ...options, ifVersion: version })) return;
      } else if (!(await this.#records.add(recordKinds.drops, id, value, lastAtMs, options))) return;
    }
  }
}

/** How often a message was repeated; undefined: never. */
export async function dropsOfMessage(records: RecordTable, id: string, nowMs: number): Promise<Drops | undefined> {
  return dropsOf((await records.get(recordKinds.drops, id, nowMs))?.value);
}

function dropsOf(value: string | undefined): Drops | undefined {
  return value === undefined ? undefined : (JSON.parse(value) as Drops);
}
