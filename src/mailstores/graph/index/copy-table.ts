import type { IndexDatabase } from './database.ts';

/** A message as instances exchange it; the columns of the table. */
export interface CopiedMessage {
  readonly id: string;
  readonly uid: number;
  /** Separated by spaces. */
  readonly flags: string;
  /** Milliseconds since 1970. */
  readonly received: number;
  readonly size: number;
  readonly is_exact: boolean;
  readonly modseq: number;
  readonly change_key: string;
  /** JSON. */
  readonly envelope: string;
  readonly in_reply_to: string | null;
  readonly refs: string | null;
}

const columns = 'id, uid, flags, received, size, is_exact, modseq, change_key, envelope, in_reply_to, refs';

/** The messages of folders as rows exchanged with another table. */
export class CopyTable {
  readonly #db: IndexDatabase;

  constructor(db: IndexDatabase) {
    this.#db = db;
  }

  /** Rows of those messages that have a UID. */
  rows(folder: number, ids: Iterable<string>): readonly CopiedMessage[] {
    const statement = this.#db.sql(`SELECT ${columns} FROM messages WHERE folder = ? AND id = ? AND uid IS NOT NULL`);
    return [...ids].flatMap((id) => {
      const row = statement.get(folder, id);
      return row === undefined ? [] : [{ ...row, is_exact: row.is_exact === 1 } as unknown as CopiedMessage];
    });
  }

  /** Replaces the message's row. An exact size is kept. */
  put(folder: number, message: CopiedMessage, round: number): void {
    const { id, uid, flags, received, size, is_exact, modseq, change_key, envelope, in_reply_to, refs } = message;
    this.#db
      .sql(
        `INSERT INTO messages (folder, ${columns}, round, is_described)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
         ON CONFLICT (folder, id) DO UPDATE SET uid = excluded.uid, flags = excluded.flags, received = excluded.received,
           size = CASE WHEN is_exact > excluded.is_exact THEN size ELSE excluded.size END,
           is_exact = max(is_exact, excluded.is_exact), modseq = excluded.modseq, change_key = excluded.change_key,
           envelope = excluded.envelope, in_reply_to = excluded.in_reply_to, refs = excluded.refs, is_described = 1`,
      )
      .run(
        ...[folder, id, uid, flags, received, size, Number(is_exact), modseq, change_key, envelope],
        ...[in_reply_to, refs, round],
      );
  }

  /** Drops at most `limit` messages of a folder. @returns whether there may be more */
  drop(folder: number, limit: number): boolean {
    const { changes } = this.#db
      .sql('DELETE FROM messages WHERE key IN (SELECT key FROM messages WHERE folder = ? LIMIT ?)')
      .run(folder, limit);
    this.#db.sql('DELETE FROM removals WHERE folder = ?').run(folder);
    return changes === limit;
  }
}
