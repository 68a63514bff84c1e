import type { Database } from '../../../../postgres/database.ts';

const retryAfterMs = 1000;

/**
 * Undoes writes once the server is reachable: those of which nobody knows whether they took effect, and whose callers
 * were told that they failed. Lost with the process.
 */
export class Undoing {
  readonly #db: Database;
  readonly #works = new Set<() => Promise<void>>();
  readonly #unwatch: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(db: Database) {
    this.#db = db;
    this.#unwatch = db.watch((change) => {
      if (change === 'reachable') this.#soon(0);
    });
  }

  add(work: () => Promise<void>): void {
    this.#works.add(work);
    if (!this.#db.unreachable) this.#soon(retryAfterMs);
  }

  end(): void {
    this.#unwatch();
    clearTimeout(this.#timer);
  }

  #soon(waitMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#undoAll(), waitMs).unref();
  }

  async #undoAll(): Promise<void> {
    for (const work of this.#works) {
      try {
        await work();
        this.#works.delete(work);
      } catch {
        if (!this.#db.unreachable) this.#soon(retryAfterMs);
        return;
      }
    }
  }
}
