import type { DatabaseSync } from 'node:sqlite';

interface Waiting {
  readonly operation: () => unknown;
  readonly soft: boolean;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Commits what arrives within one turn of the event loop as one transaction: one flush of the disk for many messages,
 * and still no caller is answered before the flush.
 */
export class CommitGroup {
  readonly #db: DatabaseSync;
  #waiting: Waiting[] = [];

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /**
   * Runs `operation` inside a transaction; resolves with its result when the transaction is durable.
   * @param soft may resolve before the disk is flushed: only a loss of power then undoes the change
   */
  run<T>(operation: () => T, soft = false): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.flush());
      this.#waiting.push({ operation, soft, resolve: resolve as (result: unknown) => void, reject });
    });
  }

  /** Commits everything that waits, now. */
  flush(): void {
    const group = this.#waiting;
    if (group.length === 0) return;
    this.#waiting = [];
    try {
      const soft = group.every((each) => each.soft);
      const results = this.#transact(() => group.map((each) => each.operation()), soft);
      group.forEach((each, i) => {
        each.resolve(results[i]);
      });
    } catch {
      // One of them fails, or the disk is full: each runs separately, so that only the failing one is refused.
      for (const each of group) {
        try {
          each.resolve(this.#transact(each.operation, each.soft));
        } catch (error) {
          each.reject(error);
        }
      }
    }
  }

  #transact<T>(operation: () => T, soft: boolean): T {
    // With NORMAL, the log is only flushed before a checkpoint: a later flush includes what was soft.
    if (soft) this.#db.exec('PRAGMA synchronous = NORMAL');
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = operation();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    } finally {
      if (soft) this.#db.exec('PRAGMA synchronous = FULL');
    }
  }
}
