import { expect, test } from 'vitest';
import { minuteMs } from '../../../src/queue/limits/limits.ts';
import { LoginLimit } from '../../../src/queue/limits/login.ts';

function login({ messagesPerMinute = 100, concurrentPerMailbox = 1, sent = [] as number[] } = {}) {
  const woken: string[] = [];
  const limit = new LoginLimit({ messagesPerMinute, concurrentPerMailbox }, sent, (each) => woken.push(each));
  return { limit, woken };
}

test('mailboxes are woken in the order in which they asked, as many as may begin', () => {
  const { limit, woken } = login({ concurrentPerMailbox: 2 });
  for (const name of ['x', 'y']) {
    expect(limit.waitMs(name, 0)).toBe(0);
    limit.reserve(name);
  }
  for (const name of ['a', 'b', 'a', 'c']) expect(limit.waitMs(name, 1000)).toBe(10_000);
  limit.release();
  expect(woken).toEqual(['a']);
  limit.release();
  expect(woken).toEqual(['a', 'a', 'b']);
});

test('who asked later waits for its turn, although there is a permit', () => {
  const { limit } = login();
  limit.reserve('x');
  limit.waitMs('a', 0);
  limit.waitMs('b', 0);
  limit.release();
  expect([limit.waitMs('b', 10), limit.waitMs('c', 10), limit.waitMs('a', 10)]).toEqual([10_000, 10_000, 0]);
  limit.reserve('a');
  limit.release();
  expect(limit.waitMs('b', 20)).toBe(0);
});

test('one that has not asked for 25 seconds has lost its place; one that asks again keeps it', () => {
  const { limit } = login();
  limit.reserve('x');
  for (const name of ['a', 'b']) limit.waitMs(name, 0);
  limit.release();
  expect(limit.waitMs('b', 25_000)).toBe(10_000);
  expect(limit.waitMs('b', 25_001)).toBe(0);
});

test('a place that was asked for later than now is none: the clock was set back', () => {
  const { limit } = login();
  limit.reserve('x');
  limit.waitMs('a', 9000);
  limit.release();
  expect(limit.waitMs('b', 8000)).toBe(0);
});

test('messages a minute: what was sent before a restart, what is under way, and who asked before', () => {
  const { limit } = login({ messagesPerMinute: 3, concurrentPerMailbox: 10, sent: [0, 59_000] });
  expect(limit.waitMs('a', 59_000)).toBe(0);
  limit.reserve('a');
  // Another look after ten seconds at the latest.
  expect(limit.waitMs('b', 59_000)).toBe(1000);
  expect(limit.waitMs('c', 59_000)).toBe(10_000);
  expect(limit.waitMs('b', minuteMs)).toBe(0);
  limit.settle(minuteMs, 0);
  limit.reserve('b');
  expect(limit.waitMs('c', minuteMs)).toBe(0);
});
