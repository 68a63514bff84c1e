import { describe, expect, it } from 'vitest';
import { parseRetryAfter } from '../../../src/base/http/retry-after.ts';

const hourMs = 60 * 60 * 1000;
const nowMs = Date.parse('2026-11-21T12:00:00Z');

describe('Retry-After is believed for an hour at most', () => {
  it.each<[string | undefined, number | undefined]>([
    [undefined, undefined],
    ['', undefined],
    ['0', 0],
    ['30', 30_000],
    [' 30 ', 30_000],
    ['1.5', 1500],
    ['Sat, 21 Nov 2026 12:00:10 GMT', 10_000],
    ['Sat, 21 Nov 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
    ['3600', hourMs],
    ['3601', hourMs],
    ['978307200', hourMs],
    ['99999999999999', hourMs],
    ['9'.repeat(400), hourMs],
    ['Wed, 21 Nov 2057 12:00:00 GMT', hourMs],
    ['Sat, 21 Nov 2026 12:00:10 +0000', 10_000],
  ])('%j is %j ms', (value, expected) => {
    expect(parseRetryAfter(value, nowMs)).toBe(expected);
  });
});
