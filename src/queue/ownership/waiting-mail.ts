import type { QueueStore } from '../store.ts';
import type { OwnershipTimes } from './times.ts';

/** How many keys that were claimed in vain are tried at a time. */
const mostAgain = 500;
const longestLeftAloneMs = 30_000;
/**
 * A store that is slow to report waiting mail is asked less often: this many times its answer time passes in between.
 */
const readShare = 10;
const longestReadGapMs = 10_000;

export interface WaitingMailOptions {
  readonly store: Pick<QueueStore, 'destinations'>;
  readonly times: OwnershipTimes;
  readonly monotonicMs: () => number;
  keyOf(destination: string): string;
  /** Whether this instance owns it. */
  isOurs(key: string): boolean;
  /** Whether this instance is the preferred one. */
  isPreferred(key: string): boolean;
}

interface Tries {
  /** Since when it waits for its currently preferred instance. */
  sinceMs: number;
  nextMs: number;
  count: number;
}

/** Tracks which keys have mail, and when this instance tries to own those that it does not. */
export class WaitingMail {
  readonly #options: WaitingMailOptions;
  #keys = new Set<string>();
  /** Keys that are not ours; the one tried longest ago first. */
  readonly #tries = new Map<string, Tries>();
  #nextReadMs = Number.NEGATIVE_INFINITY;

  constructor(options: WaitingMailOptions) {
    this.#options = options;
  }

  /** Whether it is time to {@link read}. */
  get isOld(): boolean {
    return this.#options.monotonicMs() >= this.#nextReadMs;
  }

  /** Changes may have been missed. */
  makeOld(): void {
    this.#nextReadMs = Number.NEGATIVE_INFINITY;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** @returns whether it is to be tried, and was not before */
  add(key: string): boolean {
    this.#keys.add(key);
    return this.#tryLater(key);
  }

  gained(key: string): void {
    this.#tries.delete(key);
  }

  clear(): void {
    this.#keys.clear();
    this.#tries.clear();
    this.makeOld();
  }

  /** Asks the store. Rejects if it cannot be reached. */
  async read(): Promise<void> {
    const { store, monotonicMs, keyOf } = this.#options;
    const startedMs = monotonicMs();
    const destinations = await store.destinations();
    this.#nextReadMs = monotonicMs() + Math.min(longestReadGapMs, readShare * (monotonicMs() - startedMs));
    this.#keys = new Set(destinations.map(({ destination }) => keyOf(destination)));
    for (const [key, { sinceMs }] of this.#tries) {
      // Keys added while the store was asked are not in its answer.
      if (sinceMs >= startedMs) this.#keys.add(key);
      else if (!this.#keys.has(key)) this.#tries.delete(key);
    }
    for (const key of this.#keys) this.#tryLater(key);
  }

  /** Instances have come or gone: earlier tries no longer count. */
  tryAnew(): void {
    this.makeOld();
    for (const each of this.#tries.values()) Object.assign(each, this.#untried());
  }

  /**
   * The keys to claim now. A key whose preferred instance is another one is left alone for a while.
   * @param isNudged leases were released somewhere: keys preferred here are tried early
   */
  take(isNudged: boolean): string[] {
    const { isPreferred, times, monotonicMs } = this.#options;
    const nowMs = monotonicMs();
    const taken: string[] = [];
    let again = 0;
    for (const [key, each] of this.#tries) {
      const preferred = isPreferred(key);
      if (!this.#isDue(each, nowMs, preferred, isNudged)) continue;
      if ((each.count > 0 || !preferred) && ++again > mostAgain) continue;
      taken.push(key);
      const leftAloneMs = Math.min(longestLeftAloneMs, times.leftAloneMs * 2 ** each.count);
      each.nextMs = nowMs + (preferred ? times.beatMs : leftAloneMs);
      each.count++;
    }
    for (const key of taken) this.#toEnd(key);
    return taken;
  }

  #tryLater(key: string): boolean {
    if (this.#tries.has(key) || this.#options.isOurs(key)) return false;
    this.#tries.set(key, this.#untried());
    return true;
  }

  #untried(): Tries {
    return { sinceMs: this.#options.monotonicMs(), nextMs: Number.NEGATIVE_INFINITY, count: 0 };
  }

  #isDue({ sinceMs, nextMs, count }: Tries, nowMs: number, isPreferred: boolean, isNudged: boolean): boolean {
    if (isPreferred) return isNudged || nextMs <= nowMs;
    return nowMs >= (count === 0 ? sinceMs + this.#options.times.leftAloneMs : nextMs);
  }

  #toEnd(key: string): void {
    const each = this.#tries.get(key);
    this.#tries.delete(key);
    if (each) this.#tries.set(key, each);
  }
}
