import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LoginThrottle } from '../../src/accounts/login-throttle.ts';
import { TestClock } from './test-clock.ts';

function throttle(options: { failuresBeforeBlock?: number; maxAddresses?: number } = {}) {
  const clock = new TestClock();
  return { clock, throttle: new LoginThrottle({ clock, blockMs: 300_000, ...options }) };
}

test('each failure is answered later than the one before, up to four seconds; the tenth blocks', () => {
  const { throttle: one } = throttle();
  const delays = Array.from({ length: 9 }, (_, index) => one.failed('192.0.2.1', `guess ${index}`));
  expect(delays).toEqual([0, 250, 500, 1000, 2000, 4000, 4000, 4000, 4000]);
  expect(one.blockedForMs('192.0.2.1')).toBe(0);
  one.failed('192.0.2.1', 'guess 9');
  expect(one.blockedForMs('192.0.2.1')).toBe(300_000);
  expect(one.blockedForMs('192.0.2.2')).toBe(0);
});

test('a block ends, and then all is forgotten', () => {
  const { throttle: one, clock } = throttle({ failuresBeforeBlock: 2 });
  one.failed('192.0.2.1', 'a');
  clock.nowMs += 100_000;
  one.failed('192.0.2.1', 'b');
  clock.nowMs += 299_999;
  expect(one.blockedForMs('192.0.2.1')).toBe(1);
  clock.nowMs += 1;
  expect(one.blockedForMs('192.0.2.1')).toBe(0);
  expect(one.failed('192.0.2.1', 'c')).toBe(0);
});

test('a block does not grow when the clock is set back', () => {
  const { throttle: one, clock } = throttle({ failuresBeforeBlock: 1 });
  one.failed('192.0.2.1', 'a');
  clock.nowMs -= 100;
  expect(one.blockedForMs('192.0.2.1')).toBe(300_100);
  clock.nowMs -= 86_400_000;
  expect(one.blockedForMs('192.0.2.1')).toBe(0);
});

test('failures older than the block time are forgotten', () => {
  const { throttle: one, clock } = throttle({ failuresBeforeBlock: 3 });
  for (let day = 0; day < 20; day++) {
    expect(one.failed('192.0.2.1', `typo ${day}`)).toBe(0);
    clock.nowMs += 300_000;
  }
  expect(one.blockedForMs('192.0.2.1')).toBe(0);
});

test('a device that repeats one wrong password for ever is slowed and never blocks its address', () => {
  const { throttle: one, clock } = throttle({ failuresBeforeBlock: 3 });
  one.failed('192.0.2.1', 'old password');
  for (let round = 0; round < 100; round++) {
    clock.nowMs += 1000;
    expect(one.failed('192.0.2.1', 'old password')).toBe(250);
  }
  expect(one.blockedForMs('192.0.2.1')).toBe(0);
  one.failed('192.0.2.1', 'guess 1');
  one.failed('192.0.2.1', 'guess 2');
  expect(one.blockedForMs('192.0.2.1')).toBe(300_000);
});

test('an IPv6 customer is one /64, an IPv4 address in IPv6 dress is itself', () => {
  const { throttle: one } = throttle({ failuresBeforeBlock: 2 });
  one.failed('2001:db8:0:1::1', 'a');
  one.failed('2001:db8:0:1:ffff::2%eth0', 'b');
  expect(one.blockedForMs('2001:0db8:0000:0001:1234:5678:9abc:def0')).toBe(300_000);
  expect(one.blockedForMs('2001:db8:0:2::1')).toBe(0);
  one.failed('::ffff:192.0.2.1', 'a');
  one.failed('192.0.2.1', 'b');
  expect(one.blockedForMs('192.0.2.1')).toBe(300_000);
  expect(one.blockedForMs('::ffff:192.0.2.2')).toBe(0);
});

test('memory is bounded: the address that failed longest ago is dropped', () => {
  const { throttle: one } = throttle({ failuresBeforeBlock: 1, maxAddresses: 3 });
  for (const last of [1, 2, 3, 1, 4]) one.failed(`192.0.2.${last}`, 'a');
  expect(one.size).toBe(3);
  expect([1, 2, 3, 4].map((last) => one.blockedForMs(`192.0.2.${last}`) > 0)).toEqual([true, false, true, true]);
});

test('no number of different guesses gets past the block', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string(), { minLength: 10, maxLength: 40 }), (guesses) => {
      const { throttle: one } = throttle();
      let tried = 0;
      for (const guess of guesses) {
        if (one.blockedForMs('192.0.2.1') > 0) break;
        one.failed('192.0.2.1', guess);
        tried++;
      }
      expect(tried).toBe(10);
    }),
  );
});
