import type { Clock } from '../base/clock.ts';
import { type RecordTable, recordKinds } from '../base/record-table.ts';

/** What came again and was dropped as a duplicate of one message. Times in milliseconds since 1970. */
export interface Drops {
  readonly count: number;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
}

/** Several may count at the same time: each tries again so often. */
const tries = 10;

/** Keeps account of dropped duplicates by the id of the message that was kept. Only a drop costs anything. */
export class DuplicateDrops {
  readonly #records: RecordTable;
  readonly #clock: Clock;
  readonly #stayMs: number;

  /** @param stayMs how long the account stays after the last drop: as long as its message may be there */
  constructor(records: RecordTable, clock: Clock, stayMs: number) {
    this.#records = records;
    this.#clock = clock;
    this.#stayMs = stayMs;
  }

  /** One more duplicate of a message was dropped, now. Rejects as the store does. */
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

/** How often a message came again; undefined: it did not. */
export async function dropsOfMessage(records: RecordTable, id: string, nowMs: number): Promise<Drops | undefined> {
  return dropsOf((await records.get(recordKinds.drops, id, nowMs))?.value);
}

function dropsOf(value: string | undefined): Drops | undefined {
  return value === undefined ? undefined : (JSON.parse(value) as Drops);
}
