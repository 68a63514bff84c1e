/** The UIDs of a folder's messages in some order, updated without sorting them all again. */
export class UidOrder {
  readonly #compare: (a: number, b: number) => number;
  readonly #all: () => Iterable<number>;
  #ordered: number[] | undefined = [];

  /** @param all returns all UIDs, called when the order is rebuilt */
  constructor(compare: (a: number, b: number) => number, all: () => Iterable<number>) {
    this.#compare = compare;
    this.#all = all;
  }

  get list(): readonly number[] {
    this.#ordered ??= [...this.#all()].sort(this.#compare);
    return this.#ordered;
  }

  add(uid: number): void {
    this.#ordered?.splice(this.#placeOf(this.#ordered, uid), 0, uid);
  }

  /** Its message must still exist. */
  remove(uid: number): void {
    this.#ordered?.splice(this.#placeOf(this.#ordered, uid), 1);
  }

  /** Makes the next reader rebuild the order: cheaper after many changes at once. */
  forget(): void {
    this.#ordered = undefined;
  }

  /** The position of a UID, or where it belongs. New mail mostly belongs at the end. */
  #placeOf(ordered: readonly number[], uid: number): number {
    const last = ordered.at(-1);
    if (last === undefined || this.#compare(last, uid) < 0) return ordered.length;
    let [low, high] = [0, ordered.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(ordered[middle] ?? 0, uid) >= 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
