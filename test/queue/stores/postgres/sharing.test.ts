import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { destinationOf } from '../../../../src/queue/message.ts';
import type { QueueStore, StoreChange } from '../../../../src/queue/store.ts';
import { postgresForTests } from '../../../support/postgres.ts';
import { newMessage, put } from '../store-contract.ts';
import { newSchema, openInstance, openStore } from './opening.ts';

const server = postgresForTests({ fsync: 'off' });
const options = () => ({ url: server().url(), schema: newSchema(), poolSize: 4 });
const destination = destinationOf(newMessage());

function changesOf(store: QueueStore): StoreChange[] {
  const told: StoreChange[] = [];
  onTestFinished(store.subscribe((change) => told.push(change)));
  return told;
}

test('two instances accept at once, and each sees all of it', { timeout: 60_000 }, async () => {
  const place = options();
  const [a, b] = [await openInstance('a', place), await openInstance('b', place)];
  const bodies = Array.from({ length: 400 }, (_, i) => `message ${i} ${'y'.repeat((i * 37) % 2000)}`);
  const messages = await Promise.all(bodies.map((body, i) => put(i % 2 === 0 ? a : b, body)));
  expect(new Set(messages.map(({ id }) => id)).size).toBe(bodies.length);
  for (const store of [a, b]) expect(await store.count('queued')).toBe(bodies.length);
  for (const [i, { id }] of messages.entries()) {
    expect((await buffer(await (i % 2 === 0 ? b : a).open(id))).toString()).toBe(bodies[i]);
  }
});

test('ids of processes that make them in the same millisecond differ', async () => {
  const place = options();
  const stores = await Promise.all(Array.from({ length: 4 }, () => openStore(place)));
  const ids = stores.flatMap((store) => Array.from({ length: 1000 }, () => store.spool().id));
  expect(new Set(ids).size).toBe(4000);
  expect(ids.every((id) => /^[0-9a-z]{18}$/.test(id))).toBe(true);
});

test.each([
  ['by notification', true, 1800],
  ['by looking alone', false, 4000],
])('an instance is told %s of mail that another has accepted', async (_, listens, patienceMs) => {
  const place = { ...options(), listens };
  const [owner, other] = [await openInstance('a', place), await openInstance('b', place)];
  const [told, own] = [changesOf(owner), changesOf(other)];
  const ofMail = (changes: StoreChange[]) => changes.filter(({ kind }) => kind === 'queued');
  // The listening session opens.
  await delay(500);
  const started = performance.now();
  await put(other, 'x');
  await expect.poll(() => ofMail(told), { timeout: 6000 }).toEqual([{ kind: 'queued', destinations: [destination] }]);
  expect(performance.now() - started).toBeLessThan(patienceMs);
  await delay(2500);
  expect(ofMail(told)).toHaveLength(1);
  expect(ofMail(own)).toEqual([]);
});

test('what comes together is told together, and more than fits into a notification too', async () => {
  const place = options();
  const [owner, other] = [await openInstance('a', place), await openInstance('b', place)];
  const told = changesOf(owner);
  await delay(300);
  const mailboxes = Array.from({ length: 300 }, (_, i) => `${'m'.repeat(40)}${i}@contoso.example`);
  await Promise.all(mailboxes.map((mailbox) => put(other, 'x', { mailbox })));
  const destinations = () => new Set(told.flatMap((change) => (change.kind === 'queued' ? change.destinations : [])));
  await expect.poll(() => destinations().size, { timeout: 5000 }).toBe(mailboxes.length);
  expect(told.length).toBeLessThan(30);
});

test('an instance whose listening session was ended is told all the same, and listens again', {
  timeout: 30_000,
}, async () => {
  const place = options();
  const [owner, other] = [await openInstance('a', place), await openInstance('b', place)];
  const told = changesOf(owner);
  await delay(300);
  const listening = `query LIKE 'LISTEN%' OR query LIKE 'SELECT pg_notify($1, $2)%'`;
  await server().query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${listening}`);
  await put(other, 'x');
  await expect.poll(() => told.length, { timeout: 6000 }).toBeGreaterThan(0);
  await delay(2500);
  told.length = 0;
  const started = performance.now();
  await put(other, 'y');
  await expect.poll(() => told.length, { timeout: 6000 }).toBeGreaterThan(0);
  expect(performance.now() - started).toBeLessThan(1800);
  expect(told.some(({ kind }) => kind === 'unreachable')).toBe(false);
});

test('a pause of one instance drives no other: it would try again, and end pauses of its own', async () => {
  const place = options();
  const [a, b] = [await openInstance('a', place), await openInstance('b', place)];
  const told = changesOf(b);
  // Everything that the start of the two announced has arrived by then.
  await put(a, 'before');
  await expect.poll(() => told.map(({ kind }) => kind), { timeout: 5000 }).toContain('queued');
  told.length = 0;
  const pause = { untilMs: 2, sinceMs: 1, code: '429', text: 'slow\0ly', strikes: 1, needsAdmin: false };
  for (const key of [destination, 'contoso external', 'contoso breaker graph']) {
    await a.setPause({ ...pause, key });
    await a.setPause({ ...pause, key, strikes: 2 });
  }
  await a.endPause('of nobody');
  await a.endPause(destination);
  await a.endPause('contoso breaker graph');
  // Later announcements have arrived: nothing is on its way.
  await put(a, 'x');
  await expect.poll(() => told.length, { timeout: 5000 }).toBeGreaterThan(0);
  expect(told).toEqual([{ kind: 'queued', destinations: [destination] }]);
  expect(await b.pauses()).toEqual([{ ...pause, key: 'contoso external', text: 'slow\uFFFDly', strikes: 2 }]);
});

test('the room is that of all instances', async () => {
  const place = { ...options(), room: { maxMessages: 5, maxOctets: 1000 } };
  const [a, b] = [await openInstance('a', place), await openInstance('b', place)];
  const full = (message: string) => ({ code: 'queue-full', message });
  const messages = [];
  for (let n = 0; n < 5; n++) messages.push(await put(n % 2 === 0 ? a : b, 'x'.repeat(100)));
  for (const store of [a, b]) {
    // What the other has accepted since the count is counted within a second or a few.
    const isFull = () =>
      store.assertRoom(1).then(
        () => false,
        () => true,
      );
    await expect.poll(isFull, { timeout: 15_000 }).toBe(true);
    await expect(store.assertRoom(1)).rejects.toMatchObject(full('The queue holds 5 messages (queue.maxMessages).'));
    await expect(put(store, 'x')).rejects.toMatchObject({ code: 'queue-full' });
  }
  await a.remove({ ids: messages.slice(0, 2).map(({ id }) => id) });
  await expect(a.assertRoom(800)).rejects.toMatchObject(full('The queue holds 0.0 MB (queue.maxMegabytes).'));
  await expect(a.assertRoom(600)).resolves.toBeUndefined();
  const spool = a.spool();
  await expect((async () => spool.write(Buffer.alloc(1_000_000)))()).rejects.toMatchObject({ code: 'queue-full' });
});

test('an outcome may leave an earlier attempt as unfinished as it was', async () => {
  const store = await openStore(options());
  const message = await put(store, 'x');
  const unfinished = { courier: 'smtp', startedAtMs: 7 } as const;
  const result = {
    attempt: { startedAtMs: 10, durationMs: 5, outcomes: [] },
    ...({ recipients: message.recipients, state: 'queued', nextAttemptAtMs: 20 } as const),
  };
  await store.begin(message.id, { courier: 'graph', startedAtMs: 9 });
  await store.record(message.id, { ...result, unfinished });
  expect((await store.get(message.id))?.unfinished).toEqual(unfinished);
  await store.record(message.id, { ...result, unfinished: { startedAtMs: 8 } });
  expect((await store.get(message.id))?.unfinished).toEqual({ startedAtMs: 8 });
  await store.record(message.id, result);
  expect((await store.get(message.id))?.unfinished).toBeUndefined();
});

test('writes that come together fail by themselves', async () => {
  const store = await openStore(options());
  const long = 'x'.repeat(4000);
  // An index entry larger than a third of a page is refused if it cannot be compressed.
  const random = () => Array.from({ length: 4000 }, () => String.fromCharCode(33 + Math.random() * 90)).join('');
  const results = await Promise.allSettled([
    put(store, 'one'),
    put(store, 'two', { account: random() }),
    put(store, 'three', { account: long.slice(0, 100) }),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(await store.count('queued')).toBe(2);
});
