import { describe, expect, test } from 'vitest';
import { Balance } from '../../../src/queue/ownership/balance.ts';
import { type HeldLease, HeldLeases } from '../../../src/queue/ownership/held-leases.ts';
import { Instances, preferredInstance } from '../../../src/queue/ownership/instances.ts';
import { usualTimes } from '../../../src/queue/ownership/times.ts';

const { settleMs, stayMs, quietMs, turnMs } = usualTimes;
const [theirs = '', ours = ''] = ['b', 'a'].map((owner) =>
  Array.from({ length: 100 }, (_, at) => `k${at}`).find((key) => preferredInstance(key, ['a', 'b']) === owner),
);
const long = 3_600_000;

/** How instance `a` shares with `b`, which has run for an hour. */
function world(names: readonly string[] = ['a', 'b']) {
  const instances = new Instances();
  instances.become(names);
  const balance = new Balance('a', usualTimes, instances);
  for (const name of ['a', 'b']) balance.joined(name, -long);
  return balance;
}

const held = (key: string, usedAtMs = Number.NEGATIVE_INFINITY, request?: HeldLease['request']): HeldLease => ({
  lease: { key, fence: 1, sinceMs: 0 },
  usedAtMs,
  isLeaving: false,
  request,
});

describe('what another instance is to have', () => {
  test('goes to the one that prefers it, and stays where that is this one or nobody', () => {
    expect(world().destined(held(theirs), 0)).toBe('b');
    expect(world().destined(held(ours), 0)).toBeUndefined();
    expect(world([]).destined(held(theirs), 0)).toBeUndefined();
  });

  test('goes there once that one has lived long enough', () => {
    const balance = world();
    balance.joined('b', 100);
    expect(balance.destined(held(theirs), 100 + settleMs - 1)).toBeUndefined();
    expect(balance.destined(held(theirs), 100 + settleMs)).toBe('b');
    balance.gone('b');
    expect(balance.destined(held(theirs), long)).toBeUndefined();
  });

  test('stays for a while after a client had a delivery of its own by it', () => {
    expect(world().destined(held(theirs, 100), 100 + stayMs - 1)).toBeUndefined();
    expect(world().destined(held(theirs, 100), 100 + stayMs)).toBe('b');
  });

  test('is kept from one that leaves mail alone: for 15 s, twice as long each time it does so again, 10 min at most', () => {
    const balance = world();
    let atMs = 0;
    const kept: number[] = [];
    for (let time = 0; time < 8; time++) {
      balance.leftAlone('b', atMs);
      // What it leaves alone meanwhile does not count.
      balance.leftAlone('b', atMs + 1);
      let seconds = 0;
      while (balance.destined(held(theirs), atMs + seconds * 1_000) === undefined) seconds++;
      kept.push(seconds);
      atMs += seconds * 1_000 + 29_999;
    }
    expect(kept).toEqual([15, 30, 60, 120, 240, 480, 600, 600]);
    atMs += 1;
    balance.leftAlone('b', atMs);
    expect(balance.destined(held(theirs), atMs + 14_999)).toBeUndefined();
    expect(balance.destined(held(theirs), atMs + 15_000)).toBe('b');
  });

  test('leaving mail alone again counts from the moment that the last time is over', () => {
    const balance = world();
    balance.leftAlone('b', 0);
    balance.leftAlone('b', 15_000);
    expect(balance.destined(held(theirs), 44_999)).toBeUndefined();
    expect(balance.destined(held(theirs), 45_000)).toBe('b');
  });

  test('is not kept from one that has come anew, or from another', () => {
    const balance = world();
    balance.leftAlone('c', 0);
    expect(balance.destined(held(theirs), 1)).toBe('b');
    balance.leftAlone('b', 0);
    expect(balance.destined(held(theirs), 1)).toBeUndefined();
    balance.gone('b');
    balance.joined('b', -long);
    expect(balance.destined(held(theirs), 1)).toBe('b');
  });
});

describe('an instance at which a client waits', () => {
  const by = (sinceMs: number) => ({ by: 'b', sinceMs });

  test('gets it when clients here have been quiet for a while', () => {
    expect(world().requester(held(ours, 100, by(100)), 100 + quietMs - 1)).toBeUndefined();
    expect(world().requester(held(ours, 100, by(100)), 100 + quietMs)).toBe('b');
  });

  test('gets it when its turn has come, whatever clients here do', () => {
    expect(world().requester(held(ours, 100 + turnMs, by(100)), 100 + turnMs - 1)).toBeUndefined();
    expect(world().requester(held(ours, 100 + turnMs, by(100)), 100 + turnMs)).toBe('b');
  });

  test('is nobody where nobody asks', () => {
    expect(world().requester(held(ours), long)).toBeUndefined();
  });

  test('waits since it first asked, until it asks no more', () => {
    const balance = world();
    const leases = new HeldLeases();
    for (const key of ['k', 'other']) leases.add({ key, fence: 1, sinceMs: 0 }, 0);
    balance.requested(leases, [{ key: 'k', by: 'b' }], 100);
    balance.requested(leases, [{ key: 'k', by: 'c' }], 200);
    expect(leases.of('k')?.request).toEqual({ by: 'c', sinceMs: 100 });
    expect(leases.of('other')?.request).toBeUndefined();
    balance.requested(leases, [], 300);
    expect(leases.of('k')?.request).toBeUndefined();
    balance.requested(leases, [{ key: 'k', by: 'b' }], 400);
    expect(leases.of('k')?.request).toEqual({ by: 'b', sinceMs: 400 });
  });
});
