import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SlidingWindow } from '../../src/queue/sliding-window.ts';

test('lets the limit through at once, then waits until the oldest leaves the window', () => {
  const window = new SlidingWindow(3, 60_000);
  for (const at of [0, 100, 200]) {
    expect(window.waitMs(at, 1)).toBe(0);
    window.spend(at, 1);
  }
  expect(window.waitMs(300, 1)).toBe(59_700);
  expect(window.waitMs(59_999, 1)).toBe(1);
  expect(window.waitMs(60_000, 1)).toBe(0);
});

test('waits for as many as are needed', () => {
  const window = new SlidingWindow(10, 1000);
  window.spend(0, 4);
  window.spend(500, 6);
  expect(window.waitMs(600, 4)).toBe(400);
  expect(window.waitMs(600, 5)).toBe(900);
});

test('what is larger than the whole limit passes an empty window, and only an empty one', () => {
  const window = new SlidingWindow(10, 1000);
  expect(window.waitMs(0, 50)).toBe(0);
  window.spend(0, 50);
  expect(window.waitMs(1, 1)).toBe(999);
  expect(window.waitMs(1000, 50)).toBe(0);
});

test('never lets more than the limit into any window', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 }), (gaps) => {
      const window = new SlidingWindow(5, 1000);
      const sent: number[] = [];
      let now = 0;
      for (const gap of gaps) {
        now += gap;
        if (window.waitMs(now, 1) > 0) continue;
        window.spend(now, 1);
        sent.push(now);
      }
      for (const at of sent)
        expect(sent.filter((each) => each > at - 1000 && each <= at).length).toBeLessThanOrEqual(5);
    }),
  );
});
