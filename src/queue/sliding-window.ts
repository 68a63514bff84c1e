/**
 * How much was spent within the last `windowMs`, exactly: what Microsoft counts is a window that slides, and a bucket
 * that refills would let twice the limit through around a pause.
 */
export class SlidingWindow {
  readonly #windowMs: number;
  readonly #limit: number;
  #entries: { readonly atMs: number; readonly amount: number }[] = [];
  #spent = 0;

  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** Spends; times must not go back. */
  spend(atMs: number, amount: number): void {
    this.#entries.push({ atMs, amount });
    this.#spent += amount;
  }

  /** Milliseconds until `amount` may be spent; 0 if now. More than the whole limit is let through an empty window. */
  waitMs(nowMs: number, amount: number): number {
    this.#forget(nowMs);
    let excess = this.#spent + amount - this.#limit;
    for (const entry of this.#entries) {
      if (excess <= 0) return 0;
      excess -= entry.amount;
      if (excess <= 0) return entry.atMs + this.#windowMs - nowMs;
    }
    const last = this.#entries.at(-1);
    return excess > 0 && last ? last.atMs + this.#windowMs - nowMs : 0;
  }

  #forget(nowMs: number): void {
    let gone = 0;
    for (const entry of this.#entries) {
      if (entry.atMs + this.#windowMs > nowMs) break;
      this.#spent -= entry.amount;
      gone++;
    }
    if (gone > 0) this.#entries = this.#entries.slice(gone);
  }
}
