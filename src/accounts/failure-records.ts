import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.ts';

export interface FailureRecordsOptions {
  readonly clock: Clock;
  /** Failures until what they are held against is blocked. */
  readonly limit: number;
  /** How long a block lasts, and how long a failure is held against it. */
  readonly blockMs: number;
  /** Records kept; the one that was used longest ago is dropped first. */
  readonly maxRecords: number;
}

interface Failures {
  /** What was tried, as digests: the same again is a badly set device, not a guess. */
  readonly attempts: Set<string>;
  count: number;
  lastFailureMs: number;
  blockedUntilMs: number;
}

/** Failed logins, held against whatever a key stands for: an address, an account, an account at an address. */
export class FailureRecords {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #blockMs: number;
  readonly #records: LRUCache<string, Failures>;

  constructor({ clock, limit, blockMs, maxRecords }: FailureRecordsOptions) {
    this.#clock = clock;
    this.#limit = limit;
    this.#blockMs = blockMs;
    this.#records = new LRUCache({ max: maxRecords });
  }

  /** Milliseconds for which the key is blocked; 0 when it is not. */
  blockedForMs(key: string): number {
    const record = this.#fresh(key);
    return record ? Math.max(0, record.blockedUntilMs - this.#clock.now()) : 0;
  }

  /**
   * Notes a failure.
   * @param attempt tells it from others; the same again is not counted. Absent: it is known to be another one.
   */
  failed(key: string, attempt?: string): { readonly count: number; readonly repeated: boolean } {
    const now = this.#clock.now();
    const record = this.#fresh(key) ?? { attempts: new Set(), count: 0, lastFailureMs: now, blockedUntilMs: 0 };
    const repeated = attempt !== undefined && record.attempts.has(attempt);
    record.lastFailureMs = now;
    // Bounded: beyond the block nothing is added.
    if (attempt !== undefined && record.attempts.size < this.#limit) record.attempts.add(attempt);
    if (!repeated) record.count++;
    if (!repeated && record.count >= this.#limit && record.blockedUntilMs <= now) {
      record.blockedUntilMs = now + this.#blockMs;
    }
    this.#records.set(key, record);
    return { count: record.count, repeated };
  }

  /** Keys remembered now. */
  get size(): number {
    return this.#records.size;
  }

  #fresh(key: string): Failures | undefined {
    const record = this.#records.get(key);
    if (!record) return undefined;
    const leftMs = Math.max(record.lastFailureMs + this.#blockMs, record.blockedUntilMs) - this.#clock.now();
    // So long it lasts only where the clock has been set back.
    if (leftMs > 0 && leftMs <= 2 * this.#blockMs) return record;
    this.#records.delete(key);
    return undefined;
  }
}
