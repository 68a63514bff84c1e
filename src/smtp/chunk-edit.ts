/**
 * Copies a chunk with octets left out and line ends inserted, in octet order. Without a change the result is the chunk
 * itself, not a copy.
 */
export class ChunkEdit {
  readonly #chunk: Buffer;
  #result: Buffer | undefined;
  #length = 0;
  /** Octets from here on have not been copied yet. */
  #from = 0;

  constructor(chunk: Buffer) {
    this.#chunk = chunk;
  }

  /** Leaves the octet at this position out. */
  skip(position: number): void {
    this.#takeUpTo(position);
    this.#from = position + 1;
  }

  /** Puts CRLF before the octet at this position. */
  insertLineEnd(position: number): void {
    this.#takeUpTo(position);
    const result = this.#room(2);
    result[this.#length++] = 0x0d;
    result[this.#length++] = 0x0a;
  }

  /** The result, without the octets from this position on. */
  finish(end: number): Buffer {
    if (this.#result === undefined) return this.#chunk.subarray(this.#from, end);
    this.#takeUpTo(end);
    return this.#result.subarray(0, this.#length);
  }

  #takeUpTo(position: number): void {
    if (position <= this.#from) return;
    // Only octets at the front were left out: the result still shares the chunk's memory.
    const result = this.#room(position - this.#from);
    this.#length += this.#chunk.copy(result, this.#length, this.#from, position);
    this.#from = position;
  }

  #room(octets: number): Buffer {
    this.#result ??= Buffer.allocUnsafe(this.#chunk.length + 512);
    if (this.#length + octets > this.#result.length) {
      const larger = Buffer.allocUnsafe(2 * (this.#length + octets));
      this.#result.copy(larger, 0, 0, this.#length);
      this.#result = larger;
    }
    return this.#result;
  }
}
