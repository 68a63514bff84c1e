import type { IndexDatabase } from './database.ts';

/** Beyond this, the oldest are dropped. */
const mostKept = 1_000;

/** Messages whose storing has begun but not ended, each with its marker at Graph. */
export class AppendTable {
  readonly #db: IndexDatabase;

  constructor(db: IndexDatabase) {
    this.#db = db;
  }

  /** @returns undefined if it has not begun since */
  marker(what: string, sinceMs: number): string | undefined {
    const row = this.#db.sql('SELECT marker FROM appends WHERE what = ? AND began >= ?').get(what, sinceMs);
    return row?.marker as string | undefined;
  }

  put(what: string, marker: string, nowMs: number): void {
    this.#db.sql('INSERT OR REPLACE INTO appends (what, marker, began) VALUES (?, ?, ?)').run(what, marker, nowMs);
    this.#db
      .sql('DELETE FROM appends WHERE what IN (SELECT what FROM appends ORDER BY began DESC LIMIT -1 OFFSET ?)')
      .run(mostKept);
  }

  remove(what: string): void {
    this.#db.sql('DELETE FROM appends WHERE what = ?').run(what);
  }
}
