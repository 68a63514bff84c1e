import { expect, test } from 'vitest';
import { span, spanTicks } from '../../../src/admin/pages/parts/span.ts';

test('a length of time is told in the largest unit of which it has two', () => {
  expect([12, 1_500, 9_900, 51_000, 82_000, 119_999].map(span)).toEqual([
    '12 ms',
    '1.5 s',
    '9.9 s',
    '51 s',
    '82 s',
    '119 s',
  ]);
  expect([120_000, 7_140_000, 7_200_000].map(span)).toEqual(['2 min', '119 min', '2 h']);
  expect([47 * 3_600_000, 48 * 3_600_000].map(span)).toEqual(['47 h', '2 d']);
});

test.each(spanTicks)('an axis that names every %i ms names nothing twice', (every) => {
  const names = [1, 2, 3, 4, 5].map((times) => span(times * every));
  expect(new Set(names).size).toBe(names.length);
});
