import { expect, test } from 'vitest';
import { ExternalLimit } from '../../../src/queue/limits/external.ts';
import { dayMs } from '../../../src/queue/limits/limits.ts';

const hourMs = 3_600_000;
const pause = { key: 'contoso external', code: '5.7.233', text: 'limit', strikes: 1, needsAdmin: false };

/** A limit of which each mailbox has used this much, at this time. */
function limitOf(limit: number | undefined, ...used: readonly (readonly [string, number, number])[]) {
  const external = new ExternalLimit(limit);
  for (const [destination, atMs, recipients] of used) external.settle(destination, 0, atMs, recipients);
  return external;
}

test('one mailbox alone may use all of it, and waits until the oldest leaves the day', () => {
  const external = limitOf(8, ['a', 0, 3], ['a', 1000, 4]);
  expect(external.counts).toBe(true);
  expect(external.waitMs('a', 2000, 1)).toBe(0);
  expect(external.waitMs('a', 2000, 2)).toBe(dayMs - 2000);
  expect(external.waitMs('a', 2000, 5)).toBe(dayMs - 1000);
});

test('beside others, one that has used its even share leaves them a quarter', () => {
  const external = limitOf(8, ['a', 0, 4], ['b', 0, 1]);
  // Even shares are four: one more for the first would exceed that, and six in all is the most for it.
  expect(external.waitMs('a', 1000, 1)).toBe(0);
  expect(external.waitMs('a', 1000, 2)).toBe(dayMs - 1000);
  expect(external.waitMs('b', 1000, 3)).toBe(0);
  expect(external.waitMs('b', 1000, 4)).toBe(dayMs - 1000);
});

test('what is under way holds its part until it ends', () => {
  const external = limitOf(2);
  external.reserve('a', 2);
  expect(external.waitMs('a', 0, 1)).toBe(Number.POSITIVE_INFINITY);
  external.settle('a', 2, 1000, 1);
  expect(external.waitMs('a', 1000, 1)).toBe(0);
  expect(external.waitMs('a', 1000, 2)).toBe(dayMs);
});

test('who sends to nobody outside has no share in it', () => {
  const external = limitOf(8, ['a', 0, 5]);
  external.reserve('b', 0);
  external.settle('b', 0, 0, 0);
  expect(external.waitMs('a', 1000, 3)).toBe(0);
});

test('a limit of one lets one through for each, however many share it', () => {
  const external = limitOf(1, ['a', -dayMs, 1], ['b', -dayMs, 1]);
  expect(external.waitMs('a', 0, 1)).toBe(0);
});

test('what Microsoft has asked for holds with a limit and without one', () => {
  for (const limit of [undefined, 100]) {
    const external = limitOf(limit);
    external.pause = { ...pause, sinceMs: 0, untilMs: hourMs };
    expect(external.waitMs('a', 1000, 1)).toBe(hourMs - 1000);
    expect(external.waitMs('a', hourMs, 1)).toBe(0);
  }
});

test('the longer wait counts where both hold', () => {
  const external = limitOf(1, ['a', 0, 1]);
  external.pause = { ...pause, sinceMs: 0, untilMs: hourMs };
  expect(external.waitMs('a', 1000, 1)).toBe(dayMs - 1000);
});

test('without a limit nothing is counted', () => {
  const external = limitOf(undefined, ['a', 0, 1000]);
  expect(external.counts).toBe(false);
  expect(external.waitMs('a', 0, 1000)).toBe(0);
});

test('what the store says takes the place of what was counted of mailboxes that others have had, and of no others', () => {
  const external = limitOf(30, ['ours', 1000, 3], ['theirs', 1000, 4], ['left', 1000, 2]);
  // With three in all, each leaves the others a quarter.
  expect([external.waitMs('ours', 2000, 13), external.waitMs('ours', 2000, 14)]).toEqual([0, dayMs - 1000]);
  const sent = (destination: string, endedAtMs: number, amount: number) => ({
    ...{ destination, startedAtMs: 0, endedAtMs, recipients: amount, external: amount },
  });
  const stored = [sent('theirs', 1500, 1), sent('theirs', 500, 1), sent('ours', 1000, 9)];
  external.seed(stored, (destination) => destination === 'ours');
  // Three of ours and two of theirs; the one that was left has sent nothing.
  expect([external.waitMs('ours', 2000, 17), external.waitMs('ours', 2000, 18)]).toEqual([0, dayMs - 1500]);
  external.seed([], () => false);
  expect(external.waitMs('ours', 2000, 22)).toBe(0);
});
