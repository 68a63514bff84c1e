import { LRUCache } from 'lru-cache';
import { boundedBy } from '../base/bounded-by.ts';
import type { Clock } from '../base/clock.ts';

export interface FailureRecordsOptions {
  readonly clock: Clock;
  /** Number of failures after which a key is blocked. */
  readonly limit: number;
  /** How long a block lasts, and how long a failure counts. */
  readonly blockMs: number;
  /** Maximum number of records; the least recently used one is dropped first. */
  readonly maxRecords: number;
}

interface Failures {
  /** Attempts, as digests: the same one again is a misconfigured device, not a guess. */
  readonly attempts: Set<string>;
  count: number;
  /** Counts of other instances, by instance. */
  readonly others: Map<string, number>;
  lastFailureMs: number;
  blockedUntilMs: number;
}

/** What instances report to each other about a key. */
export interface FailureState {
  /** Failures this instance has seen. */
  readonly count: number;
  readonly lastFailureMs: number;
  /** 0: not blocked. */
  readonly blockedUntilMs: number;
}

const mostOthers = 100;

function emptyAt(nowMs: number): Failures {
  return { attempts: new Set(), count: 0, others: new Map(), lastFailureMs: nowMs, blockedUntilMs: 0 };
}

function totalOf({ count, others }: Failures): number {
  return [...others.values()].reduce((sum, each) => sum + each, count);
}

/** Counts failed logins by key: an address, an account, or an account at an address. */
export class FailureRecords {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #blockMs: number;
  readonly #records: LRUCache<string, Failures>;

  constructor({ clock, limit, blockMs, maxRecords }: FailureRecordsOptions) {
    this.#clock = clock;
    this.#limit = limit;
    this.#blockMs = blockMs;
    this.#records = new LRUCache(boundedBy(maxRecords));
  }

  /** Milliseconds for which the key is blocked; 0 if it is not. */
  blockedForMs(key: string): number {
    const record = this.#fresh(key);
    return record ? Math.max(0, record.blockedUntilMs - this.#clock.now()) : 0;
  }

  /**
   * Records a failure.
   * @param attempt identifies the attempt; a repeated one is not counted. Absent: it is known to be a different one.
   * @returns `news` if this failure blocks the key or is half of the number required for that
   */
  failed(
    key: string,
    attempt?: string,
  ): { readonly count: number; readonly repeated: boolean; readonly news?: FailureState } {
    const now = this.#clock.now();
    const record = this.#fresh(key) ?? emptyAt(now);
    const repeated = attempt !== undefined && record.attempts.has(attempt);
    record.lastFailureMs = now;
    // Bounded: nothing is added beyond the limit.
    if (attempt !== undefined && record.attempts.size < this.#limit) record.attempts.add(attempt);
    if (!repeated) record.count++;
    const all = totalOf(record);
    const falls = !repeated && all >= this.#limit && record.blockedUntilMs <= now;
    if (falls) record.blockedUntilMs = now + this.#blockMs;
    this.#records.set(key, record);
    const { count, lastFailureMs, blockedUntilMs } = record;
    const isNews = falls || (!repeated && count === Math.ceil(this.#limit / 2));
    return { count: all, repeated, ...(isNews && { news: { count, lastFailureMs, blockedUntilMs } }) };
  }

  /**
   * Takes over what another instance knows of a key; repeated reports are harmless. It blocks for no longer than a
   * local failure would.
   * @param by the other instance
   */
  learn(key: string, { count, lastFailureMs, blockedUntilMs }: FailureState, by: string): void {
    const now = this.#clock.now();
    const record = this.#fresh(key) ?? emptyAt(0);
    const known = record.others.get(by) ?? 0;
    if (record.others.size < mostOthers || known > 0) record.others.set(by, Math.max(known, count));
    record.lastFailureMs = Math.max(record.lastFailureMs, Math.min(lastFailureMs, now));
    record.blockedUntilMs = Math.max(record.blockedUntilMs, Math.min(blockedUntilMs, now + this.#blockMs));
    this.#records.set(key, record);
  }

  /** Number of keys remembered now. */
  get size(): number {
    return this.#records.size;
  }

  #fresh(key: string): Failures | undefined {
    const record = this.#records.get(key);
    if (!record) return undefined;
    const leftMs = Math.max(record.lastFailureMs + this.#blockMs, record.blockedUntilMs) - this.#clock.now();
    // It can only last this long if the clock has been set back.
    if (leftMs > 0 && leftMs <= 2 * this.#blockMs) return record;
    this.#records.delete(key);
    return undefined;
  }
}
