/** The UIDs of a folder's messages in some order, kept up to date without sorting them all again. */
export class UidOrder {
  readonly #compare: (a: number, b: number) => number;
  readonly #all: () => Iterable<number>;
  #ordered: number[] | undefined = [];

  /** @param all the UIDs there are, asked for where the order is made anew */
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

  /** Its message must be there still. */
  remove(uid: number): void {
    this.#ordered?.splice(this.#placeOf(this.#ordered, uid), 1);
  }

  /** Has the order made anew by who asks next: cheaper where much changes at once. */
  forget(): void {
    this.#ordered = undefined;
  }

  /** Where a UID is or belongs. New mail mostly belongs at the end. */
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
