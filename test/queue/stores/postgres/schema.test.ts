import { expect, test } from 'vitest';
import { openPostgresStore } from '../../../../src/queue/stores/postgres/store.ts';
import { postgresForTests } from '../../../support/postgres.ts';
import { put } from '../store-contract.ts';
import { newSchema, openInstance, openStore } from './opening.ts';

const server = postgresForTests({ fsync: 'off' });

test('several that start at once make the tables once', { timeout: 60_000 }, async () => {
  const options = { url: server().url(), schema: newSchema(), poolSize: 2 };
  const stores = await Promise.all(Array.from({ length: 6 }, () => openStore(options)));
  await Promise.all(stores.map((store) => put(store, 'x')));
  expect(await stores[0]?.count('queued')).toBe(6);
  expect(await server().query(`SELECT version FROM ${options.schema}.format`)).toEqual([{ version: 4 }]);
});

test('a queue of format 1 is brought up to date, with its messages', async () => {
  const options = { url: server().url(), schema: newSchema() };
  const before = await openPostgresStore(options);
  const { id } = await put(before, 'x');
  await before.close();
  // Added by the formats after the first.
  await withoutFormat3(options.schema);
  await server().query(`ALTER TABLE ${options.schema}.instances DROP COLUMN retires`);
  await server().query(`DROP TABLE ${options.schema}.external_limits, ${options.schema}.external_grants`);
  await server().query(`UPDATE ${options.schema}.format SET version = 1`);
  const after = await openInstance('a', options);
  expect((await after.get(id))?.state).toBe('queued');
  expect((await after.leases.renew(1000)).instances).toEqual(['a']);
  expect(await after.grants?.grant('contoso', 1, { limit: 1, windowMs: 1000, nowMs: Date.now() })).toBe(1);
  expect(await server().query(`SELECT version FROM ${options.schema}.format`)).toEqual([{ version: 4 }]);
});

test('a queue of format 2 is brought up to date; its messages have no subjects, those that come then have', async () => {
  const options = { url: server().url(), schema: newSchema() };
  const before = await openStore(options);
  const { id } = await put(before, 'x');
  await withoutFormat3(options.schema);
  await server().query(`UPDATE ${options.schema}.format SET version = 2`);
  const after = await openStore(options);
  expect(await after.get(id)).not.toHaveProperty('subject');
  const fresh = await put(after, 'y', { subject: 'of today' });
  expect((await after.list({ subject: 'OF' }, 10)).map((each) => each.id)).toEqual([fresh.id]);
});

test('a queue of format 3 is brought up to date: its notices are about nobody knows what, those that come then are', async () => {
  const options = { url: server().url(), schema: newSchema() };
  const before = await openStore(options);
  const old = await put(before, 'x', { isBounce: true });
  await without(options.schema, ['notice_about'], ', subject, internet_message_id');
  await server().query(`UPDATE ${options.schema}.format SET version = 3`);
  const after = await openStore(options);
  expect(await after.get(old.id)).toEqual(old);
  const fresh = await put(after, 'y', { isBounce: true, noticeAbout: 'm1' });
  expect((await after.list({ noticeAbout: 'm1' }, 10)).map((each) => each.id)).toEqual([fresh.id]);
});

test('notices about a message are found by indexes, however many messages there are', async () => {
  const options = { url: server().url(), schema: newSchema() };
  const { schema } = options;
  const store = await openStore(options);
  await put(store, 'x', { isBounce: true, noticeAbout: 'm1' });
  const many = (id: string) => `jsonb_build_object('id', '${id}' || n, 'notice_about', NULL)`;
  for (const [table, id] of [
    ['messages', 'a'],
    ['delivered', 'b'],
  ] as const) {
    await server().query(`INSERT INTO ${schema}.${table}
      SELECT r.* FROM (SELECT * FROM ${schema}.messages LIMIT 1) m, generate_series(1, 5000) n,
        jsonb_populate_record(NULL::${schema}.${table}, to_jsonb(m) || ${many(id)}) r`);
    await server().query(`ANALYZE ${schema}.${table}`);
  }
  expect(await store.list({ noticeAbout: 'm1' }, 10)).toHaveLength(1);
  expect((await store.page({ noticeAbout: 'm1' }, { limit: 10 })).messages).toHaveLength(1);
  // What the server counts for a session ends with it.
  await store.close();
  const scans = `SELECT indexrelname AS name, idx_scan AS scans FROM pg_stat_user_indexes
    WHERE schemaname = '${schema}' AND indexrelname LIKE '%\\_notices' ORDER BY name`;
  const used = async () => (await server().query(scans)).map(({ name, scans }) => [name, Number(scans)]);
  await expect.poll(used, { timeout: 15_000 }).toEqual([
    ['delivered_notices', 2],
    ['messages_notices', 2],
  ]);
});

/** Undoes what format 3 and later ones added. */
async function withoutFormat3(schema: string): Promise<void> {
  await without(schema, ['notice_about', 'subject', 'internet_message_id'], '');
}

/** Drops columns. @param kept later ones that stay */
async function without(schema: string, columns: readonly string[], kept: string): Promise<void> {
  await server().query(`DROP VIEW ${schema}.everything`);
  for (const table of ['messages', 'delivered']) {
    const dropped = columns.map((column) => `DROP COLUMN ${column}`).join(', ');
    await server().query(`ALTER TABLE ${schema}.${table} ${dropped}`);
  }
  const shared = `id, destination, account, connection, mailbox, courier, envelope, recipients, is_bounce, size, attempts,
    received_at, expires_at, next_attempt_at, finished_at`;
  await server().query(`CREATE VIEW ${schema}.everything AS SELECT ${shared}, state, damage${kept} FROM ${schema}.messages
    UNION ALL SELECT ${shared}, 'delivered', NULL${kept} FROM ${schema}.delivered`);
}

test('a queue that a later version wrote is refused', async () => {
  const options = { url: server().url(), schema: newSchema() };
  await (await openPostgresStore(options)).close();
  await server().query(`UPDATE ${options.schema}.format SET version = 99`);
  await expect(openPostgresStore(options)).rejects.toMatchObject({
    code: 'queue-format-newer',
    message: expect.stringContaining('format 99; this version reads formats up to 4'),
  });
});

test('schemas of one database know nothing of one another', async () => {
  const [a, b] = [
    await openStore({ url: server().url(), schema: newSchema() }),
    await openStore({ url: server().url(), schema: newSchema() }),
  ];
  await put(a, 'x');
  expect(await b.count('queued')).toBe(0);
});

test('a role with the rights that the manual names is enough', async () => {
  const schema = newSchema();
  await server().query(`CREATE ROLE bridge LOGIN PASSWORD 'bridge-secret-4711'`);
  const url = server()
    .url()
    .replace(/\/\/[^@]*@/, '//bridge:bridge-secret-4711@');
  await expect(openPostgresStore({ url, schema })).rejects.toMatchObject({
    code: 'queue-store-refused',
    message: expect.stringContaining('permission denied for database'),
  });
  await server().query(`CREATE SCHEMA ${schema} AUTHORIZATION bridge`);
  const store = await openStore({ url, schema });
  await put(store, 'x');
  expect(await store.count('queued')).toBe(1);
});

test('a database in another encoding is refused', async () => {
  await server().query(`CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0`);
  const url = server().url().replace('/postgres', '/latin');
  await expect(openPostgresStore({ url })).rejects.toMatchObject({
    code: 'queue-store-refused',
    message: 'The database latin has the encoding LATIN1, not UTF8.',
  });
});
