import { randomUUID } from 'node:crypto';
import type { RecordOptions, RecordTable, StoredRecord } from '../../../base/record-table.ts';
import { type Database, slowDeadlineMs } from '../../../postgres/database.ts';
import { durably, softly } from '../../../postgres/durability.ts';
import type { ResultRow } from '../../../postgres/session.ts';
import type { Undoing } from './writes/undoing.ts';
import { WriteGroup } from './writes/write-group.ts';

interface Writing {
  /** Unique to this write: repeated, it takes effect once. */
  readonly token: string;
  readonly kind: string;
  readonly key: string;
  readonly value: string;
  /** Write only if no record exists that is unexpired at this time. */
  readonly unlessAtMs?: number;
  readonly options: RecordOptions & { readonly ifVersion?: number };
}

/** The version that was written, or the record in the way. */
type Written = { readonly version: number } | { readonly there: StoredRecord | undefined };

const hex = (text: string): string => Buffer.from(text).toString('hex');

/**
 * Replaces any record, or one version, or only writes if there is no unexpired record. The three texts are hexadecimal
 * octets, because JSON cannot hold all characters.
 */
const write = (commit: string): string => `
  WITH input AS MATERIALIZED (
    SELECT n, decode(kind, 'hex') AS kind, decode(key, 'hex') AS key, decode(value, 'hex') AS value, expires_at,
      if_version, unless_at, token
    FROM json_to_recordset($1::json) AS i (n integer, kind text, key text, value text, expires_at bigint,
      if_version bigint, unless_at bigint, token text)
  ),
  written AS (
    INSERT INTO mailbridge.records AS r (kind, key, value, version, expires_at, token)
    SELECT i.kind, i.key, i.value, 1, i.expires_at, i.token FROM input i
    WHERE coalesce(i.if_version, 0) = 0 OR EXISTS (
      SELECT FROM mailbridge.records t
      WHERE t.kind = i.kind AND t.key = i.key AND (t.version = i.if_version OR t.token = i.token)
    )
    ORDER BY i.kind, i.key
    ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at,
      token = excluded.token, version = r.version + CASE WHEN r.token = excluded.token THEN 0 ELSE 1 END
    WHERE r.token = excluded.token OR EXISTS (
      SELECT FROM input i WHERE i.kind = r.kind AND i.key = r.key
        AND (i.if_version IS NULL OR i.if_version = r.version)
        AND (i.unless_at IS NULL OR r.expires_at <= i.unless_at)
    )
    RETURNING kind, key, version
  )
  SELECT i.n, w.version, ${commit} FROM input i LEFT JOIN written w USING (kind, key)`;

/** Small facts, written in groups because they come with every message. */
export class PostgresRecords implements RecordTable {
  readonly #db: Database;
  readonly #durable: WriteGroup<Writing, Written>;
  readonly #soft: WriteGroup<Writing, Written>;

  constructor(db: Database, undoing: Undoing) {
    this.#db = db;
    const group = (commit: string) =>
      new WriteGroup<Writing, Written>(db, {
        write: (entries) => this.#writeAll(entries, write(commit)),
        keyOf: ({ kind, key }) => JSON.stringify([kind, key]),
        bytesOf: ({ value }) => value.length,
        atOnce: 1,
        isRepeatable: true,
        unclear: (entries) => undoing.add(() => this.#undo(entries)),
      });
    this.#durable = group(durably);
    this.#soft = group(softly);
  }

  async get(kind: string, key: string, nowMs: number): Promise<StoredRecord | undefined> {
    const [row] = await this.#db.ask(
      `SELECT value, version, expires_at FROM mailbridge.records
       WHERE kind = $1 AND key = $2 AND (expires_at IS NULL OR expires_at > $3)`,
      [Buffer.from(kind), Buffer.from(key), Math.floor(nowMs)],
    );
    return row && recordOf(row);
  }

  async list(kind: string, nowMs: number, prefix = ''): Promise<ReadonlyMap<string, StoredRecord>> {
    const octets = Buffer.from(prefix);
    const rows = await this.#db.ask(
      `SELECT key, value, version, expires_at FROM mailbridge.records
       WHERE kind = $1 AND key >= $2 AND substring(key FROM 1 FOR $3) = $2 AND (expires_at IS NULL OR expires_at > $4)
       ORDER BY key`,
      [Buffer.from(kind), octets, octets.length, Math.floor(nowMs)],
      { deadlineMs: slowDeadlineMs },
    );
    return new Map(rows.map((row) => [(row.key as Buffer).toString(), recordOf(row)]));
  }

  async add(kind: string, key: string, value: string, nowMs: number, options: RecordOptions = {}) {
    const written = await this.#group(options).add({
      ...{ token: randomUUID(), kind, key, value },
      unlessAtMs: nowMs,
      options,
    });
    return 'there' in written ? written.there : undefined;
  }

  async put(
    kind: string,
    key: string,
    value: string,
    options: RecordOptions & { readonly ifVersion?: number } = {},
  ): Promise<number | undefined> {
    const written = await this.#group(options).add({ token: randomUUID(), kind, key, value, options });
    return 'there' in written ? undefined : written.version;
  }

  async delete(kind: string, key: string): Promise<void> {
    await this.#db.ask(`WITH gone AS (DELETE FROM mailbridge.records WHERE kind = $1 AND key = $2) SELECT ${durably}`, [
      Buffer.from(kind),
      Buffer.from(key),
    ]);
  }

  async purge(nowMs: number): Promise<void> {
    await this.#db.ask('DELETE FROM mailbridge.records WHERE expires_at <= $1', [Math.floor(nowMs)], {
      deadlineMs: slowDeadlineMs,
    });
  }

  /** Resolves when nothing is being written. */
  async settled(): Promise<void> {
    await Promise.all([this.#durable.settled(), this.#soft.settled()]);
  }

  /** The caller that wanted to add a fact was told that nothing was written. */
  async #undo(entries: readonly Writing[]): Promise<void> {
    for (const { kind, key, token, unlessAtMs } of entries) {
      if (unlessAtMs === undefined) continue;
      await this.#db.ask('DELETE FROM mailbridge.records WHERE kind = $1 AND key = $2 AND token = $3', [
        Buffer.from(kind),
        Buffer.from(key),
        token,
      ]);
    }
  }

  #group({ soft }: RecordOptions): WriteGroup<Writing, Written> {
    return soft ? this.#soft : this.#durable;
  }

  async #writeAll(all: readonly Writing[], statement: string): Promise<Written[]> {
    const input = all.map(({ token, kind, key, value, unlessAtMs, options }, n) => ({
      ...{ n, token, kind: hex(kind), key: hex(key), value: hex(value) },
      expires_at: options.expiresAtMs === undefined ? null : Math.round(options.expiresAtMs),
      if_version: options.ifVersion ?? null,
      unless_at: unlessAtMs === undefined ? null : Math.floor(unlessAtMs),
    }));
    const versions = new Map<unknown, unknown>();
    for (const row of await this.#db.attempt(statement, [JSON.stringify(input)])) versions.set(row.n, row.version);
    return await Promise.all(
      all.map(async (writing, n): Promise<Written> => {
        const version = versions.get(n) as number | null;
        if (version !== null) return { version };
        return { there: await this.#inTheWay(writing) };
      }),
    );
  }

  async #inTheWay(writing: Writing): Promise<StoredRecord | undefined> {
    const { kind, key, unlessAtMs } = writing;
    if (unlessAtMs === undefined) return undefined;
    const there = await this.get(kind, key, unlessAtMs);
    if (there) return there;
    // It was removed at this very moment: there is room again.
    const again = await this.#writeAll([writing], write(durably));
    return again[0] && 'there' in again[0] ? again[0].there : undefined;
  }
}

/** The record of a row. */
export function recordOf({ value, version, expires_at }: ResultRow): StoredRecord {
  return {
    value: (value as Buffer).toString(),
    version: version as number,
    ...(expires_at === null ? {} : { expiresAtMs: expires_at as number }),
  };
}
