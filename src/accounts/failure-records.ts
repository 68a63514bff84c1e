import { LRUCache } from 'lru-cache';
import { boundedBy } from '../base/bounded-by.ts';
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
  /** What other instances have counted, by what they go by. */
  readonly others: Map<string, number>;
  lastFailureMs: number;
  blockedUntilMs: number;
}

/** What one instance tells another of a key. */
export interface FailureState {
  /** Failures that this instance has seen. */
  readonly count: number;
  readonly lastFailureMs: number;
  /** 0: it is not blocked. */
  readonly blockedUntilMs: number;
}

const mostOthers = 100;

function emptyAt(nowMs: number): Failures {
  return { attempts: new Set(), count: 0, others: new Map(), lastFailureMs: nowMs, blockedUntilMs: 0 };
}

function totalOf({ count, others }: Failures): number {
  return [...others.values()].reduce((sum, each) => sum + each, count);
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
    this.#records = new LRUCache(boundedBy(maxRecords));
  }

  /** Milliseconds for which the key is blocked; 0 when it is not. */
  blockedForMs(key: string): number {
    const record = this.#fresh(key);
    return record ? Math.max(0, record.blockedUntilMs - this.#clock.now()) : 0;
  }

  /**
   * Notes a failure.
   * @param attempt tells it from others; the same again is not counted. Absent: it is known to be another one.
   * @returns `news`, where this failure blocks the key or is half of those that it takes
   */
  failed(
    key: string,
    attempt?: string,
  ): { readonly count: number; readonly repeated: boolean; readonly news?: FailureState } {
    const now = this.#clock.now();
    const record = this.#fresh(key) ?? emptyAt(now);
    const repeated = attempt !== undefined && record.attempts.has(attempt);
    record.lastFailureMs = now;
    // Bounded: beyond the block nothing is added.
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
   * Takes up what another instance knows of a key, however often it tells. It blocks for no longer than here.
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
