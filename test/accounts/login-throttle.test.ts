import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LoginThrottle, type LoginThrottleOptions } from '../../src/accounts/login-throttle.ts';
import { TestClock } from './test-clock.ts';

function throttle(options: LoginThrottleOptions = {}) {
  const clock = new TestClock();
  const one = new LoginThrottle({ clock, blockMs: 300_000, ...options });
  return {
    clock,
    throttle: one,
    failed: (address: string, given: string, account = 'scanner') => one.failed({ address, account }, given),
    blockedForMs: (address: string, account = 'scanner') => one.blocked({ address, account })?.forMs ?? 0,
  };
}

test('each failure is answered later than the one before, up to four seconds; the tenth blocks', () => {
  const { failed, blockedForMs } = throttle();
  const delays = Array.from({ length: 9 }, (_, index) => failed('192.0.2.1', `guess ${index}`));
  expect(delays).toEqual([0, 250, 500, 1000, 2000, 4000, 4000, 4000, 4000]);
  expect(blockedForMs('192.0.2.1')).toBe(0);
  failed('192.0.2.1', 'guess 9');
  expect(blockedForMs('192.0.2.1')).toBe(300_000);
  expect(blockedForMs('192.0.2.1', 'erp')).toBe(0);
  expect(blockedForMs('192.0.2.2')).toBe(0);
});

test('many names tried once each are slowed, and the hundredth blocks the address', () => {
  const { failed, blockedForMs } = throttle();
  const delays = Array.from({ length: 99 }, (_, index) => failed('192.0.2.1', 'guess', `name ${index}`));
  expect(delays.slice(0, 17)).toEqual([...Array<number>(11).fill(0), 250, 500, 1000, 2000, 4000, 4000]);
  expect(blockedForMs('192.0.2.1', 'another')).toBe(0);
  failed('192.0.2.1', 'guess', 'the last');
  expect(blockedForMs('192.0.2.1', 'another')).toBe(300_000);
  expect(blockedForMs('192.0.2.2', 'another')).toBe(0);
});

test('a block ends, and then all is forgotten', () => {
  const { failed, blockedForMs, clock } = throttle({ failures: 2 });
  failed('192.0.2.1', 'a');
  clock.nowMs += 100_000;
  failed('192.0.2.1', 'b');
  clock.nowMs += 299_999;
  expect(blockedForMs('192.0.2.1')).toBe(1);
  clock.nowMs += 1;
  expect(blockedForMs('192.0.2.1')).toBe(0);
  expect(failed('192.0.2.1', 'c')).toBe(0);
});

test('a block does not grow when the clock is set back', () => {
  const { failed, blockedForMs, clock } = throttle({ failures: 1 });
  failed('192.0.2.1', 'a');
  clock.nowMs -= 100;
  expect(blockedForMs('192.0.2.1')).toBe(300_100);
  clock.nowMs -= 86_400_000;
  expect(blockedForMs('192.0.2.1')).toBe(0);
});

test('failures older than the block time are forgotten', () => {
  const { failed, blockedForMs, clock } = throttle({ failures: 3 });
  for (let day = 0; day < 20; day++) {
    expect(failed('192.0.2.1', `typo ${day}`)).toBe(0);
    clock.nowMs += 300_000;
  }
  expect(blockedForMs('192.0.2.1')).toBe(0);
});

test('a device that repeats one wrong password for ever is slowed and never blocks anybody', () => {
  const { failed, blockedForMs, clock } = throttle({ failures: 3, failuresPerAddress: 20, failuresPerAccount: 20 });
  failed('192.0.2.1', 'old password');
  for (let round = 0; round < 100; round++) {
    clock.nowMs += 1000;
    expect(failed('192.0.2.1', 'old password')).toBe(2000);
  }
  expect(blockedForMs('192.0.2.1')).toBe(0);
  expect(blockedForMs('192.0.2.2')).toBe(0);
  failed('192.0.2.1', 'guess 1');
  failed('192.0.2.1', 'guess 2');
  expect(blockedForMs('192.0.2.1')).toBe(300_000);
});

test('an account that has logged in from an address is not blocked there for seven days, and is blocked after', () => {
  const { throttle: one, failed, blockedForMs, clock } = throttle({ failures: 2 });
  const guess = () => {
    for (const given of ['a', 'b', 'c']) failed('192.0.2.1', given);
  };
  one.succeeded({ address: '192.0.2.1', account: 'scanner' });
  guess();
  expect(blockedForMs('192.0.2.1')).toBe(0);
  expect(one.holdMs({ address: '192.0.2.1', account: 'scanner' })).toBe(500);
  expect(one.holdMs({ address: '192.0.2.1', account: 'erp' })).toBe(0);
  clock.nowMs += 7 * 24 * 60 * 60 * 1000 - 1;
  guess();
  expect(blockedForMs('192.0.2.1')).toBe(0);
  clock.nowMs += 1;
  expect(blockedForMs('192.0.2.1')).toBe(299_999);
});

test('guesses at an account that is known at an address count against neither the address nor the account elsewhere', () => {
  const { throttle: one, failed, blockedForMs } = throttle({ failuresPerAddress: 20, failuresPerAccount: 20 });
  one.succeeded({ address: '192.0.2.1', account: 'scanner' });
  for (let guess = 0; guess < 50; guess++) failed('192.0.2.1', `guess ${guess}`);
  expect(blockedForMs('192.0.2.1', 'erp')).toBe(0);
  expect(blockedForMs('192.0.2.2')).toBe(0);
});

test('an IPv6 customer is one /64, an IPv4 address in IPv6 dress is itself', () => {
  const { failed, blockedForMs } = throttle({ failures: 2 });
  failed('2001:db8:0:1::1', 'a');
  failed('2001:db8:0:1:ffff::2%eth0', 'b');
  expect(blockedForMs('2001:0db8:0000:0001:1234:5678:9abc:def0')).toBe(300_000);
  expect(blockedForMs('2001:db8:0:2::1')).toBe(0);
  failed('::ffff:192.0.2.1', 'a');
  failed('192.0.2.1', 'b');
  expect(blockedForMs('192.0.2.1')).toBe(300_000);
  expect(blockedForMs('::ffff:192.0.2.2')).toBe(0);
});

test('memory is bounded: what was used longest ago is dropped, and long names take no more room', () => {
  const { throttle: one, failed, blockedForMs } = throttle({ failures: 1, maxRecords: 3 });
  for (const last of [1, 2, 3, 1, 4]) failed(`192.0.2.${last}`, 'a');
  expect([1, 2, 3, 4].map((last) => blockedForMs(`192.0.2.${last}`) > 0)).toEqual([true, false, true, true]);
  for (let index = 0; index < 100; index++) {
    failed(`198.51.100.${index}`, 'a', 'x'.repeat(1000) + index);
    one.succeeded({ address: `198.51.100.${index}`, account: `name ${index}` });
  }
  expect(one.size).toBe(12);
  expect(blockedForMs('198.51.100.99', `${'x'.repeat(1000)}99`)).toBe(300_000);
  expect(blockedForMs('198.51.100.99', `${'x'.repeat(1000)}98`)).toBe(0);
});

test('no number of different guesses gets past the block', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string(), { minLength: 10, maxLength: 40 }), (guesses) => {
      const { failed, blockedForMs } = throttle();
      let tried = 0;
      for (const guess of guesses) {
        if (blockedForMs('192.0.2.1') > 0) break;
        failed('192.0.2.1', guess);
        tried++;
      }
      expect(tried).toBe(10);
    }),
  );
});
