/** Stands for all values beyond the limit. */
export const otherLabel = 'other';

/** Values of a label, of which only a limited number are distinguished: the first ones. */
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
