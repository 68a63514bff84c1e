import type { DatabaseSync } from 'node:sqlite';

interface Waiting {
  readonly operation: () => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Commits what arrives within one turn of the event loop as one transaction: one flush of the disk for many messages,
 * and still nobody is answered before the flush.
 */
export class CommitGroup {
  readonly #db: DatabaseSync;
  #waiting: Waiting[] = [];

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Runs `operation` inside a transaction; resolves with its result when the transaction is durable. */
  run<T>(operation: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.flush());
      this.#waiting.push({ operation, resolve: resolve as (result: unknown) => void, reject });
    });
  }

  /** Commits all that waits, now. */
  flush(): void {
    const group = this.#waiting;
    if (group.length === 0) return;
    this.#waiting = [];
    try {
      const results = this.#transact(() => group.map((each) => each.operation()));
      group.forEach((each, i) => {
        each.resolve(results[i]);
      });
    } catch {
      // One of them fails (or the disk is full): each for itself, so that only the guilty one is refused.
      for (const each of group) {
        try {
          each.resolve(this.#transact(each.operation));
        } catch (error) {
          each.reject(error);
        }
      }
    }
  }

  #transact<T>(operation: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = operation();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }
}
