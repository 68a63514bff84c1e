import type { RecordOptions, StoredRecord } from '../../../../base/record-table.ts';
import type { Statements } from './statements.ts';

/** A row of the table of records. */
export interface RecordRow {
  readonly key: string;
  readonly value: string;
  readonly version: number;
  readonly expires_at: number | null;
}

const notExpired = '(expires_at IS NULL OR expires_at > ?)';

export function getRecord(db: Statements, kind: string, key: string, nowMs: number): StoredRecord | undefined {
  const row = db.sql(`SELECT * FROM records WHERE kind = ? AND key = ? AND ${notExpired}`).get(kind, key, nowMs);
  return row && recordOfRow(row as unknown as RecordRow);
}

export function listRecords(db: Statements, kind: string, nowMs: number, prefix: string): Map<string, StoredRecord> {
  const rows = db
    .sql(`SELECT * FROM records WHERE kind = ? AND key >= ? AND key < ? AND ${notExpired}`)
    // No text of ours contains the highest code point.
    .all(kind, prefix, `${prefix}\u{10ffff}`, nowMs) as unknown as RecordRow[];
  return new Map(rows.map((row) => [row.key, recordOfRow(row)]));
}

/** Within a transaction. @returns the record that was there and stays */
export function addRecord(
  db: Statements,
  [kind, key, value]: readonly [kind: string, key: string, value: string],
  nowMs: number,
  options: RecordOptions,
): StoredRecord | undefined {
  const there = getRecord(db, kind, key, nowMs);
  if (!there) putRecord(db, [kind, key, value], options);
  return there;
}

/** Within a transaction. */
export function putRecord(
  db: Statements,
  [kind, key, value]: readonly [kind: string, key: string, value: string],
  { expiresAtMs, ifVersion }: RecordOptions & { readonly ifVersion?: number },
): number | undefined {
  const version = (db.sql('SELECT version FROM records WHERE kind = ? AND key = ?').get(kind, key)?.version ??
    0) as number;
  if (ifVersion !== undefined && ifVersion !== version) return undefined;
  db.sql('INSERT OR REPLACE INTO records (kind, key, value, version, expires_at) VALUES (?, ?, ?, ?, ?)').run(
    kind,
    key,
    value,
    version + 1,
    expiresAtMs === undefined ? null : Math.round(expiresAtMs),
  );
  return version + 1;
}

export function recordOfRow({ value, version, expires_at }: RecordRow): StoredRecord {
  return { value, version, ...(expires_at === null ? {} : { expiresAtMs: expires_at }) };
}
