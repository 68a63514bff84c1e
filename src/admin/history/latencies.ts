/** Each bucket ends at twice the end of the one before; the last one, from about a week on, is open. */
const firstEndMs = 10;
const buckets = 28;

/** Delivery times in buckets: enough for percentiles, in little space. */
export class Latencies {
  #counts: number[] | undefined;

  add(ms: number): void {
    this.#counts ??= new Array<number>(buckets).fill(0);
    const bucket = Math.max(0, Math.ceil(Math.log2(Math.max(ms, 1) / firstEndMs)));
    const index = Math.min(buckets - 1, bucket);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  /**
   * The time within which a share of them was delivered, in milliseconds, by the end of its bucket; undefined if there
   * are none.
   */
  percentile(share: number): number | undefined {
    const counts = this.#counts;
    const total = counts?.reduce((sum, each) => sum + each, 0) ?? 0;
    if (!counts || total === 0) return undefined;
    let left = share * total;
    const index = counts.findIndex((each) => {
      left -= each;
      return left <= 0;
    });
    return firstEndMs * 2 ** Math.max(0, index);
  }

  /** Pairs of a bucket and its count; empty if there are none. */
  kept(): readonly number[] {
    return (this.#counts ?? []).flatMap((count, index) => (count > 0 ? [index, count] : []));
  }

  restore(kept: readonly number[]): void {
    for (let at = 0; at + 1 < kept.length; at += 2) {
      const [index = 0, count = 0] = [kept[at], kept[at + 1]];
      if (!Number.isInteger(index) || index < 0 || index >= buckets || !(count > 0)) continue;
      this.#counts ??= new Array<number>(buckets).fill(0);
      this.#counts[index] = count;
    }
  }
}
