import { describe, expect, test } from 'vitest';
import { BridgeError } from '../../src/base/errors.ts';
import type { Database } from '../../src/postgres/database.ts';
import { bringUpToDate as bring } from '../../src/postgres/migration.ts';
import { queueFormat } from '../../src/queue/stores/postgres/schema.ts';

const postgresFormatVersion = queueFormat.steps.length;
const bringUpToDate = (db: Database) => bring(db, queueFormat);

const said = (code: string) => Object.assign(new Error(`said ${code}`), { code });

interface Given {
  /** Of the existing queue; undefined: there is none. */
  readonly version?: number;
  readonly hasSchema?: boolean;
  /** Thrown by the statement that contains this text, once for each error. */
  readonly failing?: readonly [text: string, ...errors: unknown[]];
}

/** A database that answers as one with that format, and the changes it was asked for. */
function database({ version, hasSchema = false, failing: [text = '-', ...errors] = ['-'] }: Given) {
  const asked: string[] = [];
  const ask = async (sql: string, values: readonly unknown[] = []) => {
    if (sql.includes(text) && errors.length > 0) throw errors.shift();
    if (sql.includes('FROM pg_tables')) return version === undefined ? [] : [{}];
    if (sql.startsWith('SELECT version')) return [{ version }];
    if (sql.includes('FROM pg_namespace')) return hasSchema ? [{}] : [];
    asked.push(values.length > 0 ? `${sql} ${values}` : (sql.trim().split('\n')[0]?.slice(0, 70) ?? ''));
    return [];
  };
  let transactions = 0;
  const db = {
    schema: 'queue',
    where: 'db:5432',
    attempt: ask,
    transaction: async (work: (how: typeof ask) => Promise<unknown>) => {
      transactions++;
      return await work(ask);
    },
  };
  return { db: db as unknown as Database, asked, counts: () => transactions };
}

const lock = ['SAVEPOINT before_lock', 'SELECT pg_advisory_xact_lock(hashtext($1)) mailbridge queue'];
const noted = `UPDATE mailbridge.format SET version = $1 ${postgresFormatVersion}`;

describe('a queue on PostgreSQL', () => {
  test('of this format is left as it is', async () => {
    const { db, asked, counts } = database({ version: postgresFormatVersion });
    await bringUpToDate(db);
    expect([asked, counts()]).toEqual([[], 0]);
  });

  test.each([false, true])(
    'is made where there is none, with its schema where that is not there (%s)',
    async (hasSchema) => {
      const { db, asked } = database({ hasSchema });
      await bringUpToDate(db);
      expect(asked.slice(0, hasSchema ? 4 : 5)).toEqual([
        ...lock,
        ...(hasSchema ? [] : ['CREATE SCHEMA "queue"']),
        'CREATE TABLE mailbridge.format (version integer NOT NULL)',
        'INSERT INTO mailbridge.format (version) VALUES (0)',
      ]);
      expect(asked).toHaveLength((hasSchema ? 4 : 5) + postgresFormatVersion + 1);
      expect(asked.at(-1)).toBe(noted);
    },
  );

  test('of an earlier format gets the steps that it lacks', async () => {
    const { db, asked } = database({ version: postgresFormatVersion - 1 });
    await bringUpToDate(db);
    expect(asked).toEqual([...lock, expect.stringContaining(''), noted]);
  });

  test('of a later format is refused', async () => {
    const { db, counts } = database({ version: postgresFormatVersion + 1 });
    await expect(bringUpToDate(db)).rejects.toMatchObject({
      code: 'queue-format-newer',
      message: `The queue in the schema queue of PostgreSQL at db:5432 has format ${postgresFormatVersion + 1}; this version reads formats up to ${postgresFormatVersion}.`,
    });
    expect(counts()).toBe(0);
  });
});

describe('where others start at the same time', () => {
  test.each(['23505', '42P06', '42P07', '42710', '40001', 'XX000'])(
    '%s is tried again, five times at most',
    async (code) => {
      const four = database({ failing: ['UPDATE', ...Array.from({ length: 4 }, () => said(code))] });
      await bringUpToDate(four.db);
      expect(four.counts()).toBe(5);
      const five = database({ failing: ['UPDATE', ...Array.from({ length: 5 }, () => said(code))] });
      await expect(bringUpToDate(five.db)).rejects.toBeInstanceOf(BridgeError);
      expect(five.counts()).toBe(5);
    },
  );

  test('another failure is told at once', async () => {
    const { db, counts } = database({ failing: ['UPDATE', said('42601')] });
    await expect(bringUpToDate(db)).rejects.toMatchObject({
      code: 'queue-store-refused',
      message: 'PostgreSQL at db:5432 refuses the queue (said 42601).',
      cause: { code: '42601' },
    });
    expect(counts()).toBe(1);
  });

  test('a server without such locks goes on without them, and no other failure is passed over', async () => {
    const none = database({ version: 0, failing: ['pg_advisory', said('42883')] });
    await bringUpToDate(none.db);
    expect(none.asked.slice(0, 2)).toEqual(['SAVEPOINT before_lock', 'ROLLBACK TO SAVEPOINT before_lock']);
    const other = database({ version: 0, failing: ['pg_advisory', said('55P03')] });
    await expect(bringUpToDate(other.db)).rejects.toBeDefined();
    expect(other.asked).toEqual(['SAVEPOINT before_lock']);
  });
});

describe('what keeps a queue from its start', () => {
  const failure = (error: unknown) =>
    bringUpToDate(database({ failing: ['pg_tables', error] }).db).catch((told) => told);

  test('is told as our own error says it', async () => {
    const ours = new BridgeError('queue-store-refused', 'The database latin has the encoding LATIN1, not UTF8.');
    expect(await failure(ours)).toBe(ours);
    const away = new BridgeError('queue-unreachable', 'PostgreSQL at db:5432 cannot be reached (x).');
    expect(await failure(away)).toBe(away);
  });

  test('is told as the server says it, where that is behind our own error', async () => {
    const wrong = new BridgeError('queue-unreachable', 'Away.', { cause: said('28P01') });
    expect(await failure(wrong)).toMatchObject({
      code: 'queue-store-refused',
      message: 'PostgreSQL at db:5432 refuses the queue (said 28P01).',
    });
    const full = new BridgeError('queue-full', 'Full.', { cause: said('28P01') });
    expect(await failure(full)).toBe(full);
  });

  test('is a server that is away, where nothing else is known', async () => {
    expect(await failure(said('ECONNREFUSED'))).toMatchObject({
      code: 'queue-unreachable',
      message: 'PostgreSQL at db:5432 cannot be reached (said ECONNREFUSED).',
    });
  });
});
