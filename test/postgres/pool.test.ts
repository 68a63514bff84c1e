import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Pool } from '../../src/postgres/pool.ts';
import type { Session } from '../../src/postgres/session.ts';

const patienceMs = 6_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A session that only reports what happens to it. */
interface Fake {
  readonly name: string;
  usedAtMs: number;
  broken: Error | undefined;
}

/** A pool of two sessions, opened as the test says. */
function world(most = 2) {
  const told: string[] = [];
  const opening: { resolve(session: Session): void; reject(error: unknown): void }[] = [];
  let opened = 0;
  const fake = () => {
    const session: Fake & { destroy(): void; end(): Promise<void> } = {
      name: `s${++opened}`,
      usedAtMs: performance.now(),
      broken: undefined,
      destroy: () => told.push(`${session.name} cut`),
      end: async () => void told.push(`${session.name} ended`),
    };
    return session as unknown as Session & Fake;
  };
  const pool = new Pool(() => new Promise((resolve, reject) => opening.push({ resolve, reject })), most, patienceMs);
  /** Asks for a session, and opens one if the pool asks for it. */
  const lend = async () => {
    const lent = pool.lend() as Promise<Session & Fake>;
    await vi.advanceTimersByTimeAsync(0);
    opening.shift()?.resolve(fake());
    return await lent;
  };
  return { pool, told, opening, fake, lend, pass: (ms: number) => vi.advanceTimersByTimeAsync(ms) };
}

/** Records how a wait for a session ends. */
function noted(promise: Promise<unknown>): string[] {
  const ends: string[] = [];
  promise.then(
    (session) => ends.push((session as Fake).name),
    (error: Error) => ends.push(error.message),
  );
  return ends;
}

test('a session is used again, the latest first, before another is opened', async () => {
  const { pool, lend } = world();
  const [one, two] = [await lend(), await lend()];
  expect([one.name, two.name]).toEqual(['s1', 's2']);
  pool.giveBack(one);
  pool.giveBack(two);
  expect(((await pool.lend()) as unknown as Fake).name).toBe('s2');
  expect(((await pool.lend()) as unknown as Fake).name).toBe('s1');
});

test('where all are lent the first that waits gets the next one, and nobody waits longer than is allowed', async () => {
  const { pool, opening, lend, pass } = world(1);
  const one = await lend();
  const [first, second, third] = [noted(pool.lend()), noted(pool.lend()), noted(pool.lend())];
  await pass(patienceMs - 1);
  pool.giveBack(one);
  await pass(0);
  expect([first, second, third]).toEqual([['s1'], [], []]);
  await pass(1);
  const late = ['No connection to PostgreSQL became free in time.'];
  expect([first, second, third]).toEqual([['s1'], late, late]);
  expect(opening).toEqual([]);
  // Nobody is waiting any more: it stays for the next one.
  pool.giveBack(one);
  expect(await pool.lend()).toBe(one);
});

test('of those who wait only the one whose time is over goes', async () => {
  const { pool, lend, pass } = world(1);
  const one = await lend();
  const first = noted(pool.lend());
  await pass(1_000);
  const second = noted(pool.lend());
  await pass(patienceMs - 1_000);
  expect([first.length, second]).toEqual([1, []]);
  pool.giveBack(one);
  await pass(60_000);
  expect(second).toEqual(['s1']);
});

test('a broken session is not lent again, and who waits gets another in its place', async () => {
  const { pool, told, opening, fake, lend, pass } = world(1);
  const one = await lend();
  const waiting = noted(pool.lend());
  one.broken = new Error('reset');
  pool.giveBack(one);
  await pass(0);
  expect(told).toEqual(['s1 cut']);
  expect(opening).toHaveLength(1);
  opening.shift()?.resolve(fake());
  await pass(60_000);
  expect(waiting).toEqual(['s2']);
});

test('one that breaks while nobody has it makes room for another', async () => {
  const { pool, lend } = world(1);
  const one = await lend();
  pool.giveBack(one);
  one.broken = new Error('reset');
  expect((await lend()).name).toBe('s2');
});

test('a server that refuses says why, and makes room for the next try', async () => {
  const { pool, opening, lend, pass } = world(1);
  const refused = noted(pool.lend());
  await pass(0);
  opening.shift()?.reject(new Error('ECONNREFUSED'));
  await pass(0);
  expect(refused).toEqual(['ECONNREFUSED']);
  expect((await lend()).name).toBe('s1');
});

test('where the server has no more connections to give, those that there are will do', async () => {
  const { pool, opening, lend, pass } = world(3);
  const tooMany = () => Object.assign(new Error('too many clients'), { code: '53300' });
  const alone = noted(pool.lend());
  await pass(0);
  opening.shift()?.reject(tooMany());
  await pass(0);
  expect(alone).toEqual(['too many clients']);
  const one = await lend();
  const second = noted(pool.lend());
  await pass(0);
  opening.shift()?.reject(tooMany());
  await pass(0);
  expect(second).toEqual([]);
  pool.giveBack(one);
  await pass(0);
  expect(second).toEqual(['s1']);
  const other = noted(pool.lend());
  await pass(0);
  opening.shift()?.reject(new Error('ECONNREFUSED'));
  await pass(0);
  expect(other).toEqual(['ECONNREFUSED']);
});

test('what was lent before the server was gone is cut, and counts no more', async () => {
  const { pool, told, lend, opening, pass } = world(2);
  const [lent, idle] = [await lend(), await lend()];
  pool.giveBack(idle);
  pool.drop(new Error('gone'));
  expect(told.splice(0)).toEqual(['s2 cut', 's1 cut']);
  // Two new ones: the earlier ones do not count.
  const [three, four] = [await lend(), await lend()];
  expect([three.name, four.name]).toEqual(['s3', 's4']);
  const waiting = noted(pool.lend());
  pool.giveBack(lent);
  await pass(0);
  expect(told).toEqual(['s1 cut']);
  expect([waiting, opening.length]).toEqual([[], 0]);
  pool.giveBack(three);
  await pass(0);
  expect(waiting).toEqual(['s3']);
  pool.drop(new Error('gone again'));
  expect(told).toEqual(['s1 cut', 's4 cut', 's3 cut']);
});

test('who waits when the server goes is told why at once', async () => {
  const { pool, lend, pass } = world(1);
  await lend();
  const waiting = noted(pool.lend());
  pool.drop(new Error('gone'));
  await pass(60_000);
  expect(waiting).toEqual(['gone']);
});

test('a session that was being opened when the server went is not kept', async () => {
  const { pool, told, opening, fake, lend, pass } = world(1);
  const late = pool.lend();
  await pass(0);
  pool.drop(new Error('gone'));
  opening.shift()?.resolve(fake());
  pool.giveBack(await late);
  expect(told).toEqual(['s1 cut']);
  expect((await lend()).name).toBe('s2');
  const failing = noted(pool.lend());
  pool.drop(new Error('gone'));
  expect((await lend()).name).toBe('s3');
  await pass(0);
  expect(failing).toEqual(['gone']);
});

test('one that cannot be opened, and was asked for before the server went, makes no room twice', async () => {
  const { pool, opening, fake, lend, pass } = world(1);
  const old = noted(pool.lend());
  await pass(0);
  const asked = opening.shift();
  pool.drop(new Error('gone'));
  expect((await lend()).name).toBe('s1');
  asked?.reject(Object.assign(new Error('too many clients'), { code: '53300' }));
  await pass(0);
  expect(old).toEqual(['too many clients']);
  const waiting = noted(pool.lend());
  await pass(0);
  expect(opening).toEqual([]);
  opening.shift()?.resolve(fake());
  expect(waiting).toEqual([]);
});

test('a session that was opened elsewhere goes to who waits, or stays', async () => {
  const { pool, fake, lend, pass } = world(2);
  const one = fake();
  pool.add(one);
  expect(await pool.lend()).toBe(one);
  await lend();
  const waiting = noted(pool.lend());
  pool.add(fake());
  await pass(0);
  expect(waiting).toEqual(['s3']);
});

test('one that nobody has used for a minute is ended, and so is one that broke', async () => {
  const { pool, told, lend, pass } = world(2);
  const [one, two] = [await lend(), await lend()];
  pool.giveBack(one);
  pool.giveBack(two);
  await pass(29_999);
  two.broken = new Error('reset');
  expect(told.splice(0)).toEqual([]);
  await pass(1);
  expect(told.splice(0)).toEqual(['s2 ended']);
  one.usedAtMs = performance.now();
  await pass(60_000);
  expect(told).toEqual([]);
  await pass(30_000);
  expect(told).toEqual(['s1 ended']);
  // Both may be reopened.
  expect([(await lend()).name, (await lend()).name]).toEqual(['s3', 's4']);
});

test('closed, it ends what nobody has, then what is given back, and opens nothing for those who wait', async () => {
  const { pool, told, opening, lend, pass } = world(2);
  const [one, two] = [await lend(), await lend()];
  pool.giveBack(one);
  await pool.close();
  expect(told).toEqual(['s1 ended']);
  pool.giveBack(two);
  await pass(120_000);
  expect(told).toEqual(['s1 ended', 's2 cut']);
  expect(opening).toEqual([]);
});

test('closed while somebody waits, it opens no other session for that one', async () => {
  const { pool, opening, lend, pass } = world(1);
  const one = await lend();
  const waiting = noted(pool.lend());
  await pool.close();
  pool.giveBack(one);
  await pass(0);
  expect([opening, waiting]).toEqual([[], []]);
  await pass(patienceMs);
  expect(waiting).toHaveLength(1);
});

test('its look for idle sessions keeps no process alive', () => {
  vi.useRealTimers();
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  new Pool(() => Promise.reject(new Error()), 1, 1);
  expect(timers()).toBe(before);
});
