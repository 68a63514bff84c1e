import { expect, test } from 'vitest';
import { Claims, type ClaimsOptions } from '../../../src/queue/ownership/claims.ts';
import { HeldLeases } from '../../../src/queue/ownership/held-leases.ts';
import { Instances } from '../../../src/queue/ownership/instances.ts';
import type { Lease } from '../../../src/queue/ownership/lease.ts';
import { LeaseCalls } from '../../../src/queue/ownership/lease-calls.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const lease = (key: string, fence = 1): Lease => ({ key, fence, sinceMs: 0 });

/** Instance `a` next to `b`, which should have all keys that begin with b. */
function world() {
  const clock = new FakeClock();
  const held = new HeldLeases();
  const instances = new Instances();
  instances.become(['a', 'b']);
  instances.preferredFor = (key) => key[0];
  const calls: string[] = [];
  const told: string[] = [];
  const state = {
    isActive: true,
    mail: [] as string[],
    clients: new Set<string>(),
    toAsk: undefined as string[] | undefined,
    /** What a claim wins: by default everything. */
    win: (keys: readonly string[]): Lease[] => keys.map((key) => lease(key)),
    during: () => {},
  };
  const options = {
    ...{ clock, held, instances, calls: new LeaseCalls(clock, 5_000), monotonicMs: () => 42 },
    leases: {
      self: 'a',
      claim: async (keys: readonly string[], nowMs: number) => {
        calls.push(`claim ${keys.length > 3 ? keys.length : keys.join(' ')} ${nowMs - clock.now()}`);
        state.during();
        return state.win(keys);
      },
      request: async (key: string) => {
        calls.push(`request ${key}`);
        state.during();
      },
    },
    mail: {
      take: (isNudged: boolean) => {
        told.push(`take ${isNudged}`);
        return state.mail;
      },
      gained: (key: string) => told.push(`mail ${key}`),
    },
    clients: {
      keys: () => [...state.clients],
      has: (key: string) => state.clients.has(key),
      toAsk: (keys: string[]) => state.toAsk ?? keys,
      lastMs: () => 7,
      won: ({ key }: Lease) => told.push(`client ${key}`),
    },
    log: { gained: (key: string) => told.push(`log ${key}`) },
    balance: { leftAlone: (name: string, nowMs: number) => told.push(`${name} left alone ${nowMs}`) },
    isActive: () => state.isActive,
    gained: ({ key }: Lease) => told.push(`gained ${key}`),
  };
  return { claims: new Claims(options as unknown as ClaimsOptions), state, calls, told, held, instances };
}

test('what mail and clients wait for is claimed once, but for what is held already', async () => {
  const { claims, state, calls, told, held } = world();
  state.mail = ['a1', 'a2'];
  state.clients = new Set(['a2', 'a3']);
  held.add(lease('a1'), 0);
  await claims.claim(true);
  expect(calls).toEqual(['claim a2 a3 0']);
  expect(told).toEqual([
    'take true',
    ...['mail a2', 'log a2', 'gained a2', 'client a2'],
    ...['mail a3', 'log a3', 'gained a3', 'client a3'],
  ]);
  expect(held.of('a3')).toMatchObject({ lease: lease('a3'), usedAtMs: 7 });
});

test('much of it is claimed five hundred at a time, as long as this instance is one', async () => {
  const { claims, state, calls } = world();
  state.mail = Array.from({ length: 1_200 }, (_, at) => `a${at}`);
  await claims.claim(false);
  expect(calls).toEqual(['claim 500 0', 'claim 500 0', 'claim 200 0']);
  const other = world();
  other.state.mail = state.mail;
  other.state.during = () => {
    other.state.isActive = false;
  };
  await other.claims.claim(false);
  expect(other.calls).toEqual(['claim 500 0']);
  expect(other.held.size).toBe(0);
});

test('one that is none claims nothing, and keeps nothing that it won', async () => {
  const { claims, state, calls, told } = world();
  state.isActive = false;
  state.mail = ['a1'];
  await claims.claim(false);
  await claims.request();
  expect([calls, told]).toEqual([[], []]);
});

test('a lease that has ended here is not begun again', async () => {
  const { claims, state, told, held } = world();
  held.add(lease('a1', 5), 0);
  held.clear();
  state.mail = ['a1'];
  state.win = () => [lease('a1', 5)];
  await claims.claim(false);
  expect(told).toEqual(['take false']);
  state.win = () => [lease('a1', 6)];
  await claims.claim(false);
  expect(held.has(lease('a1', 6))).toBe(true);
});

test('who should have taken what this instance gets is noted, unless a client waits here or others have come or gone', async () => {
  const { claims, state, told, instances } = world();
  const left = async (...keys: string[]) => {
    state.mail = keys;
    told.splice(0);
    await claims.claim(false);
    return told.filter((each) => each.includes('left alone'));
  };
  expect(await left('a1', 'b1')).toEqual(['b left alone 42']);
  state.clients = new Set(['b2']);
  expect(await left('b2', 'b3')).toEqual(['b left alone 42']);
  instances.preferredFor = () => undefined;
  expect(await left('b4')).toEqual([]);
  instances.preferredFor = (key) => key[0];
  state.during = () => void instances.become(['a', 'b', 'c']);
  expect(await left('b5')).toEqual([]);
});

test('owners are asked for what clients wait for, and is not here', async () => {
  const { claims, state, calls, held } = world();
  state.clients = new Set(['a1', 'a2', 'a3']);
  held.add(lease('a1'), 0);
  await claims.request();
  expect(calls.splice(0)).toEqual(['request a2', 'request a3']);
  state.during = () => {
    state.isActive = false;
  };
  await claims.request();
  expect(calls.splice(0)).toEqual(['request a2']);
  state.isActive = true;
  state.during = () => {};
  state.toAsk = [];
  await claims.request();
  expect(calls).toEqual([]);
});
