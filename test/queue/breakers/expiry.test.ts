import { expect, test } from 'vitest';
import type { AttemptLog } from '../../../src/queue/attempts/attempt-log.ts';
import type { OpenBreaker } from '../../../src/queue/breakers/breaker.ts';
import type { Breakers } from '../../../src/queue/breakers/breakers.ts';
import { BreakerExpiry, type BreakerExpiryOptions } from '../../../src/queue/breakers/expiry.ts';
import type { QueuedMessage } from '../../../src/queue/message.ts';
import type { GivenUp, QueueStore } from '../../../src/queue/store.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { recordedLog } from '../recorded-log.ts';
import { newMessage } from '../stores/store-contract.ts';
import { hourMs, trouble } from './outage-world.ts';

/** A connection whose breaker has been open for an hour, and messages whose time is over. */
function world(overrides: Partial<BreakerExpiryOptions> = {}) {
  const clock = new FakeClock();
  const down = trouble('graph', 'upstream-unreachable', 'ECONNREFUSED');
  const open: OpenBreaker = { trouble: down, sinceMs: clock.now() - hourMs, nextProbeAtMs: 0, failures: 1 };
  const { log, lines } = recordedLog();
  const expired: QueuedMessage[] = [];
  const givenUp = new Map<string, GivenUp>();
  const told: string[] = [];
  const queued: string[] = [];
  const store = {
    expired: async (_connection: string, _nowMs: number, afterId: string, limit: number) =>
      expired.filter(({ id }) => id > afterId && !givenUp.has(id)).slice(0, limit),
    async giveUp(id: string, given: GivenUp) {
      givenUp.set(id, given);
      return (given.bounces ?? []).map((_, index) => ({ ...expired[0], id: `notice ${index} of ${id}` }));
    },
  } as unknown as QueueStore;
  const views = [{ connection: 'contoso', part: 'graph', state: 'open', ...open }];
  const breakers = { view: () => views, gate: () => ({ open: () => views[0] }) } as unknown as Breakers;
  const expiry = new BreakerExpiry({
    ...{ store, clock, log, breakers },
    attemptLog: { givenUp: ({ id }: QueuedMessage) => told.push(id) } as unknown as AttemptLog,
    leaseOf: () => ({ key: 'contoso', fence: 1, sinceMs: 0 }),
    couriersOf: ({ courier }) => [courier],
    isUnderWay: () => false,
    bounces: async () => [],
    onQueued: (bounce, message) => queued.push(`${bounce.id} for ${message.id}`),
    ...overrides,
  });
  /** A message received this long ago that may wait this long. */
  const put = (id: string, ageMs = 2 * hourMs, timeMs = 1.5 * hourMs) => {
    const receivedAtMs = clock.now() - ageMs;
    const base = newMessage({ receivedAtMs, expiresAtMs: receivedAtMs + timeMs });
    const recipients = [{ address: 'ann@contoso.example', state: 'pending' as const }];
    expired.push({ ...base, recipients, id, size: 1, state: 'queued', attempts: 1, nextAttemptAtMs: 0 });
  };
  return { clock, expiry, put, store, views, givenUp, told, queued, lines };
}

test('a message whose time is over is given up for what its connection is in trouble for', async () => {
  const { expiry, put, givenUp, told, queued, clock } = world();
  put('a');
  await expiry.look();
  const last = { outcome: 'temporary', code: 'upstream-unreachable', text: 'ECONNREFUSED' };
  const recipients = [{ address: 'ann@contoso.example', state: 'failed', last }];
  expect(givenUp.get('a')).toEqual({ recipients, finishedAtMs: clock.now(), bounces: [] });
  expect([told, queued]).toEqual([['a'], []]);
});

test('what to do about the trouble is kept, and the bounces go their way', async () => {
  const notice = { message: newMessage({ isBounce: true }), content: Buffer.from('sorry') };
  const { expiry, put, givenUp, queued, views } = world({ bounces: async () => [notice, notice] });
  Object.assign(views[0]!, { trouble: { ...views[0]!.trouble, remedy: 'Open the port.' } });
  put('a');
  await expiry.look();
  expect(givenUp.get('a')).toMatchObject({
    recipients: [{ last: { remedy: 'Open the port.' } }],
    bounces: [notice, notice],
  });
  expect(queued).toEqual(['notice 0 of a for a', 'notice 1 of a for a']);
});

test('one that is under way, or whose own courier is not in trouble, is left alone', async () => {
  const busy = world({ isUnderWay: ({ id }) => id === 'a' });
  for (const id of ['a', 'b']) busy.put(id);
  await busy.expiry.look();
  expect([...busy.givenUp.keys()]).toEqual(['b']);
  const other = world({
    breakers: {
      view: () => [{ connection: 'contoso' }],
      gate: () => ({ open: () => undefined }),
    } as unknown as Breakers,
  });
  other.put('a');
  await other.expiry.look();
  expect(other.givenUp.size).toBe(0);
});

test('one whose time was over before the trouble began gets its time once more, from then on', async () => {
  const { expiry, put, givenUp, clock } = world();
  put('late', 10 * hourMs, 2 * hourMs);
  await expiry.look();
  await clock.advance(hourMs - 1);
  await expiry.look();
  expect(givenUp.size).toBe(0);
  await clock.advance(1);
  await expiry.look();
  expect([...givenUp.keys()]).toEqual(['late']);
});

test('after the clock was set the time begins anew as well', async () => {
  const { expiry, put, givenUp, clock } = world();
  put('a');
  expiry.clockWasSet();
  await expiry.look();
  await clock.advance(1.5 * hourMs - 1);
  await expiry.look();
  expect(givenUp.size).toBe(0);
  await clock.advance(1);
  await expiry.look();
  expect([...givenUp.keys()]).toEqual(['a']);
});

test('however many there are, each is looked at once, those that stay among them', async () => {
  const { expiry, put, givenUp } = world({ isUnderWay: ({ id }) => id < 'm060' });
  for (let n = 100; n < 220; n++) put(`m${String(n - 100).padStart(3, '0')}`);
  await expiry.look();
  expect(givenUp.size).toBe(60);
});

test('no attempt begins while a message is given up, and stopping waits for the round and begins no other page', async () => {
  let compose: (() => void) | undefined;
  const composed = new Promise<void>((resolve) => {
    compose = resolve;
  });
  const { expiry, put, givenUp } = world({ bounces: () => composed.then(() => []) });
  for (let n = 100; n < 200; n++) put(`m${n}`);
  const round = expiry.look();
  await settle();
  expect([expiry.isGivingUp('m100'), expiry.isGivingUp('m101')]).toEqual([true, false]);
  let stopped = false;
  const stopping = expiry.stop().then(() => {
    stopped = true;
  });
  await settle();
  expect(stopped).toBe(false);
  compose?.();
  await stopping;
  await round;
  expect(expiry.isGivingUp('m100')).toBe(false);
  expect(givenUp.size).toBe(50);
});

test('one round at a time; a store that fails is told, and the next round goes on', async () => {
  const { expiry, put, store, givenUp, lines } = world();
  put('a');
  const { giveUp } = store;
  store.giveUp = async () => {
    throw new Error('disk I/O error');
  };
  await Promise.all([expiry.look(), expiry.look()]);
  expect(lines).toMatchObject([{ level: 'error', text: 'queue: cannot read or write the store' }]);
  expect(expiry.isGivingUp('a')).toBe(false);
  store.giveUp = giveUp;
  await expiry.look();
  expect([...givenUp.keys()]).toEqual(['a']);
});
