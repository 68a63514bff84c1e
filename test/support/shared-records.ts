import { DatabaseSync } from 'node:sqlite';
import type { RecordOptions, RecordTable, StoredRecord } from '../../src/base/record-table.ts';

type PutOptions = RecordOptions & { readonly ifVersion?: number };

/** Records in memory, shared by the instances of one process through the same object. */
export class MemoryRecords implements RecordTable {
  /** What every call rejects with, as if the store were unreachable. */
  failure: Error | undefined;
  /** Calls are answered only after it resolves. */
  answered: Promise<unknown> = Promise.resolve();
  /** Called before each call is executed: `get sign-in contoso`. */
  onCall: (call: string) => void = () => {};
  /** Writes so far. */
  writes = 0;
  readonly #kinds = new Map<string, Map<string, StoredRecord>>();

  async get(kind: string, key: string, nowMs: number): Promise<StoredRecord | undefined> {
    await this.#reach(`get ${kind} ${key}`);
    return this.#fresh(kind, key, nowMs);
  }

  async list(kind: string, nowMs: number, prefix = ''): Promise<ReadonlyMap<string, StoredRecord>> {
    await this.#reach(`list ${kind}`);
    const keys = [...this.#kind(kind).keys()].filter((key) => key.startsWith(prefix)).toSorted();
    return new Map(
      keys.flatMap((key) => {
        const found = this.#fresh(kind, key, nowMs);
        return found ? [[key, found]] : [];
      }),
    );
  }

  async add(kind: string, key: string, value: string, nowMs: number, options: RecordOptions = {}) {
    await this.#reach(`add ${kind} ${key}`);
    const there = this.#fresh(kind, key, nowMs);
    if (!there) this.#write(kind, key, value, options);
    return there;
  }

  async put(kind: string, key: string, value: string, options: PutOptions = {}): Promise<number | undefined> {
    await this.#reach(`put ${kind} ${key}`);
    const { ifVersion } = options;
    const version = this.#kind(kind).get(key)?.version ?? 0;
    return ifVersion === undefined || ifVersion === version ? this.#write(kind, key, value, options) : undefined;
  }

  async delete(kind: string, key: string): Promise<void> {
    await this.#reach(`delete ${kind} ${key}`);
    this.writes++;
    this.#kind(kind).delete(key);
  }

  async purge(nowMs: number): Promise<void> {
    await this.#reach('purge');
    for (const [kind, records] of this.#kinds) {
      for (const key of records.keys()) if (!this.#fresh(kind, key, nowMs)) records.delete(key);
    }
  }

  /** Everything kept, expired or not, for a test to search. */
  text(): string {
    return JSON.stringify([...this.#kinds].map(([kind, records]) => [kind, [...records]]));
  }

  async #reach(call: string): Promise<void> {
    this.onCall(call);
    await this.answered;
    if (this.failure) throw this.failure;
  }

  #kind(kind: string): Map<string, StoredRecord> {
    const records = this.#kinds.get(kind) ?? new Map<string, StoredRecord>();
    this.#kinds.set(kind, records);
    return records;
  }

  #fresh(kind: string, key: string, nowMs: number): StoredRecord | undefined {
    const found = this.#kind(kind).get(key);
    return (found?.expiresAtMs ?? Number.POSITIVE_INFINITY) > nowMs ? found : undefined;
  }

  #write(kind: string, key: string, value: string, { expiresAtMs }: RecordOptions): number {
    this.writes++;
    const version = (this.#kind(kind).get(key)?.version ?? 0) + 1;
    this.#kind(kind).set(key, { value, version, ...(expiresAtMs === undefined ? {} : { expiresAtMs }) });
    return version;
  }
}

/** Records in a database shared by processes of this machine. */
export class FileRecords implements RecordTable {
  readonly #database: DatabaseSync;

  constructor(file: string) {
    this.#database = new DatabaseSync(file, { timeout: 30_000 });
    this.#database.exec(`PRAGMA journal_mode = WAL;
      CREATE TABLE IF NOT EXISTS records
        (kind TEXT, key TEXT, value TEXT, version INTEGER, expires REAL, PRIMARY KEY (kind, key))`);
  }

  async get(kind: string, key: string, nowMs: number): Promise<StoredRecord | undefined> {
    return (await this.list(kind, nowMs, key)).get(key);
  }

  async list(kind: string, nowMs: number, prefix = ''): Promise<ReadonlyMap<string, StoredRecord>> {
    const rows = this.#database
      .prepare(
        'SELECT * FROM records WHERE kind = ? AND substr(key, 1, ?) = ? AND (expires IS NULL OR expires > ?) ORDER BY key',
      )
      .all(kind, prefix.length, prefix, nowMs);
    return new Map(
      rows.map(({ key, value, version, expires }) => [
        String(key),
        {
          value: String(value),
          version: Number(version),
          ...(expires === null ? {} : { expiresAtMs: Number(expires) }),
        },
      ]),
    );
  }

  async add(kind: string, key: string, value: string, nowMs: number, options: RecordOptions = {}) {
    return await this.#changed(async () => {
      const there = await this.get(kind, key, nowMs);
      if (!there) this.#write(kind, key, value, options);
      return there;
    });
  }

  async put(kind: string, key: string, value: string, options: PutOptions = {}): Promise<number | undefined> {
    return await this.#changed(async () => this.#write(kind, key, value, options));
  }

  async delete(kind: string, key: string): Promise<void> {
    this.#database.prepare('DELETE FROM records WHERE kind = ? AND key = ?').run(kind, key);
  }

  async purge(nowMs: number): Promise<void> {
    this.#database.prepare('DELETE FROM records WHERE expires <= ?').run(nowMs);
  }

  close(): void {
    this.#database.close();
  }

  #last: Promise<unknown> = Promise.resolve();

  /** In one transaction, sequentially within this process. */
  #changed<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(async () => {
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        return await work();
      } finally {
        this.#database.exec('COMMIT');
      }
    });
    this.#last = result.catch(() => {});
    return result;
  }

  #write(kind: string, key: string, value: string, { expiresAtMs, ifVersion }: PutOptions): number | undefined {
    const found = this.#database.prepare('SELECT version FROM records WHERE kind = ? AND key = ?').get(kind, key);
    const version = Number(found?.version ?? 0);
    if (ifVersion !== undefined && ifVersion !== version) return undefined;
    this.#database
      .prepare('INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)')
      .run(kind, key, value, version + 1, expiresAtMs ?? null);
    return version + 1;
  }
}
