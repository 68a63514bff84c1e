import { execFile } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { QueueStore, StoreChange } from '../../../../src/queue/store.ts';
import { openSqliteStoreInThread, type SqliteStoreOptions } from '../../../../src/queue/stores/sqlite/store.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { newMessage, put, storeContract } from '../store-contract.ts';

const threads = vi.hoisted(() => [] as Worker[]);

vi.mock('node:worker_threads', async (original) => {
  const whole = await original<typeof import('node:worker_threads')>();
  class NotedWorker extends whole.Worker {
    constructor(...how: ConstructorParameters<typeof Worker>) {
      super(...how);
      threads.push(this);
    }
  }
  return { ...whole, Worker: NotedWorker };
});

storeContract('sqlite in a thread', temporaryFolder, (place) => openSqliteStoreInThread(place, { exclusive: false }));

async function open(folder = temporaryFolder(), options: Partial<SqliteStoreOptions> = {}): Promise<QueueStore> {
  const store = await openSqliteStoreInThread(folder, { exclusive: true, ...options });
  onTestFinished(() => store.close());
  return store;
}

test('what does not open is told as from this thread', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'queue.sqlite'), 'this was never a database, but it is somebody’s file');
  const error = await openSqliteStoreInThread(folder, { exclusive: true }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    name: 'BridgeError',
    code: 'queue-damaged',
    kind: 'usage',
    message: `The queue at ${join(folder, 'queue.sqlite')} is damaged.`,
    remedy: expect.stringContaining('mailbridge queue repair'),
    cause: { message: 'file is not a database', code: 'ERR_SQLITE_ERROR' },
  });
});

test('nothing that is asked can end the thread: it is refused alone', async () => {
  const store = await open();
  const bad = store.spool();
  const unwritable = newMessage({ receivedAtMs: Number.NaN });
  const results = await Promise.allSettled([put(store, 'a'), bad.commit(unwritable), put(store, 'b')]);
  expect(results.map((each) => each.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(await store.count('queued')).toBe(2);
});

test('a queue that is full is told with its code', async () => {
  const store = await open(temporaryFolder(), { room: { minFreeOctets: 0, maxMessages: 1 } });
  await put(store, 'x');
  const full = { code: 'queue-full', kind: 'temporary', message: 'The queue holds 1 messages (queue.maxMessages).' };
  await expect(store.assertRoom(1)).rejects.toMatchObject(full);
  await expect(put(store, 'y')).rejects.toMatchObject(full);
});

test('where there was plenty of room a moment ago, that is not asked again; where there is little, it is', async () => {
  const wide = await open(temporaryFolder(), { room: { minFreeOctets: 0 } });
  const now = vi.spyOn(performance, 'now').mockReturnValue(1000);
  onTestFinished(() => now.mockRestore());
  await wide.assertRoom(1);
  await wide.close();
  now.mockReturnValue(1249);
  await expect(wide.assertRoom(1)).resolves.toBeUndefined();
  now.mockReturnValue(1250);
  await expect(wide.assertRoom(1)).rejects.toMatchObject({ code: 'queue-unreachable' });
  const narrow = await open(temporaryFolder(), { room: { minFreeOctets: 0, maxMessages: 100 } });
  await narrow.assertRoom(1);
  await narrow.close();
  await expect(narrow.assertRoom(1)).rejects.toMatchObject({ code: 'queue-unreachable' });
});

test('the octets of a message stay as they are, whatever becomes of the memory they came in', async () => {
  const store = await open();
  const memory = Buffer.from('Subject: x\r\n\r\nas it was');
  const spool = store.spool();
  await spool.write(memory.subarray(0, 12));
  await spool.write(memory.subarray(12));
  const copy = Buffer.from(memory);
  const { id } = await spool.commit(newMessage());
  expect(memory).toEqual(copy);
  memory.fill(0);
  for (let n = 0; n < 2; n++) expect((await buffer(await store.open(id))).equals(copy)).toBe(true);
});

test('a damaged message is quarantined, and that is told here', async () => {
  const folder = temporaryFolder();
  const told: string[] = [];
  const before = await open(folder);
  const [small, large] = [await put(before, 'x'), await put(before, Buffer.alloc(100_000, 'a'))];
  await before.close();
  const store = await open(folder, { onQuarantined: (id, damage) => told.push(`${id} ${damage}`) });
  const db = new DatabaseSync(join(folder, 'queue.sqlite'));
  db.exec(`UPDATE bodies SET content = x'00'`);
  db.close();
  writeFileSync(join(folder, 'bodies', `${large.id}.eml`), Buffer.alloc(100_000, 'b'));
  await expect(store.open(small.id)).rejects.toMatchObject({ code: 'queue-body-damaged' });
  await expect(buffer(await store.open(large.id))).rejects.toMatchObject({ code: 'queue-body-damaged' });
  const text = (id: string) => `${id} The body of message ${id} is damaged: its checksum is wrong.`;
  await expect.poll(() => told).toEqual([text(small.id), text(large.id)]);
});

test('an attempt that begins on a damaged message does not get it, and begins all the same', async () => {
  const folder = temporaryFolder();
  const before = await open(folder);
  const { id } = await put(before, 'x');
  await before.close();
  const db = new DatabaseSync(join(folder, 'queue.sqlite'));
  db.exec(`UPDATE bodies SET content = x'00'`);
  db.close();
  const store = await open(folder);
  expect(await store.begin(id, { courier: 'graph', startedAtMs: 0 })).toMatchObject({ id });
  await expect(store.open(id)).rejects.toMatchObject({ code: 'queue-body-damaged' });
});

test('a message that is gone cannot be opened, though it was there just now', async () => {
  const store = await open();
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) ids.push((await put(store, 'x')).id);
  const [delivered = '', removed = '', purged = ''] = ids;
  for (const id of ids) expect((await buffer(await store.open(id))).toString()).toBe('x');
  const outcome = { recipients: [], state: 'delivered' as const, nextAttemptAtMs: 0 };
  await store.record(delivered, { ...outcome, attempt: { startedAtMs: 0, durationMs: 1, outcomes: [] } });
  await store.giveUp(purged, { recipients: [], finishedAtMs: 0 });
  await store.purge({ deliveredMs: 0, failedMs: 1 });
  await store.remove({ ids: [removed] });
  for (const id of ids) await expect(store.open(id)).rejects.toMatchObject({ code: 'queue-body-missing' });
});

test('bodies whose database was moved away are kept, and that is told here', async () => {
  const folder = temporaryFolder();
  const store = await open(folder);
  const { id } = await put(store, Buffer.alloc(100_000, 'a'));
  await store.close();
  for (const file of readdirSync(folder)) if (file.startsWith('queue.sqlite')) rmSync(join(folder, file));
  const asides: (string | number)[] = [];
  await open(folder, { onBodiesSetAside: (...told) => asides.push(...told) });
  expect(asides).toEqual([1, join(folder, 'recovered')]);
  expect(readdirSync(join(folder, 'recovered'))).toEqual([`${id}.eml`]);
});

test('what was asked before the end is done, and nothing after it', async () => {
  const folder = temporaryFolder();
  const store = await open(folder);
  const accepted = Array.from({ length: 50 }, (_, i) => put(store, `${i}`));
  await new Promise(setImmediate);
  await Promise.all([store.close(), store.close(), ...accepted]);
  await expect(store.count('queued')).rejects.toMatchObject({ code: 'queue-unreachable' });
  expect(await (await open(folder)).count('queued')).toBe(50);
});

test('a thread that ends by itself is started again: what was answered is kept, what was asked is told to be unclear', async () => {
  const folder = temporaryFolder();
  const lost: unknown[] = [];
  const store = await open(folder, { onLost: (error) => lost.push(error) });
  const kept = await put(store, 'kept');
  const half = store.spool();
  await half.write(Buffer.alloc(100_000, 'a'));
  const changes: StoreChange[] = [];
  onTestFinished(store.subscribe((change) => changes.push(change)));
  const asked = Promise.allSettled([store.count('queued'), put(store, 'unclear')]);
  await threads.at(-1)?.terminate();
  const unclear = { status: 'rejected', reason: { code: 'queue-unreachable', kind: 'temporary' } };
  const refused = await asked;
  expect(refused).toMatchObject([unclear, unclear]);
  // What one caller does to its error is not visible to another.
  expect(new Set(refused.map((each) => 'reason' in each && each.reason)).size).toBe(2);
  await expect(store.count('queued')).rejects.toMatchObject({ code: 'queue-unreachable' });
  await expect.poll(() => changes.map(({ kind }) => kind), { timeout: 5000 }).toEqual(['unreachable', 'reachable']);
  expect(lost).toHaveLength(1);
  expect(await store.get(kept.id)).toEqual(kept);
  const { id } = await half.commit(newMessage());
  expect(await buffer(await store.open(id))).toEqual(Buffer.alloc(100_000, 'a'));
});

test('a thread that works again is started as soon after its next end as after the first', async () => {
  const store = await open();
  const changes: string[] = [];
  onTestFinished(store.subscribe(({ kind }) => changes.push(kind)));
  const timers = vi.spyOn(globalThis, 'setTimeout');
  onTestFinished(() => timers.mockRestore());
  const waits: unknown[] = [];
  for (let time = 1; time <= 2; time++) {
    timers.mockClear();
    await threads.at(-1)?.terminate();
    waits.push(timers.mock.calls.map(([, ms]) => ms).find((ms) => ms === 500 || ms === 1_000));
    const isBack = () => changes.filter((kind) => kind === 'reachable').length;
    await expect.poll(isBack, { timeout: 10_000 }).toBe(time);
  }
  expect(waits).toEqual([500, 500]);
});

test('an end that comes while a thread is started again waits for it, and leaves nobody with the queue', async () => {
  const folder = temporaryFolder();
  const store = await open(folder);
  const { id } = await put(store, 'x');
  const changes: string[] = [];
  onTestFinished(store.subscribe(({ kind }) => changes.push(kind)));
  const before = threads.length;
  await threads.at(-1)?.terminate();
  await expect.poll(() => threads.length, { interval: 1, timeout: 5000 }).toBe(before + 1);
  await store.close();
  // Of a thread that has ended.
  expect(threads.at(-1)?.threadId).toBe(-1);
  expect(changes).toEqual(['unreachable']);
  expect((await (await open(folder)).get(id))?.state).toBe('queued');
});

test('what is asked while the thread is at work goes to it together, and what is asked in one turn at once', async () => {
  const store = await open();
  const thread = threads.at(-1) as Worker;
  const sent: number[] = [];
  const post = thread.postMessage.bind(thread);
  thread.postMessage = (calls: unknown[], ...rest) => {
    sent.push(calls.length);
    post(calls, ...rest);
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const asked = [store.count('queued'), store.count('queued')];
  await turn();
  expect(sent).toEqual([2]);
  asked.push(store.count('queued'));
  await turn();
  asked.push(store.count('queued'));
  // It waits for an answer, which may have come meanwhile, and is sent in the turn after that.
  expect(sent).toEqual([2]);
  expect(await Promise.all(asked)).toEqual([0, 0, 0, 0]);
  expect(sent.reduce((sum, each) => sum + each, 0)).toBe(4);
});

test('a process that forgets to close its queue ends all the same, with its answers', async () => {
  const script = `
    import { openSqliteStoreInThread } from '${join(import.meta.dirname, '../../../../src/queue/stores/sqlite/store.ts')}';
    const store = await openSqliteStoreInThread(process.argv[1], { exclusive: true });
    store.subscribe(() => {});
    console.log(await store.count('queued'));`;
  const run = promisify(execFile)(
    process.execPath,
    ['--input-type=module-typescript', '-e', script, temporaryFolder()],
    {
      timeout: 20_000,
    },
  );
  expect((await run).stdout).toBe('0\n');
});
