import { BridgeError } from '../../../../base/errors.ts';
import type { Database } from '../../../../postgres/database.ts';
import { isLoss, isShortage, statementFailure } from '../../../../postgres/failures.ts';

/** What a group writes, and how. */
export interface GroupOptions<E, R> {
  /** Writes entries in one statement. @returns the result of each, in order */
  write(entries: readonly E[]): Promise<readonly (R | Error)[]>;
  /** Entries with the same key are not written together. */
  keyOf?(entry: E): string;
  bytesOf?(entry: E): number;
  /** Most concurrent statements. */
  readonly atOnce: number;
  /**
   * Whether writing the same entries twice has the same effect as once: a statement is then repeated if its connection
   * breaks and nobody knows whether it took effect.
   */
  readonly isRepeatable: boolean;
  /** Called with entries that were refused although they may have been, or may yet be, written. */
  unclear?(entries: readonly E[]): void;
}

interface Waiting<E, R> {
  readonly entry: E;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

const mostEntries = 500;
const mostBytes = 4 * 1024 * 1024;
/** How long a statement whose end is unknown is repeated. */
const repeatForMs = 10_000;
/** A process that stood still for longer still repeats it once, if the server becomes reachable within this time. */
const leastRepeatMs = 3_000;

/**
 * Writes everything that arrives within one turn of the event loop, and everything that arrives while a statement is
 * under way, with one statement: one round trip and one flush of the server's log for many messages. No caller is
 * answered earlier.
 */
export class WriteGroup<E, R> {
  readonly #db: Database;
  readonly #options: GroupOptions<E, R>;
  #waiting: Waiting<E, R>[] = [];
  #underWay = 0;
  #isScheduled = false;
  readonly #idle = new Set<() => void>();

  constructor(db: Database, options: GroupOptions<E, R>) {
    this.#db = db;
    this.#options = options;
  }

  /** Resolves when the entry is durable. */
  add(entry: E): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject });
      this.#schedule();
    });
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    if (this.#underWay === 0 && this.#waiting.length === 0) return;
    await new Promise<void>((resolve) => this.#idle.add(resolve));
  }

  #schedule(): void {
    if (this.#isScheduled || this.#underWay >= this.#options.atOnce || this.#waiting.length === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      void this.#next();
    });
  }

  async #next(): Promise<void> {
    const batch = this.#take();
    this.#underWay++;
    this.#schedule();
    await this.#settle(batch);
    this.#underWay--;
    this.#schedule();
    if (this.#underWay > 0 || this.#waiting.length > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }

  #take(): Waiting<E, R>[] {
    const { keyOf, bytesOf } = this.#options;
    const keys = new Set<string>();
    const batch: Waiting<E, R>[] = [];
    const later: Waiting<E, R>[] = [];
    let bytes = 0;
    for (const each of this.#waiting) {
      const key = keyOf?.(each.entry);
      const isFull = batch.length === mostEntries || (batch.length > 0 && bytes > mostBytes);
      if (isFull || (key !== undefined && keys.has(key))) {
        later.push(each);
        continue;
      }
      if (key !== undefined) keys.add(key);
      bytes += bytesOf?.(each.entry) ?? 0;
      batch.push(each);
    }
    this.#waiting = later;
    return batch;
  }

  async #settle(batch: readonly Waiting<E, R>[]): Promise<void> {
    try {
      const results = await this.#write(batch.map(({ entry }) => entry));
      batch.forEach(({ resolve, reject }, i) => {
        const result = results[i] as R | Error;
        if (result instanceof Error) reject(result);
        else resolve(result);
      });
    } catch (error) {
      if (batch.length === 1 || isLoss(error) || isShortage(error)) {
        for (const { reject } of batch) reject(statementFailure(error, this.#db.where));
        return;
      }
      // One of them is to blame: each is written separately, so that only that one is refused.
      for (const each of batch) await this.#settle([each]);
    }
  }

  async #write(entries: readonly E[]): Promise<readonly (R | Error)[]> {
    const until = performance.now() + repeatForMs;
    let isUnclear = false;
    for (let tries = 1; ; tries++) {
      try {
        return await this.#options.write(entries);
      } catch (error) {
        if (!isLoss(error)) throw error;
        // The server never saw what the store itself refuses.
        isUnclear ||= !(error instanceof BridgeError);
        const left = Math.max(until - performance.now(), tries === 1 ? leastRepeatMs : 0);
        if (isUnclear && this.#options.isRepeatable && left > 0 && (await this.#db.reachable(left))) continue;
        if (isUnclear) this.#options.unclear?.(entries);
        throw error;
      }
    }
  }
}
