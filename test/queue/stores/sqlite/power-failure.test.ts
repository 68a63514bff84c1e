import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import type { QueueStore } from '../../../../src/queue/store.ts';
import { Reserve } from '../../../../src/queue/stores/reserve.ts';
import { inlineBodyBytes } from '../../../../src/queue/stores/sqlite/spool.ts';
import { openSqliteStore } from '../../../../src/queue/stores/sqlite/store.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { newMessage } from '../store-contract.ts';

/** What was done to the disk, in order. */
const disk = vi.hoisted(() => [] as string[]);

vi.mock('node:fs', async (original) => {
  const { tracedFs } = await import('../../../support/file-trace.ts');
  return tracedFs(await original(), (event) => disk.push(event));
});
vi.mock('node:fs/promises', async (original) => {
  const { tracedPromises } = await import('../../../support/file-trace.ts');
  return tracedPromises(await original(), (event) => disk.push(event));
});
vi.mock('node:sqlite', async (original) => {
  const { tracedSqlite } = await import('../../../support/file-trace.ts');
  return tracedSqlite(await original(), (event) => disk.push(event));
});

beforeEach(() => {
  disk.length = 0;
});

const flushedCommit = 'commit in wal with synchronous 2';
const softCommit = 'commit in wal with synchronous 1';

function openStore(): QueueStore {
  const store = openSqliteStore(temporaryFolder(), { exclusive: true });
  onTestFinished(() => store.close());
  disk.length = 0;
  return store;
}

async function put(store: QueueStore, body: Buffer) {
  const spool = store.spool();
  await spool.write(body);
  return await spool.commit(newMessage());
}

test('a small message is in a database that flushes the disk before anybody is told 250', async () => {
  const store = openStore();
  const accepted = put(store, Buffer.from('Subject: x\r\n\r\nsmall'));
  expect(disk).toEqual([]);
  await accepted;
  expect(disk).toEqual([flushedCommit]);
});

test('the body of a large message and its name are on disk before the row that speaks of them', async () => {
  const store = openStore();
  const { id } = await put(store, Buffer.alloc(2 * inlineBodyBytes, 'x'));
  expect(disk).toEqual([`write ${id}.eml`, `sync ${id}.eml`, 'sync bodies', flushedCommit]);
});

test('a body goes only when the outcome that makes it useless is on disk', async () => {
  const store = openStore();
  const { id } = await put(store, Buffer.alloc(2 * inlineBodyBytes, 'x'));
  disk.length = 0;
  await store.remove({ ids: [id] });
  expect(disk).toEqual([flushedCommit, `remove ${id}.eml`]);
});

test('what a command puts in or changes is flushed, too', async () => {
  const folder = temporaryFolder();
  const store = openSqliteStore(folder, { exclusive: false });
  await put(store, Buffer.from('x'));
  await store.close();
  expect(disk.at(-1)).toBe(flushedCommit);
});

test('that an attempt begins, or is not made, is not flushed; what it came to is, with all before it', async () => {
  const store = openStore();
  const { id, recipients } = await put(store, Buffer.from('x'));
  disk.length = 0;
  await store.begin(id, { courier: 'graph', startedAtMs: 0 });
  await store.cancelAttempt(id, undefined);
  await store.records.put('duplicate', 'x', 'y', { soft: true });
  expect(disk).toEqual([softCommit, softCommit, softCommit]);
  disk.length = 0;
  await Promise.all([
    store.begin(id, { courier: 'graph', startedAtMs: 0 }),
    store.giveUp(id, { recipients, finishedAtMs: 1 }),
  ]);
  expect(disk).toEqual([flushedCommit]);
});

test('that all is over is on disk when the bridge ends', async () => {
  const store = openStore();
  await store.close();
  expect(disk).toEqual([flushedCommit]);
});

test('small facts are flushed', async () => {
  const store = openStore();
  await store.records.put('copy', 'x', 'y');
  await store.records.add('copy', 'z', 'y', 0);
  await store.records.delete('copy', 'x');
  expect(disk).toEqual([flushedCommit, flushedCommit, flushedCommit]);
});

test('files of an earlier version go once their content is on disk in the tables', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'duplicates'), '', { mode: 0o600 });
  disk.length = 0;
  await openSqliteStore(folder, { exclusive: true }).close();
  const removed = disk.indexOf('remove duplicates');
  expect(removed).toBeGreaterThan(0);
  expect(disk.slice(0, removed)).toContain(flushedCommit);
});

test('the reserve is space on the disk, not a promise of the system', () => {
  new Reserve(join(temporaryFolder(), 'reserve'), 4096).take();
  expect(disk).toEqual(['remove reserve', 'sync reserve']);
});
