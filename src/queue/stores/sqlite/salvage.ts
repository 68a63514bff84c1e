import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';

type Row = Readonly<Record<string, SQLInputValue>>;

/** Damage is skipped row by row, for at most more rows in a run than one inner page of the table leads to. */
const longestGap = 100_000;

/**
 * Every row of a table that can still be read, in rowid order; after each unreadable part it continues with the next
 * readable row.
 */
export function* readableRows(db: DatabaseSync, table: string): Generator<Row> {
  const next = prepared(db, `SELECT rowid, * FROM ${table} NOT INDEXED WHERE rowid > ? ORDER BY rowid LIMIT 1`);
  if (!next) return;
  let last = 0;
  let gap = 0;
  while (gap < longestGap) {
    const row = nextRow(next, last + gap);
    if (row === 'none') return;
    if (row === 'unreadable') {
      gap += 1;
      continue;
    }
    last = row.rowid as number;
    gap = 0;
    yield row;
  }
}

/** Undefined if even the table's definition is lost. */
function prepared(db: DatabaseSync, sql: string): StatementSync | undefined {
  try {
    return db.prepare(sql);
  } catch {
    return undefined;
  }
}

function nextRow(next: StatementSync, after: number): Row | 'none' | 'unreadable' {
  try {
    return (next.get(after) as Row | undefined) ?? 'none';
  } catch {
    return 'unreadable';
  }
}

/** Copies a row, limited to columns that the other table has. @returns whether it could be written */
export function copyRow(db: DatabaseSync, table: string, columns: readonly string[], row: Row): boolean {
  const known = columns.filter((column) => row[column] !== undefined);
  try {
    const sql = `INSERT INTO ${table} (${known.join(', ')}) VALUES (${known.map(() => '?').join(', ')})`;
    db.prepare(sql).run(...known.map((column) => row[column] as SQLInputValue));
    return true;
  } catch {
    return false;
  }
}

/** The names of a table's columns. */
export function columnsOf(db: DatabaseSync, table: string): string[] {
  return db
    .prepare('SELECT name FROM pragma_table_info(?)')
    .all(table)
    .map((row) => row.name as string);
}
