/** Remembers the true sizes of messages whose store only estimates them; the oldest are forgotten first. */
export class SizeMemory {
  readonly #max: number;
  readonly #sizes = new Map<string, number>();

  /** @param max how many sizes are kept, at some 100 bytes each */
  constructor(max = 50_000) {
    this.#max = max;
  }

  get(key: string): number | undefined {
    return this.#sizes.get(key);
  }

  set(key: string, size: number): void {
    this.#sizes.delete(key);
    this.#sizes.set(key, size);
    if (this.#sizes.size <= this.#max) return;
    for (const oldest of this.#sizes.keys()) {
      this.#sizes.delete(oldest);
      return;
    }
  }
}
