import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { openIndexDatabase } from './schema.ts';

/** The database of an index: cached statements, transactions, and a few named facts. */
export class IndexDatabase {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();
  #depth = 0;

  /** @param isCopy the file is a copy of an index kept elsewhere @throws BridgeError `mailbox-index-unusable` */
  constructor(file: string, isCopy: boolean) {
    this.#db = openIndexDatabase(file, isCopy);
  }

  sql(text: string): StatementSync {
    const known = this.#prepared.get(text);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(text);
    this.#prepared.set(text, statement);
    return statement;
  }

  /** A statement that returns rows as arrays: for many rows, this takes half the time of objects. */
  sqlOfArrays(text: string): StatementSync {
    const statement = this.sql(text);
    statement.setReturnArrays(true);
    return statement;
  }

  /** Keeps all of `work` or none of it; a nested call joins the outer transaction. */
  transaction<Result>(work: () => Result): Result {
    if (this.#depth > 0) return work();
    this.#db.exec('BEGIN IMMEDIATE');
    this.#depth++;
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      // A full disk has already rolled it back.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    } finally {
      this.#depth--;
    }
  }

  /** Does `work`, rolls it back, and returns its result. Not allowed within a transaction. */
  rehearse<Result>(work: () => Result): Result {
    if (this.#depth > 0) throw new Error('what is rehearsed stands in no transaction');
    this.#db.exec('BEGIN IMMEDIATE');
    this.#depth++;
    try {
      return work();
    } finally {
      this.#depth--;
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    }
  }

  fact(name: string): string | undefined {
    return this.sql('SELECT value FROM facts WHERE name = ?').get(name)?.value as string | undefined;
  }

  setFact(name: string, value: string): void {
    this.sql(
      'INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    ).run(name, value);
  }

  close(): void {
    this.#prepared.clear();
    this.#db.close();
  }
}
