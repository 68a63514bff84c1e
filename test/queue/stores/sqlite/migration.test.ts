import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buffer, text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { queueFormatVersion } from '../../../../src/queue/stores/sqlite/schema.ts';
import { openSqliteStore } from '../../../../src/queue/stores/sqlite/store.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { put } from '../store-contract.ts';

const largeId = '0mwqber7r8ombl';
const largeBody = Buffer.alloc(70_000, 'Subject: large\r\n\r\n');

/** A queue as the version with format 1 left it. */
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
  expect(store.list({}, 10).map(({ account, state, attempts, size }) => [account, state, attempts, size])).toEqual([
    ['scanner', 'queued', 1, 26],
    ['erp', 'held', 0, 25],
    ['scanner', 'delivered', 1, 29],
    ['scanner', 'failed', 1, 27],
    ['scanner', 'queued', 0, 70_000],
  ]);
  const [queued, , , failed] = store.list({}, 10);
  expect(await text(store.open(queued?.id ?? ''))).toBe('Subject: queued\r\n\r\nfirst\r\n');
  expect((await buffer(store.open(largeId))).equals(largeBody)).toBe(true);
  expect(store.attempts(failed?.id ?? '')[0]?.outcomes[0]).toMatchObject({ code: 'ErrorInvalidRecipients' });
  const fresh = await put(store, 'of today');
  expect(await text(store.open(fresh.id))).toBe('of today');
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
  expect(stores.map((store) => store.list({}, 10).length)).toEqual([5, 5]);
  for (const store of stores) await store.close();
});
