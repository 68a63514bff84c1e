/** An amount used, and when. */
export interface WindowEntry {
  readonly atMs: number;
  readonly amount: number;
}

/** Entries that have left the window are cut off in bulk, so that none is moved more than once. */
const cutOffAfter = 256;

/**
 * Measures exactly how much was used within the last `windowMs`. Microsoft counts in a sliding window; a token bucket
 * would let twice the limit through around a pause.
 *
 * Microsoft counts an attempt at an unknown moment between its start and its end. So an attempt takes its part of the
 * limit from its start ({@link reserve}) until a whole window after its end ({@link settle}): whatever the moment was,
 * no window of Microsoft's ever holds more than the limit.
 *
 * If the clock is set back, the latest usage counts as used just now.
 */
export class SlidingWindow {
  readonly #windowMs: number;
  readonly #limit: number;
  #entries: WindowEntry[] = [];
  #first = 0;
  #used = 0;
  #reserved = 0;

  /** @param limit 1 or more */
  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** Usage that has not been forgotten yet, ordered by time. */
  get entries(): readonly WindowEntry[] {
    return this.#entries.slice(this.#first);
  }

  /** Replaces the recorded usage; reservations stay. @param entries ordered by time */
  replace(entries: readonly WindowEntry[]): void {
    this.#entries = [...entries];
    this.#first = 0;
    this.#used = entries.reduce((sum, { amount }) => sum + amount, 0);
  }

  /** Reserves a part of the limit for something that begins now. */
  reserve(amount: number): void {
    this.#reserved += amount;
  }

  /** What began with {@link reserve} has ended and used this much. */
  settle(reserved: number, atMs: number, used: number): void {
    this.#reserved -= reserved;
    this.#setBack(atMs);
    if (used > 0) this.#entries.push({ atMs, amount: used });
    this.#used += used;
  }

  /** What counts now: used within the window, or reserved. */
  taken(nowMs: number): number {
    this.#forget(nowMs);
    return this.#used + this.#reserved;
  }

  /**
   * Milliseconds until `amount` fits in; 0: now; `Infinity`: only the end of something under way makes room. An amount
   * above the whole limit fits into an empty window.
   * @param limit another limit than the window's own
   */
  waitMs(nowMs: number, amount: number, limit = this.#limit): number {
    let excess = this.taken(nowMs) + Math.min(amount, limit) - limit;
    for (let i = this.#first; excess > 0 && i < this.#entries.length; i++) {
      const { atMs, amount: leaving } = this.#entries[i] as WindowEntry;
      excess -= leaving;
      if (excess <= 0) return atMs + this.#windowMs - nowMs;
    }
    return excess > 0 ? Number.POSITIVE_INFINITY : 0;
  }

  /** No usage lies in the future. */
  #setBack(nowMs: number): void {
    const aheadMs = (this.#entries.at(-1)?.atMs ?? nowMs) - nowMs;
    if (aheadMs <= 0) return;
    this.#entries = this.#entries.map(({ atMs, amount }) => ({ atMs: atMs - aheadMs, amount }));
  }

  #forget(nowMs: number): void {
    this.#setBack(nowMs);
    for (let entry = this.#entries[this.#first]; entry && entry.atMs + this.#windowMs <= nowMs; ) {
      this.#used -= entry.amount;
      entry = this.#entries[++this.#first];
    }
    if (this.#first < cutOffAfter) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }
}
