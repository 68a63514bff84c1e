import { describe, expect, test } from 'vitest';
import { HandOvers, type HandOversOptions } from '../../../src/queue/ownership/hand-overs.ts';
import { HeldLeases } from '../../../src/queue/ownership/held-leases.ts';
import type { Lease } from '../../../src/queue/ownership/lease.ts';
import { LeaseCalls } from '../../../src/queue/ownership/lease-calls.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** The leases of an instance, what others should have of them, and who was given which. */
function world() {
  const clock = new FakeClock();
  const startMs = clock.now();
  const held = new HeldLeases();
  const told: string[] = [];
  const given: string[] = [];
  const state = {
    /** The instance that should have a key; undefined: no other one. */
    destined: (_key: string): string | undefined => undefined,
    requester: (_key: string): string | undefined => undefined,
    mail: new Set<string>(),
    failing: undefined as Error | undefined,
    /** How long the work under a lease takes. */
    endMs: 0,
  };
  const options = {
    ...{ clock, held, calls: new LeaseCalls(clock, 5_000), monotonicMs: () => clock.now() - startMs },
    leases: {
      release: async (released: readonly { lease: Lease; to?: string }[]) => {
        if (state.failing) throw state.failing;
        given.push(
          released.map(({ lease, to }) => (to === undefined ? lease.key : `${lease.key} to ${to}`)).join(', '),
        );
      },
    },
    log: { handedOver: (to: string) => told.push(`to ${to}`), failed: (error: Error) => told.push(error.message) },
    mail: { has: (key: string) => state.mail.has(key) },
    balance: {
      destined: ({ lease }: { lease: Lease }) => state.destined(lease.key),
      requester: ({ lease }: { lease: Lease }) => state.requester(lease.key),
    },
    end: () => new Promise<void>((resolve) => void clock.after(state.endMs, resolve)),
    done: () => told.push('done'),
  };
  const handOvers = new HandOvers(options as unknown as HandOversOptions);
  const hold = (...keys: string[]) => {
    for (const [at, key] of keys.entries()) held.add({ key, fence: at + 1, sinceMs: 0 }, 0);
  };
  const request = (key: string) => {
    const each = held.of(key);
    if (each) each.request = { by: 'b', sinceMs: 0 };
  };
  return { handOvers, clock, held, told, given, state, hold, request };
}

describe('a lease that a client waits for elsewhere', () => {
  test('is handed over once what is under way by it has ended', async () => {
    const { handOvers, hold, request, state, given, told, clock, held } = world();
    hold('k', 'other');
    request('k');
    state.requester = () => 'b';
    state.endMs = 500;
    expect(handOvers.look()).toBeUndefined();
    expect(held.of('k')?.isLeaving).toBe(true);
    handOvers.look();
    await clock.advance(499);
    expect(given).toEqual([]);
    await clock.advance(1);
    expect([given, told, held.size]).toEqual([['k to b'], ['to b', 'done'], 1]);
  });

  test('is looked at again after a quarter of a second while it is not its turn', () => {
    const { handOvers, hold, request, given } = world();
    hold('k');
    request('k');
    expect(handOvers.look()).toBe(250);
    expect(given).toEqual([]);
  });

  test('that is lost meanwhile is given to nobody', async () => {
    const { handOvers, hold, request, state, given, told, clock, held } = world();
    hold('k');
    request('k');
    state.requester = () => 'b';
    handOvers.look();
    held.compare([]);
    await clock.advance(1_000);
    expect([given, told]).toEqual([[], []]);
  });
});

describe('leases that others should have', () => {
  test('go fifty at a time, the next after 200 ms', async () => {
    const { handOvers, hold, state, given, clock, held } = world();
    hold(...Array.from({ length: 120 }, (_, at) => `k${at}`));
    state.destined = () => 'b';
    expect(handOvers.look()).toBe(200);
    expect(handOvers.look()).toBe(200);
    await clock.advance(50);
    expect(handOvers.look()).toBe(150);
    expect([given.length, held.size]).toEqual([1, 70]);
    await clock.advance(150);
    expect(handOvers.look()).toBe(200);
    await clock.advance(200);
    expect(handOvers.look()).toBeUndefined();
    await clock.advance(1);
    expect([given.length, held.size]).toEqual([3, 0]);
  });

  test('are not more than fifty on their way, however long those take', async () => {
    const { handOvers, hold, state, clock, held } = world();
    hold(...Array.from({ length: 60 }, (_, at) => `k${at}`));
    state.destined = () => 'b';
    state.endMs = 1_000;
    expect(handOvers.look()).toBe(200);
    await clock.advance(200);
    expect(handOvers.look()).toBe(200);
    expect([...held.all()].filter(({ isLeaving }) => isLeaving)).toHaveLength(50);
    await clock.advance(800);
    expect(handOvers.look()).toBeUndefined();
    await clock.advance(1_000);
    expect(held.size).toBe(0);
  });

  test('are for the one that should have them where mail waits, else for whoever needs them', async () => {
    const { handOvers, hold, state, given, told, clock } = world();
    hold('with-mail', 'without', 'ours');
    state.mail.add('with-mail');
    state.destined = (key) => (key === 'ours' ? undefined : 'b');
    expect(handOvers.look()).toBeUndefined();
    await clock.advance(0);
    expect([given, told]).toEqual([['with-mail to b, without'], ['to b', 'to b', 'done']]);
  });
});

test('at the end all leave, for anybody, each as soon as it is idle', async () => {
  const { handOvers, hold, request, state, given, told, clock } = world();
  hold('k', 'other');
  request('k');
  state.requester = () => 'b';
  handOvers.look();
  handOvers.leaveAll();
  await clock.advance(0);
  expect([given, told]).toEqual([['k to b, other'], ['to b', 'done']]);
});

test('a store that cannot be told is told of, and names the leases again', async () => {
  const { handOvers, hold, state, told, held, clock } = world();
  hold('k');
  state.failing = new Error('away');
  handOvers.leaveAll();
  const lease = { key: 'k', fence: 1, sinceMs: 0 };
  expect(held.compare([lease]).unknown).toEqual([]);
  await clock.advance(0);
  expect(told).toEqual(['away', 'done']);
  expect(held.compare([lease]).unknown).toEqual([lease]);
});

test('what is given back is not won again before the store has heard of it', async () => {
  const { handOvers, held, given, clock } = world();
  const lease = { key: 'k', fence: 1, sinceMs: 0 };
  const giving = handOvers.giveBack([{ lease }]);
  expect([held.isNew(lease), held.compare([lease]).unknown]).toEqual([false, []]);
  await clock.advance(0);
  await giving;
  expect([given, held.compare([lease]).unknown]).toEqual([['k'], [lease]]);
});
