/** Enough for a few hundred messages of the usual size. */
const mostBytes = 2 * 1024 * 1024;

/**
 * Small bodies that have just come in, or whose attempt has just begun, for as long as there is room for them: an
 * attempt opens its message several times, and need not ask another thread for the same octets each time.
 */
export class RecentBodies {
  readonly #bodies = new Map<string, Uint8Array>();
  #bytes = 0;

  /** @param content does not change any more */
  keep(id: string, content: Uint8Array): void {
    this.forget(id);
    this.#bodies.set(id, content);
    this.#bytes += content.length;
    for (const [oldest] of this.#bodies) {
      if (this.#bytes <= mostBytes) return;
      this.forget(oldest);
    }
  }

  get(id: string): Uint8Array | undefined {
    return this.#bodies.get(id);
  }

  forget(id: string): void {
    this.#bytes -= this.#bodies.get(id)?.length ?? 0;
    this.#bodies.delete(id);
  }

  forgetAll(): void {
    this.#bodies.clear();
    this.#bytes = 0;
  }
}
