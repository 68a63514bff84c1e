import { expect, test } from 'vitest';
import { HeldLeases } from '../../../src/queue/ownership/held-leases.ts';

const lease = (key: string, fence: number) => ({ key, fence, sinceMs: 0 });

test('what the store has under another fence is lost, and what nobody here has heard of is unknown', () => {
  const held = new HeldLeases();
  for (const each of [lease('kept', 1), lease('renewed', 2), lease('gone', 3)]) held.add(each, 0);
  expect(held.compare([lease('kept', 1), lease('renewed', 9), lease('new', 4)])).toEqual({
    lost: [lease('renewed', 2), lease('gone', 3)],
    unknown: [lease('renewed', 9), lease('new', 4)],
  });
  expect(held.size).toBe(1);
});

test('what is on its way back is neither held nor unknown, until the store has been told', () => {
  const held = new HeldLeases();
  held.add(lease('k', 1), 0);
  expect(held.remove(lease('k', 1))).toBe(true);
  expect(held.remove(lease('k', 1))).toBe(false);
  expect(held.compare([lease('k', 1)])).toEqual({ lost: [], unknown: [] });
  held.givenBack([lease('k', 1)]);
  // It could not be reported.
  expect(held.compare([lease('k', 1)])).toEqual({ lost: [], unknown: [lease('k', 1)] });
});

test('a lease that has ended does not begin again', () => {
  const held = new HeldLeases();
  held.add(lease('k', 5), 0);
  expect(held.isNew(lease('k', 6))).toBe(false);
  expect(held.clear()).toEqual([lease('k', 5)]);
  expect(held.isNew(lease('k', 5))).toBe(false);
  expect(held.isNew(lease('k', 6))).toBe(true);
});

test('nor does one that was given back unknown: a claim may name it before the store has heard', () => {
  const held = new HeldLeases();
  const { unknown } = held.compare([lease('k', 8)]);
  held.givingBack(unknown);
  expect(held.isNew(lease('k', 8))).toBe(false);
  expect(held.compare([lease('k', 8)]).unknown).toEqual([]);
});
