import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { destinationOf } from '../../../../src/queue/message.ts';
import type { StoreChange } from '../../../../src/queue/store.ts';
import { postgresForTests } from '../../../support/postgres.ts';
import { newMessage, put } from '../store-contract.ts';
import { newSchema, openInstance, openStore } from './opening.ts';

const server = postgresForTests({ fsync: 'off' });
const options = () => ({ url: server().url(), schema: newSchema(), poolSize: 4 });
const now = 1_800_000_000_000;
const destination = destinationOf(newMessage());

/** As if an instance had been silent for its whole lifetime. */
async function silence({ schema }: { readonly schema: string }, name: string): Promise<void> {
  await server().query(`UPDATE "${schema}".instances SET expires_at = clock_timestamp() WHERE name = $1`, [name]);
}

test('a command has no leases', async () => {
  expect((await openStore(options())).leases).toBeUndefined();
});

test('a key has one owner at a time, and a higher number with each', async () => {
  const place = options();
  const [a, b] = [await openInstance('a', place), await openInstance('b', place)];
  await a.leases.renew(60_000);
  expect((await b.leases.renew(60_000)).instances).toEqual(['a', 'b']);
  const won = await Promise.all([a.leases.claim(['x', 'y'], now), b.leases.claim(['y', 'x'], now)]);
  const keys = won.flat().map(({ key }) => key);
  expect(keys.toSorted()).toEqual(['x', 'y']);
  const [mine = [], others = []] = won;
  expect((await a.leases.renew(60_000)).held).toEqual(mine);
  expect((await b.leases.renew(60_000)).held).toEqual(others);
  await Promise.all([a, b].map(({ leases }, i) => leases.release((won[i] ?? []).map((lease) => ({ lease })))));
  const [again] = await b.leases.claim(['x'], now + 5);
  expect(again).toMatchObject({ key: 'x', sinceMs: now + 5 });
  expect(again?.fence).toBeGreaterThan(won.flat().find(({ key }) => key === 'x')?.fence ?? 0);
  // An instance that asks again for its own gets it unchanged: an answer may have been lost.
  expect(await b.leases.claim(['x'], now + 9)).toEqual([again]);
});

test('a key goes to the instance that it is handed over to, and to it alone for a while', async () => {
  const place = options();
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => openInstance(name, place)));
  if (!a || !b || !c) throw new Error('unreachable');
  for (const each of [a, b, c]) await each.leases.renew(60_000);
  const [lease] = await a.leases.claim(['x'], now);
  if (!lease) throw new Error('not won');
  await b.leases.request('x');
  expect((await a.leases.renew(60_000)).requested).toEqual([{ key: 'x', by: 'b' }]);
  await a.leases.release([{ lease, to: 'b' }]);
  expect((await a.leases.renew(60_000)).requested).toEqual([]);
  expect(await c.leases.claim(['x'], now)).toEqual([]);
  const [theirs] = await b.leases.claim(['x'], now);
  expect(theirs?.key).toBe('x');
  if (!theirs) throw new Error('not won');
  await b.leases.release([{ lease: theirs, to: 'a' }]);
  expect(await c.leases.claim(['x'], now)).toEqual([]);
  await server().query(`UPDATE "${place.schema}".leases SET kept_until = clock_timestamp()`);
  expect(await c.leases.claim(['x'], now)).toHaveLength(1);
});

test("a key that was handed over to who does not live is anybody's", async () => {
  const place = options();
  const [a, b] = [await openInstance('a', place), await openInstance('b', place)];
  await a.leases.renew(60_000);
  await b.leases.renew(60_000);
  const [lease] = await a.leases.claim(['x'], now);
  if (!lease) throw new Error('not won');
  await b.leases.leave();
  await a.leases.release([{ lease, to: 'b' }]);
  expect(await a.leases.claim(['x'], now)).toHaveLength(1);
});

test('a lease outlives no instance, and an instance no silence', async () => {
  const place = options();
  const [a, b] = [await openInstance('a', place), await openInstance('b', place)];
  await a.leases.renew(60_000);
  await b.leases.renew(60_000);
  const [lease] = await a.leases.claim(['x'], now);
  expect(await b.leases.claim(['x'], now)).toEqual([]);
  await silence(place, 'a');
  expect((await b.leases.renew(60_000)).instances).toEqual(['b']);
  // Nobody has taken it: an instance that comes back still has it.
  expect((await a.leases.renew(60_000)).held).toEqual([lease]);
  await silence(place, 'a');
  expect(await b.leases.claim(['x'], now)).toHaveLength(1);
  expect((await a.leases.renew(60_000)).held).toEqual([]);
  expect(await a.leases.claim(['x'], now)).toEqual([]);
  await b.leases.leave();
  expect(await a.leases.claim(['x'], now)).toHaveLength(1);
});

test('who does not live claims nothing', async () => {
  const a = await openInstance('a', options());
  await a.leases.renew(50);
  await delay(100);
  expect(await a.leases.claim(['x'], now)).toEqual([]);
});

test('a release of what is no longer ours changes nothing', async () => {
  const place = options();
  const [a, b] = [await openInstance('a', place), await openInstance('b', place)];
  await a.leases.renew(60_000);
  await b.leases.renew(60_000);
  const [lost] = await a.leases.claim(['x'], now);
  await silence(place, 'a');
  const won = await b.leases.claim(['x'], now);
  if (!lost) throw new Error('not won');
  await a.leases.release([{ lease: lost }]);
  expect((await b.leases.renew(60_000)).held).toEqual(won);
});

test('a frozen owner writes nothing any more once another has its mailbox', async () => {
  const place = options();
  const [frozen, other] = [await openInstance('a', place), await openInstance('b', place)];
  await frozen.leases.renew(60_000);
  await other.leases.renew(60_000);
  const message = await put(frozen, 'x');
  const [lease] = await frozen.leases.claim([destination], now);
  expect(await frozen.begin(message.id, { courier: 'graph', startedAtMs: now }, lease)).toEqual(message);
  await silence(place, 'a');
  const [theirs] = await other.leases.claim([destination], now);
  const before = await other.get(message.id);
  const result = {
    attempt: { startedAtMs: now, durationMs: 1, outcomes: [] },
    ...({ recipients: message.recipients, state: 'delivered', nextAttemptAtMs: now } as const),
  };
  const bounces = [{ message: newMessage({ isBounce: true }), content: Buffer.from('sorry') }];
  for (const write of [
    () => frozen.begin(message.id, { courier: 'smtp', startedAtMs: now + 1 }, lease),
    () => frozen.cancelAttempt(message.id, undefined, lease),
    () => frozen.record(message.id, { ...result, bounces }, lease),
    () => frozen.defer([message.id], now + 60_000, lease),
    () => frozen.giveUp(message.id, { recipients: message.recipients, finishedAtMs: now, bounces }, lease),
  ]) {
    await expect(write()).rejects.toMatchObject({ code: 'lease-lost' });
  }
  expect(await other.get(message.id)).toEqual(before);
  expect(before?.unfinished).toEqual({ courier: 'graph', startedAtMs: now });
  expect(await other.count('queued')).toBe(1);
  await other.record(message.id, result, theirs);
  expect((await other.get(message.id))?.state).toBe('delivered');
});

test('of writes that go together only those without a lease are refused', async () => {
  const place = options();
  const [a, b] = [await openInstance('a', place), await openInstance('b', place)];
  await a.leases.renew(60_000);
  await b.leases.renew(60_000);
  const messages = await Promise.all(Array.from({ length: 6 }, (_, i) => put(a, `${i}`)));
  const [lease] = await a.leases.claim(['x'], now);
  const [theirs] = await b.leases.claim(['y'], now);
  const begun = await Promise.allSettled(
    messages.map(({ id }, i) => a.begin(id, { courier: 'graph', startedAtMs: now }, i % 2 === 0 ? lease : theirs)),
  );
  expect(begun.map(({ status }) => status)).toEqual(messages.map((_, i) => (i % 2 === 0 ? 'fulfilled' : 'rejected')));
});

test('tells when instances come, go, ask and give', async () => {
  const place = options();
  const a = await openInstance('a', place);
  await a.leases.renew(60_000);
  const told: StoreChange[] = [];
  a.subscribe((change) => told.push(change));
  const toldOfLeases = () =>
    expect.poll(() => told.splice(0).some(({ kind }) => kind === 'leases'), { timeout: 5000 }).toBe(true);
  const b = await openInstance('b', place);
  await toldOfLeases();
  await b.leases.renew(60_000);
  await a.leases.claim(['x'], now);
  await b.leases.request('x');
  await toldOfLeases();
  const won = await b.leases.claim(['y'], now);
  await b.leases.release(won.map((lease) => ({ lease })));
  await toldOfLeases();
  await b.leases.leave();
  await toldOfLeases();
});

test('a second bridge with the name of one that lives is refused', async () => {
  const place = options();
  const first = await openInstance('mail-1', place);
  await first.leases.renew(3000);
  const renewing = setInterval(() => void first.leases.renew(3000), 500);
  try {
    await expect(openInstance('mail-1', place)).rejects.toMatchObject({
      code: 'instance-name-taken',
      message: 'Another instance named mail-1 is running on the same queue.',
    });
  } finally {
    clearInterval(renewing);
  }
  expect((await first.leases.renew(3000)).instances).toEqual(['mail-1']);
});

test('one that comes after a crash elsewhere waits until the earlier one is dead', async () => {
  const place = options();
  const first = await openInstance('mail-1', place);
  await first.leases.renew(1500);
  const started = performance.now();
  const second = await openInstance('mail-1', place);
  expect(performance.now() - started).toBeGreaterThan(300);
  await second.leases.renew(60_000);
  await expect(first.leases.renew(1500)).rejects.toMatchObject({ code: 'instance-name-taken' });
  expect(await first.leases.claim(['x'], now)).toEqual([]);
});

test('one that is started again in its place has it at once, and none of its old leases', async () => {
  const place = options();
  const first = await openInstance('mail-1', place, 'folder');
  await first.leases.renew(60_000);
  const [old] = await first.leases.claim(['x'], now);
  const started = performance.now();
  const second = await openInstance('mail-1', place, 'folder');
  expect(performance.now() - started).toBeLessThan(5000);
  expect((await second.leases.renew(60_000)).held).toEqual([]);
  const [anew] = await second.leases.claim(['x'], now);
  expect(anew?.fence).toBeGreaterThan(old?.fence ?? 0);
  const message = await put(second, 'x');
  // Anything of the earlier process that is still on its way to the server.
  const late = first.begin(message.id, { courier: 'graph', startedAtMs: now }, old);
  await expect(late).rejects.toMatchObject({ code: 'lease-lost' });
  await expect(first.leases.renew(60_000)).rejects.toMatchObject({ code: 'instance-name-taken' });
});

test('a claim and a return to life at the same time agree on who has it', async () => {
  const place = options();
  const [a, b] = [await openInstance('a', place), await openInstance('b', place)];
  await b.leases.renew(60_000);
  for (let round = 0; round < 40; round++) {
    const key = `key-${round}`;
    await a.leases.renew(60_000);
    await a.leases.claim([key], now);
    await silence(place, 'a');
    const claimed = b.leases.claim([key], now);
    await delay(Math.random() * 4);
    const [news, won] = await Promise.all([a.leases.renew(60_000), claimed]);
    const isKept = news.held.some((lease) => lease.key === key);
    expect(isKept, `round ${round}`).toBe(won.length === 0);
  }
});
