import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { openInFlightJournal } from '../../../../src/queue/attempts/in-flight-journal.ts';
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

test('a journal of what is under way takes the place of the old one whole', () => {
  const file = join(temporaryFolder(), 'in-flight');
  const folder = file.split('/').at(-2);
  openInFlightJournal(file, 0, 'boot');
  expect(disk).toEqual([
    'write in-flight.new',
    'sync in-flight.new',
    'rename in-flight.new in-flight',
    `sync ${folder}`,
  ]);
});

test('that all is over is on disk when the bridge ends', () => {
  const file = join(temporaryFolder(), 'in-flight');
  const journal = openInFlightJournal(file, 0, 'boot');
  disk.length = 0;
  journal.close();
  expect(disk).toEqual(['sync in-flight.new']);
  expect(readFileSync(file, 'utf8')).toMatch(/closed\n$/);
});

test('the reserve is space on the disk, not a promise of the system', () => {
  new Reserve(join(temporaryFolder(), 'reserve'), 4096).take();
  expect(disk).toEqual(['sync reserve']);
});
