import type { QueueStore, QueueSummary } from '../../queue/store.ts';

/** A slow count is repeated only after this many times its duration: it takes a hundredth of the store's time. */
const restFactor = 100;

/** How many messages there are, by state. For millions of delivered messages, a slightly old count is good enough. */
export class QueueNumbers {
  readonly #store: Pick<QueueStore, 'summary' | 'count'>;
  #delivered: { readonly count: number; readonly untilMs: number } | undefined;
  #counting: Promise<number> | undefined;
  #summary: Promise<QueueSummary> | undefined;

  constructor(store: Pick<QueueStore, 'summary' | 'count'>) {
    this.#store = store;
  }

  async byState(): Promise<Readonly<Record<string, number>>> {
    const [{ open }, delivered] = await Promise.all([this.#summaryNow(), this.#deliveredNow()]);
    const { queued, held, failed, quarantined } = open;
    return { queued, held, delivered, failed, quarantined };
  }

  /** When the oldest queued message was received; undefined if none is queued. */
  async oldestQueuedAtMs(): Promise<number | undefined> {
    return (await this.#summaryNow()).oldestQueuedAtMs;
  }

  /** One query for all simultaneous calls. */
  #summaryNow(): Promise<QueueSummary> {
    this.#summary ??= this.#store.summary().finally(() => {
      this.#summary = undefined;
    });
    return this.#summary;
  }

  #deliveredNow(): Promise<number> | number {
    const known = this.#delivered;
    if (known && performance.now() < known.untilMs) return known.count;
    this.#counting ??= this.#count().finally(() => {
      this.#counting = undefined;
    });
    if (!known) return this.#counting;
    this.#counting.catch(() => {});
    return known.count;
  }

  async #count(): Promise<number> {
    const beganAtMs = performance.now();
    const count = await this.#store.count('delivered');
    const now = performance.now();
    const tookMs = now - beganAtMs;
    // A count that was quick is made anew each time.
    this.#delivered = tookMs < 20 ? undefined : { count, untilMs: now + restFactor * tookMs };
    return count;
  }
}
