/**
 * Gives equal texts equal numbers. A number takes less memory than a text, and the messages of a thread repeat the
 * IDs of all those above them.
 */
export class Numbering {
  readonly #numbers = new Map([['', 0]]);

  /** Returns the number of a text: 0 for the empty one, a new one for each that was not asked for before. */
  of(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    // V8 keeps all of a text in memory for a piece of it.
    const copy = text.isWellFormed() ? Buffer.from(text).toString() : text;
    const number = this.#numbers.size;
    this.#numbers.set(copy, number);
    return number;
  }
}
