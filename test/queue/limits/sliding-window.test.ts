import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SlidingWindow } from '../../../src/queue/limits/sliding-window.ts';

/** An amount that begins and ends at the same moment. */
function spend(window: SlidingWindow, atMs: number, amount: number): void {
  window.reserve(amount);
  window.settle(amount, atMs, amount);
}

test('lets the limit through at once, then waits until the oldest leaves the window', () => {
  const window = new SlidingWindow(3, 60_000);
  for (const at of [0, 100, 200]) {
    expect(window.waitMs(at, 1)).toBe(0);
    spend(window, at, 1);
  }
  expect(window.waitMs(300, 1)).toBe(59_700);
  expect(window.waitMs(59_999, 1)).toBe(1);
  expect(window.waitMs(60_000, 1)).toBe(0);
});

test('waits for as many as are needed', () => {
  const window = new SlidingWindow(10, 1000);
  spend(window, 0, 4);
  spend(window, 500, 6);
  expect(window.waitMs(600, 4)).toBe(400);
  expect(window.waitMs(600, 5)).toBe(900);
});

test('what is larger than the whole limit passes an empty window, and only an empty one', () => {
  const window = new SlidingWindow(10, 1000);
  expect(window.waitMs(0, 50)).toBe(0);
  spend(window, 0, 50);
  expect(window.waitMs(1, 1)).toBe(999);
  expect(window.waitMs(1000, 50)).toBe(0);
});

test('what is under way takes its part until it ends, and a whole window longer', () => {
  const window = new SlidingWindow(2, 1000);
  window.reserve(1);
  window.reserve(1);
  expect(window.waitMs(50_000, 1)).toBe(Number.POSITIVE_INFINITY);
  window.settle(1, 50_000, 1);
  expect(window.waitMs(50_001, 1)).toBe(999);
});

test('what was reserved and not used is free at once', () => {
  const window = new SlidingWindow(500, 1000);
  window.reserve(500);
  window.settle(500, 10, 0);
  expect([window.taken(10), window.waitMs(10, 500)]).toEqual([0, 0]);
});

test('where the clock is set back, what was used last counts as used just now, and the rest as long before it', () => {
  const window = new SlidingWindow(2, 1000);
  spend(window, 10_000, 1);
  spend(window, 10_400, 1);
  expect(window.waitMs(5000, 1)).toBe(600);
  expect(window.waitMs(5000, 2)).toBe(1000);
  spend(window, 4000, 1);
  expect(window.taken(4000)).toBe(3);
  expect(window.waitMs(4000, 2)).toBe(1000);
});

test('forgets thousands of entries without losing count', () => {
  const window = new SlidingWindow(5000, 1000);
  for (let at = 0; at < 5000; at++) {
    spend(window, at, 1);
    expect(window.taken(at)).toBe(Math.min(at + 1, 1000));
  }
});

test('no window of the one who counts holds more than the limit, whenever between start and end it counts', () => {
  const attempt = fc.record({
    gap: fc.integer({ min: 0, max: 400 }),
    lasts: fc.integer({ min: 0, max: 1500 }),
    counted: fc.double({ min: 0, max: 1, noNaN: true }),
    amount: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(attempt, { maxLength: 120 }), (attempts) => {
      const window = new SlidingWindow(5, 1000);
      const counted: { at: number; amount: number }[] = [];
      let ending: { at: number; amount: number }[] = [];
      const settleUntil = (now: number) => {
        const over = ending.filter((each) => each.at <= now).sort((a, b) => a.at - b.at);
        ending = ending.filter((each) => each.at > now);
        for (const { at, amount } of over) window.settle(amount, at, amount);
      };
      let now = 0;
      for (const { gap, lasts, counted: share, amount } of attempts) {
        now += gap;
        settleUntil(now);
        if (window.waitMs(now, amount) > 0) continue;
        window.reserve(amount);
        ending.push({ at: now + lasts, amount });
        counted.push({ at: now + lasts * share, amount });
      }
      for (const { at } of counted) {
        const within = counted.filter((each) => each.at > at - 1000 && each.at <= at);
        expect(within.reduce((sum, each) => sum + each.amount, 0)).toBeLessThanOrEqual(5);
      }
    }),
  );
});

test('the wait it names is long enough, and not a millisecond longer', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: 4 })), { maxLength: 60 }),
      fc.integer({ min: 1, max: 10 }),
      (spent, wanted) => {
        const window = new SlidingWindow(10, 1000);
        let now = 0;
        for (const [gap, amount] of spent) {
          now += gap;
          if (window.waitMs(now, amount) === 0) spend(window, now, amount);
        }
        const wait = window.waitMs(now, wanted);
        if (wait > 0) expect(window.waitMs(now + wait - 1, wanted)).toBe(1);
        expect(window.waitMs(now + wait, wanted)).toBe(0);
      },
    ),
  );
});
