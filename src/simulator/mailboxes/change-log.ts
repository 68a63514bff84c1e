/** The UIDs of messages that were added, changed or removed, in order. */
export class ChangeLog {
  #at: number[] = [];
  #uids: number[] = [];

  /** @param at ascending */
  add(at: number, uid: number): void {
    this.#at.push(at);
    this.#uids.push(uid);
  }

  /** Every change after a point in time. The cost is proportional to the result. */
  *since(at: number): Generator<{ readonly at: number; readonly uid: number }> {
    for (let index = this.#firstBehind(at); index < this.#at.length; index++) {
      yield { at: this.#at[index] ?? 0, uid: this.#uids[index] ?? 0 };
    }
  }

  /** Drops everything up to a point in time. */
  forget(at: number): void {
    const first = this.#firstBehind(at);
    this.#at = this.#at.slice(first);
    this.#uids = this.#uids.slice(first);
  }

  #firstBehind(at: number): number {
    let [low, high] = [0, this.#at.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#at[middle] ?? 0) > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
