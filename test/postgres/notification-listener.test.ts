import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Database } from '../../src/postgres/database.ts';
import { NotificationListener } from '../../src/postgres/notification-listener.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** A listener, the sessions that it opens, and what it receives. */
async function world(unreachable?: Error) {
  const heard: string[] = [];
  const sessions: FakeSession[] = [];
  const state = {
    unreachable,
    opens: 0,
    refusing: undefined as Error | undefined,
    /** What future sessions do not answer. */
    failing: undefined as ((text: string) => boolean) | undefined,
  };
  class FakeSession {
    broken: Error | undefined;
    readonly asked: unknown[] = [];
    failing = state.failing;
    isEnded = false;
    isDestroyed = false;
    notify: (payload: string) => void = () => {};
    #broke: () => void = () => {};
    onNotification(told: (payload: string) => void) {
      this.notify = told;
    }
    onBroken(told: () => void) {
      this.#broke = told;
    }
    async run({ text }: { text: string }, values: readonly unknown[], deadlineMs: number) {
      this.asked.push([text, ...values, deadlineMs]);
      if (this.failing?.(text)) throw new Error('no answer');
    }
    async end() {
      this.isEnded = true;
    }
    destroy() {
      this.isDestroyed = true;
      this.break();
    }
    break() {
      this.broken = new Error('broken');
      this.#broke();
    }
  }
  const db = {
    get unreachable() {
      return state.unreachable;
    },
    session: async () => {
      state.opens++;
      if (state.refusing) throw state.refusing;
      sessions.push(new FakeSession());
      return sessions.at(-1);
    },
  };
  const listener = new NotificationListener(db as unknown as Database, 'mailbridge_x', (each) => heard.push(each));
  await pass(0);
  return { listener, heard, sessions, state, last: () => sessions.at(-1) as FakeSession };
}

const listen = ['LISTEN "mailbridge_x"', 5_000];
const check = ['SELECT pg_notify($1, $2)', 'mailbridge_x', 'check', 5_000];

test('a session listens, and is asked for a sign of life at once and every twenty seconds', async () => {
  const { last } = await world();
  expect(last().asked).toEqual([listen, check]);
  await pass(19_999);
  expect(last().asked).toHaveLength(2);
  await pass(1);
  expect(last().asked).toEqual([listen, check, check]);
  await pass(20_000);
  expect(last().asked).toHaveLength(4);
});

test('notices are taken to come once one has, until one is missed or a check fails', async () => {
  const { listener, heard, last } = await world();
  expect(listener.isHeard).toBe(false);
  last().notify('one');
  expect([listener.isHeard, heard]).toEqual([true, ['one']]);
  listener.missed();
  expect(listener.isHeard).toBe(false);
  last().notify('two');
  expect(listener.isHeard).toBe(true);
  last().failing = () => true;
  await pass(20_000);
  expect(listener.isHeard).toBe(false);
  last().failing = undefined;
  await pass(20_000);
  expect(last().asked).toHaveLength(4);
});

test('one that breaks is opened again after two seconds, and until then none is taken to come', async () => {
  const { listener, sessions, last } = await world();
  last().notify('one');
  last().break();
  expect(listener.isHeard).toBe(false);
  await pass(1_999);
  expect(sessions).toHaveLength(1);
  await pass(1);
  expect(sessions).toHaveLength(2);
  expect(listener.isHeard).toBe(false);
  expect(last().asked).toEqual([listen, check]);
  // The broken one gets no more queries.
  await pass(60_000);
  expect(sessions[0]?.asked).toHaveLength(2);
  expect(sessions).toHaveLength(2);
});

test('one that cannot listen is given up, and another is opened', async () => {
  const { sessions, last, state } = await world();
  state.refusing = new Error('too many connections');
  last().break();
  await pass(2_000);
  expect([state.opens, sessions.length]).toEqual([2, 1]);
  state.refusing = undefined;
  await pass(2_000);
  expect(sessions).toHaveLength(2);
});

test('a session that cannot listen is cut, and another is opened in its place', async () => {
  const { sessions, last, state } = await world();
  state.failing = (text) => text.startsWith('LISTEN');
  last().break();
  await pass(2_000);
  expect(sessions).toHaveLength(2);
  expect(last().asked).toEqual([listen]);
  expect(last().isDestroyed).toBe(true);
  state.failing = undefined;
  await pass(1_999);
  expect(sessions).toHaveLength(2);
  await pass(1);
  expect(sessions).toHaveLength(3);
  expect(last().asked).toEqual([listen, check]);
});

test('a session that breaks while it is asked for a sign of life is not asked again', async () => {
  const { sessions, last } = await world();
  last().failing = () => {
    last().break();
    return true;
  };
  await pass(20_000);
  await pass(60_000);
  expect(sessions).toHaveLength(2);
  expect(sessions[0]?.asked).toHaveLength(3);
});

test('while the server is away no session is opened', async () => {
  const { sessions, state } = await world(new Error('away'));
  await pass(10_000);
  expect([state.opens, sessions.length]).toEqual([0, 0]);
  state.unreachable = undefined;
  await pass(2_000);
  expect(sessions).toHaveLength(1);
});

test('at the end its session ends, and none is opened after it', async () => {
  const { listener, sessions, last, state } = await world();
  listener.end();
  expect(last().isEnded).toBe(true);
  last().break();
  await pass(60_000);
  expect([sessions.length, last().asked.length, vi.getTimerCount()]).toEqual([1, 2, 0]);
  const away = await world(new Error('away'));
  away.listener.end();
  away.state.unreachable = undefined;
  await pass(60_000);
  expect([away.state.opens, state.opens]).toEqual([0, 1]);
});

test('one that is opened only after the end is ended, and asked for no sign of life', async () => {
  const { listener, last, state } = await world(new Error('away'));
  state.unreachable = undefined;
  vi.advanceTimersByTime(2_000);
  listener.end();
  await pass(60_000);
  expect(last().asked).toEqual([listen]);
  expect(last().isEnded).toBe(true);
});

test('neither the next try nor the next check keeps a process alive', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  vi.useRealTimers();
  const before = timers();
  const session = { onNotification() {}, onBroken() {}, run: async () => {}, end: async () => {}, broken: undefined };
  const works = { unreachable: undefined, session: async () => session } as unknown as Database;
  const fails = { unreachable: new Error('away') } as unknown as Database;
  const listeners = [works, fails].map((db) => new NotificationListener(db, 'x', () => {}));
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(timers()).toBe(before);
  for (const listener of listeners) listener.end();
});
