import { readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../../../src/queue/stores/sqlite/store.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { newMessage, put, storeContract } from '../store-contract.ts';

storeContract('sqlite', temporaryFolder, async (place) => openSqliteStore(place, { exclusive: false }));

test('large bodies stand in files, small ones in the database, all readable by their owner alone', async () => {
  const folder = temporaryFolder();
  const store = openSqliteStore(folder, { exclusive: true });
  await put(store, Buffer.alloc(1000));
  const large = await put(store, Buffer.alloc(100_000));
  expect(readdirSync(join(folder, 'bodies'))).toEqual([`${large.id}.eml`]);
  expect(statSync(join(folder, 'bodies', `${large.id}.eml`)).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'queue.sqlite')).mode & 0o777).toBe(0o600);
  await store.remove({});
  expect(readdirSync(join(folder, 'bodies'))).toEqual([]);
  await store.close();
});

test('at its start the bridge removes what it was still receiving when it died, and nothing else', async () => {
  const folder = temporaryFolder();
  const store = openSqliteStore(folder, { exclusive: true });
  const large = await put(store, Buffer.alloc(100_000));
  await store.close();
  writeFileSync(join(folder, 'bodies', 'half.eml'), 'half a mess');
  await openSqliteStore(folder, { exclusive: false }).close();
  expect(readdirSync(join(folder, 'bodies'))).toHaveLength(2);
  await openSqliteStore(folder, { exclusive: true }).close();
  expect(readdirSync(join(folder, 'bodies'))).toEqual([`${large.id}.eml`]);
});

test('a body that was cut short is reported, not sent', async () => {
  const folder = temporaryFolder();
  const store = openSqliteStore(folder, { exclusive: true });
  const large = await put(store, Buffer.alloc(100_000));
  expect(await buffer(await store.open(large.id))).toHaveLength(100_000);
  truncateSync(join(folder, 'bodies', `${large.id}.eml`), 99_999);
  await expect(store.open(large.id)).rejects.toMatchObject({ code: 'queue-body-missing' });
  await store.close();
});

test('a queue of a later version and a file that is no database are refused, untouched', () => {
  const folder = temporaryFolder();
  const db = new DatabaseSync(join(folder, 'queue.sqlite'));
  db.exec('PRAGMA user_version = 99');
  db.close();
  expect(() => openSqliteStore(folder, { exclusive: true })).toThrow(
    expect.objectContaining({ code: 'queue-format-newer' }),
  );
  const other = temporaryFolder();
  writeFileSync(join(other, 'queue.sqlite'), 'this was never a database, but it is somebody’s file');
  expect(() => openSqliteStore(other, { exclusive: true })).toThrow(expect.objectContaining({ code: 'queue-damaged' }));
});

test('a message that cannot be written is refused alone; those beside it are taken', async () => {
  const store = openSqliteStore(temporaryFolder(), { exclusive: true });
  const bad = store.spool();
  const unwritable = newMessage({ receivedAtMs: Number.NaN });
  const results = await Promise.allSettled([put(store, 'a'), bad.commit(unwritable), put(store, 'b')]);
  expect(results.map((each) => each.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(await store.count('queued')).toBe(2);
  await store.close();
});

test('letters beyond ASCII are found in either case', async () => {
  const store = openSqliteStore(temporaryFolder(), { exclusive: true });
  onTestFinished(() => store.close());
  const { id } = await put(store, 'x', { subject: 'ÄNDERUNG der Größe', messageId: '<É@x>' });
  expect((await store.list({ subject: 'änderung DER grÖße' }, 1)).map((each) => each.id)).toEqual([id]);
  expect(await store.list({ messageId: 'é@X' }, 1)).toHaveLength(1);
});
