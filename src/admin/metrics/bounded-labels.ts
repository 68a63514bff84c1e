/** What stands for all beyond the bound. */
export const otherLabel = 'other';

/** Values of a label, of which no more than so many are told apart: first come, first kept. */
export class BoundedLabels {
  readonly #kept = new Set<string>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  of(value: string): string {
    if (this.#kept.has(value)) return value;
    if (this.#kept.size >= this.#most) return otherLabel;
    this.#kept.add(value);
    return value;
  }
}
