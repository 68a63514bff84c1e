/** How many connections each account has open, and may have. */
export class AccountPlaces {
  readonly #max: number;
  readonly #taken = new Map<string, number>();

  /** @param max of each account and protocol */
  constructor(max: number) {
    this.#max = max;
  }

  /** Takes a place. @returns what gives it back, once however often it is called; undefined if all are taken */
  take(key: string): (() => void) | undefined {
    const taken = this.#taken.get(key) ?? 0;
    if (taken >= this.#max) return undefined;
    this.#taken.set(key, taken + 1);
    let mine = true;
    return () => {
      if (!mine) return;
      mine = false;
      const left = (this.#taken.get(key) ?? 1) - 1;
      if (left > 0) this.#taken.set(key, left);
      else this.#taken.delete(key);
    };
  }
}
