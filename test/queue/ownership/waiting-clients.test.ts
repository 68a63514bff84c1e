import { expect, test } from 'vitest';
import type { Lease } from '../../../src/queue/ownership/lease.ts';
import { WaitingClients } from '../../../src/queue/ownership/waiting-clients.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function world() {
  const clock = new FakeClock();
  const startMs = clock.now();
  const clients = new WaitingClients(clock, () => clock.now() - startMs);
  const ends: string[] = [];
  const wait = (name: string, key: string, patienceMs: number) =>
    void clients.wait(key, patienceMs).then((lease) => ends.push(`${name} ${lease?.fence ?? 'in vain'}`));
  return { clients, wait, ends, pass: (ms: number) => clock.advance(ms) };
}

const lease = (key: string): Lease => ({ key, fence: 7, sinceMs: 0 });

test('a client waits as long as it has patience, and its key is remembered for ten seconds more', async () => {
  const { clients, wait, ends, pass } = world();
  expect(clients.isAny).toBe(false);
  wait('one', 'k', 1_000);
  expect([clients.isAny, clients.has('k'), clients.has('other'), clients.keys()]).toEqual([true, true, false, ['k']]);
  await pass(999);
  expect([clients.isAny, ends]).toEqual([true, []]);
  await pass(1);
  expect([clients.isAny, ends]).toEqual([false, ['one in vain']]);
  await pass(9_999);
  expect(clients.keys()).toEqual(['k']);
  await pass(1);
  expect(clients.keys()).toEqual([]);
  expect(clients.has('k')).toBe(false);
});

test('a key for which somebody waits is not forgotten, however long that takes', async () => {
  const { clients, wait, pass } = world();
  wait('one', 'k', 60_000);
  wait('two', 'k', 1_000);
  await pass(50_000);
  expect(clients.keys()).toEqual(['k']);
  await pass(19_999);
  expect(clients.keys()).toEqual(['k']);
  await pass(1);
  expect(clients.keys()).toEqual([]);
});

test('all that wait for a key get it when it is won, and nobody else', async () => {
  const { clients, wait, ends, pass } = world();
  wait('one', 'k', 1_000);
  wait('two', 'k', 5_000);
  wait('three', 'other', 5_000);
  clients.won(lease('k'));
  await pass(0);
  expect(ends).toEqual(['one 7', 'two 7']);
  expect([clients.has('k'), clients.has('other'), clients.isAny]).toEqual([false, true, true]);
  await pass(5_000);
  expect(ends).toEqual(['one 7', 'two 7', 'three in vain']);
  clients.won(lease('nobody waits'));
});

test('where nothing can be won nobody needs to wait', async () => {
  const { clients, wait, ends, pass } = world();
  wait('one', 'k', 1_000);
  wait('two', 'other', 1_000);
  clients.refuse();
  await pass(0);
  expect(ends).toEqual(['one in vain', 'two in vain']);
  expect(clients.keys()).toEqual([]);
  await pass(1_000);
  expect(ends).toHaveLength(2);
});

test('an owner is asked at once, and every two seconds as long as a client waits', async () => {
  const { clients, wait, pass } = world();
  wait('one', 'k', 3_000);
  expect(clients.toAsk(['other', 'k'])).toEqual(['k']);
  await pass(1_999);
  expect(clients.toAsk(['k'])).toEqual([]);
  await pass(1);
  expect(clients.toAsk(['k'])).toEqual(['k']);
  await pass(2_000);
  // Its key is remembered, but the client no longer waits.
  expect(clients.has('k')).toBe(true);
  expect(clients.toAsk(['k'])).toEqual([]);
});

test('who has more patience than those before is waited for to the end', async () => {
  const { clients, wait, pass } = world();
  wait('one', 'k', 1_000);
  wait('two', 'k', 5_000);
  wait('three', 'k', 2_000);
  await pass(14_999);
  expect([clients.keys(), clients.lastMs('k')]).toEqual([['k'], 5_000]);
  await pass(1);
  expect(clients.keys()).toEqual([]);
});

test('a client that is served leaves no timer behind', async () => {
  let timers = 0;
  const after = () => {
    timers++;
    return () => void timers--;
  };
  const clients = new WaitingClients({ now: () => 0, after }, () => 0);
  const waiting = [clients.wait('k', 1_000), clients.wait('other', 1_000)];
  clients.won(lease('k'));
  expect(timers).toBe(1);
  clients.refuse();
  expect(timers).toBe(0);
  expect(await Promise.all(waiting)).toEqual([lease('k'), undefined]);
});

test('when a client waited for a key last is now, as long as one waits', async () => {
  const { clients, wait, pass } = world();
  expect(clients.lastMs('k')).toBe(Number.NEGATIVE_INFINITY);
  wait('one', 'k', 1_000);
  expect(clients.lastMs('k')).toBe(0);
  await pass(400);
  expect(clients.lastMs('k')).toBe(400);
  await pass(5_000);
  expect(clients.lastMs('k')).toBe(1_000);
});
