import { expect, test } from 'vitest';
import { backoffMs } from '../../../src/queue/attempts/backoff.ts';

const options = { baseMs: 60_000, maxMs: 3_600_000 };
const most = 1 - Number.EPSILON;

test('the wait after an attempt doubles up to its bound, a fifth more or less', () => {
  const bounds = [1, 2, 3, 7, 50].map((attempts) => [
    backoffMs(attempts, options, () => 0),
    backoffMs(attempts, options, () => most),
  ]);
  expect(bounds).toEqual([
    [48_000, 72_000],
    [96_000, 144_000],
    [192_000, 288_000],
    [2_880_000, 4_320_000],
    [2_880_000, 4_320_000],
  ]);
});

test('messages that failed together do not come back together', () => {
  const waits = Array.from({ length: 100 }, () => backoffMs(1, options));
  expect(new Set(waits).size).toBeGreaterThan(50);
  expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(12_000);
  for (const wait of waits) expect(wait).toBeGreaterThanOrEqual(48_000);
  for (const wait of waits) expect(wait).toBeLessThanOrEqual(72_000);
});
