import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buffer, text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { queueFormatVersion } from '../../../../src/queue/stores/sqlite/schema.ts';
import { openSqliteStore, type SqliteStoreOptions } from '../../../../src/queue/stores/sqlite/store.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { put } from '../store-contract.ts';

const largeId = '0mwqber7r8ombl';
const largeBody = Buffer.alloc(70_000, 'Subject: large\r\n\r\n');

/** A queue as left by the version with format 1. */
function queueOfFormat1(): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'bodies'));
  writeFileSync(join(folder, 'bodies', `${largeId}.eml`), largeBody);
  const db = new DatabaseSync(join(folder, 'queue.sqlite'));
  db.exec(readFileSync(join(import.meta.dirname, 'queue-format-1.sql'), 'utf8'));
  db.close();
  return folder;
}

function schemaOf(folder: string) {
  const db = new DatabaseSync(join(folder, 'queue.sqlite'));
  const version = db.prepare('PRAGMA user_version').get()?.user_version;
  const columns = db.prepare(
    `SELECT t.name AS tab, c.name, c.type, c."notnull" FROM sqlite_master t, pragma_table_info(t.name) c
     WHERE t.type = 'table' ORDER BY tab, c.name`,
  );
  const indexes = db.prepare(`SELECT name, sql FROM sqlite_master WHERE type = 'index' ORDER BY name`);
  const found = { version, columns: columns.all(), indexes: indexes.all() };
  db.close();
  return found;
}

test('a queue of format 1 comes over with every message, attempt and body', async () => {
  const folder = queueOfFormat1();
  const store = openSqliteStore(folder, { exclusive: true });
  onTestFinished(() => store.close());
  expect(
    (await store.list({}, 10)).map(({ account, state, attempts, size }) => [account, state, attempts, size]),
  ).toEqual([
    ['scanner', 'queued', 1, 26],
    ['erp', 'held', 0, 25],
    ['scanner', 'delivered', 1, 29],
    ['scanner', 'failed', 1, 27],
    ['scanner', 'queued', 0, 70_000],
  ]);
  const [queued, , , failed] = await store.list({}, 10);
  expect(await text(await store.open(queued?.id ?? ''))).toBe('Subject: queued\r\n\r\nfirst\r\n');
  expect((await buffer(await store.open(largeId))).equals(largeBody)).toBe(true);
  expect((await store.attempts(failed?.id ?? ''))[0]?.outcomes[0]).toMatchObject({ code: 'ErrorInvalidRecipients' });
  const fresh = await put(store, 'of today');
  expect(await text(await store.open(fresh.id))).toBe('of today');
});

test('it then has the form of a new one', async () => {
  const old = queueOfFormat1();
  const fresh = temporaryFolder();
  for (const folder of [old, fresh]) await openSqliteStore(folder, { exclusive: false }).close();
  expect(schemaOf(old)).toEqual(schemaOf(fresh));
  expect(schemaOf(old).version).toBe(queueFormatVersion);
});

test('two that open it at once bring it over once', async () => {
  const folder = queueOfFormat1();
  const stores = [1, 2].map(() => openSqliteStore(folder, { exclusive: false }));
  for (const store of stores) expect(await store.list({}, 10)).toHaveLength(5);
  for (const store of stores) await store.close();
});

/** Undoes what format 9 added. */
const withoutFormat9 = 'DROP INDEX messages_notices; ALTER TABLE messages DROP COLUMN notice_about';

/** Undoes what format 8 and later ones added. */
const withoutFormat8 = `${withoutFormat9}; DROP INDEX messages_open; ALTER TABLE messages DROP COLUMN subject;
  ALTER TABLE messages DROP COLUMN internet_message_id`;

test('a queue of format 8 comes over: its notices are about nobody knows what, those that come then are', async () => {
  const folder = temporaryFolder();
  const before = openSqliteStore(folder, { exclusive: true });
  const old = await put(before, 'x', { isBounce: true });
  await before.close();
  const db = new DatabaseSync(join(folder, 'queue.sqlite'));
  db.exec(`${withoutFormat9}; PRAGMA user_version = 8`);
  db.close();
  const after = openSqliteStore(folder, { exclusive: true });
  onTestFinished(() => after.close());
  const fresh = await put(after, 'y', { isBounce: true, noticeAbout: 'm1' });
  expect(await after.get(old.id)).toEqual(old);
  expect((await after.list({ noticeAbout: 'm1' }, 10)).map(({ id }) => id)).toEqual([fresh.id]);
});

/** A queue as left by the version before follow-ups, which did not record the couriers of attempts. */
async function queueOfFormat4(): Promise<string> {
  const folder = queueOfFormat1();
  await openSqliteStore(folder, { exclusive: true }).close();
  const db = new DatabaseSync(join(folder, 'queue.sqlite'));
  db.exec(withoutFormat8);
  db.exec(`DROP TABLE unfinished; DROP TABLE records; DROP TABLE follow_ups; ALTER TABLE attempts DROP COLUMN courier; ALTER TABLE attempts DROP COLUMN passed_over;
    PRAGMA user_version = 4`);
  db.close();
  return folder;
}

test('a queue of format 4 comes over: its attempts have no courier, and what follows them can be noted', async () => {
  const folder = await queueOfFormat4();
  const fresh = temporaryFolder();
  for (const each of [folder, fresh]) await openSqliteStore(each, { exclusive: false }).close();
  expect(schemaOf(folder)).toEqual(schemaOf(fresh));
  const store = openSqliteStore(folder, { exclusive: true });
  onTestFinished(() => store.close());
  const [first] = await store.list({}, 10);
  const [attempt] = await store.attempts(first?.id ?? '');
  expect(attempt).toMatchObject({ durationMs: 20, outcomes: [{ code: '4.3.2' }, { code: '4.3.2' }] });
  expect([attempt?.courier, attempt?.passedOver]).toEqual([undefined, undefined]);
  const followUp = { connection: 'contoso', mailbox: 'a@contoso.example', note: '<1@x>', dueAtMs: 50 };
  await store.addFollowUp(first?.id ?? '', followUp, 0);
  expect(await store.followUpDestinations(50)).toHaveLength(1);
});

const t0 = Date.UTC(2026, 0, 5, 8);

/** A queue as left by the version with format 6, with the files beside its database. */
async function queueOfFormat6(files: Readonly<Record<string, string | Buffer>>) {
  const folder = temporaryFolder();
  const store = openSqliteStore(folder, { exclusive: true });
  const ids: string[] = [];
  for (const receivedAtMs of [t0, t0 + 1, t0 + 2]) ids.push((await put(store, 'x', { receivedAtMs })).id);
  await store.close();
  const db = new DatabaseSync(join(folder, 'queue.sqlite'));
  db.exec(`${withoutFormat8}; DROP TABLE unfinished; DROP TABLE records; PRAGMA user_version = 6`);
  db.close();
  const [a = '', b = '', c = ''] = ids;
  const text = (content: string) => content.replaceAll('A', a).replaceAll('B', b).replaceAll('C', c);
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), typeof content === 'string' ? text(content) : content, { mode: 0o600 });
  }
  return { folder, ids };
}

/** What is recorded of attempts on each message in turn. */
async function unfinishedOf(folder: string, options: Partial<SqliteStoreOptions> = {}) {
  const store = openSqliteStore(folder, { exclusive: true, nowMs: t0 + 100, boot: 'boot-1', ...options });
  const unfinished = (await store.list({}, 10)).map((message) => message.unfinished);
  await store.close();
  return unfinished;
}

const unknown = { startedAtMs: t0 + 100 };

test.each<[string, string, unknown[]]>([
  ['none', 'boot boot-1\n', [undefined, undefined, undefined]],
  ['ended', 'boot boot-1\nbegin A smtp\nend A\n', [undefined, undefined, undefined]],
  [
    'begun',
    'boot boot-1\nbegin A smtp\nbegin B\nbegin gone graph\n',
    [{ ...unknown, courier: 'smtp' }, unknown, undefined],
  ],
  [
    'begun, of a bridge that ended',
    'boot boot-0\nbegin A smtp\nclosed\n',
    [{ ...unknown, courier: 'smtp' }, undefined, undefined],
  ],
  [
    'all but what ended since',
    `boot boot-1\nall ${t0 + 2}\nbegin A graph\nend B\n`,
    [{ ...unknown, courier: 'graph' }, undefined, undefined],
  ],
  [
    'of a machine that went down',
    'boot boot-0\nbegin A smtp\nend B\n',
    [{ ...unknown, courier: 'smtp' }, unknown, unknown],
  ],
  ['of a machine that went down and took the first line with it', '\nend B\n', [unknown, unknown, unknown]],
])('attempts that an earlier version noted in a file come over: %s', async (_, journal, expected) => {
  const { folder } = await queueOfFormat6({ 'in-flight': journal });
  expect(await unfinishedOf(folder)).toEqual(expected);
  expect(readdirSync(folder)).not.toContain('in-flight');
});

test('what an earlier version kept in files comes over into the tables, and the files go', async () => {
  const marker = '0123456789abcdef';
  const { folder, ids } = await queueOfFormat6({
    duplicates: `${t0 + 1000} print1 A\n${t0 + 50} old B\nhalf a li`,
    dropped: `A 1 ${t0} ${t0};\nA 2 ${t0} ${t0 + 9};\nB 7 ${t0}`,
    'copies.old': `\nA.${marker} d1,d2\n`,
    copies: `\nA.${marker} d1,d2\nB.${marker} d3\nB.`,
    'marker-key': Buffer.alloc(32, 0xfe),
    'in-flight.new': 'boot boot-1\n',
  });
  const store = openSqliteStore(folder, { exclusive: true, nowMs: t0 + 100 });
  onTestFinished(() => store.close());
  const valuesOf = async (kind: string) =>
    Object.fromEntries([...(await store.records.list(kind, t0 + 100))].map(([key, { value }]) => [key, value]));
  const [a, b] = ids;
  expect(await store.records.list('duplicate', t0)).toEqual(
    new Map([['print1', { value: `kept ${a}`, version: 1, expiresAtMs: t0 + 1000 }]]),
  );
  expect(await valuesOf('drops')).toEqual({ [a ?? '']: JSON.stringify({ count: 2, firstAtMs: t0, lastAtMs: t0 + 9 }) });
  expect(await valuesOf('copy')).toEqual({ [`${a}.${marker}`]: 'd1,d2', [`${b}.${marker}`]: 'd3' });
  expect(await valuesOf('key')).toEqual({ marker: Buffer.alloc(32, 0xfe).toString('base64') });
  expect(readdirSync(folder).filter((name) => !name.startsWith('queue.sqlite'))).toEqual(['bodies']);
});

test('files that were imported and not removed, for the machine went down, are not imported again', async () => {
  const { folder, ids } = await queueOfFormat6({ 'in-flight': 'boot boot-1\nbegin A smtp\n' });
  const journal = readFileSync(join(folder, 'in-flight'));
  const first = openSqliteStore(folder, { exclusive: true, boot: 'boot-1' });
  await first.cancelAttempt(ids[0] ?? '', undefined);
  await first.close();
  writeFileSync(join(folder, 'in-flight'), journal, { mode: 0o600 });
  expect(await unfinishedOf(folder)).toEqual([undefined, undefined, undefined]);
  expect(readdirSync(folder)).not.toContain('in-flight');
});

test('a command beside a bridge of an earlier version leaves its files alone', async () => {
  const { folder } = await queueOfFormat6({ 'in-flight': 'boot boot-1\nbegin A smtp\n' });
  await openSqliteStore(folder, { exclusive: false }).close();
  expect(readdirSync(folder)).toContain('in-flight');
  expect(await unfinishedOf(folder)).toMatchObject([{ courier: 'smtp' }, undefined, undefined]);
});

test('files of an earlier version that are no files of ours are refused, and nothing is imported', async () => {
  const { folder } = await queueOfFormat6({ dropped: '' });
  symlinkSync('/etc/passwd', join(folder, 'duplicates'));
  expect(() => openSqliteStore(folder, { exclusive: true })).toThrow(/duplicates/);
  expect(readdirSync(folder)).toContain('dropped');
});
