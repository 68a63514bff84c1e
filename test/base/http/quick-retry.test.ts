import { describe, expect, test } from 'vitest';
import { type QuickRetry, quickWaitMs, withQuickRetry } from '../../../src/base/http/quick-retry.ts';

const retry: QuickRetry = { mode: 'any', statusCodes: [], maxAttempts: 5, waitMs: 2000, multiplyWait: true };

/** The waits between the tries, until there are no more. */
function waits(change: Partial<QuickRetry>, askedMs?: number): number[] {
  const all: number[] = [];
  for (let tries = 1; ; tries++) {
    const wait = quickWaitMs({ ...retry, ...change }, tries, askedMs);
    if (wait === undefined) return all;
    all.push(wait);
  }
}

describe('the wait of a quick retry', () => {
  test.each<[string, Partial<QuickRetry>, number | undefined, number[]]>([
    ['doubles', {}, undefined, [2000, 4000, 8000, 16_000]],
    ['stays the same', { multiplyWait: false }, undefined, [2000, 2000, 2000, 2000]],
    ['is as long as configured', { waitMs: 60_000, maxAttempts: 3 }, undefined, [60_000, 120_000]],
    ['never exceeds five minutes', { waitMs: 200_000, maxAttempts: 4 }, undefined, [200_000, 300_000, 300_000]],
    ['is none for a single try', { maxAttempts: 1 }, undefined, []],
    ['is none in the mode none', { mode: 'none' }, undefined, []],
    ['is what the server asks for', { maxAttempts: 3 }, 7000, [7000, 7000]],
    ['is none where the server asks for more than ten seconds', {}, 10_001, []],
  ])('%s', (_, change, askedMs, expected) => {
    expect(waits(change, askedMs)).toEqual(expected);
  });
});

describe('a quick retry', () => {
  const quick = { ...retry, waitMs: 0 };

  test('ends with the first success', async () => {
    let tries = 0;
    const attempt = async () => {
      if (++tries < 3) throw new Error('not yet');
      return tries;
    };
    expect(await withQuickRetry(quick, AbortSignal.any([]), attempt, () => ({ again: true }))).toBe(3);
  });

  test('throws what the last try threw', async () => {
    let tries = 0;
    const attempt = () => Promise.reject(new Error(`try ${++tries}`));
    await expect(withQuickRetry(quick, AbortSignal.any([]), attempt, () => ({ again: true }))).rejects.toThrow('try 5');
  });

  test('is none where another try could do harm', async () => {
    let tries = 0;
    const attempt = () => Promise.reject(new Error(`try ${++tries}`));
    await expect(withQuickRetry(quick, AbortSignal.any([]), attempt, () => ({ again: false }))).rejects.toThrow(
      'try 1',
    );
  });
});
