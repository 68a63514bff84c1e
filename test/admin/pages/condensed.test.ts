import { expect, test } from 'vitest';
import { condensed } from '../../../src/admin/pages/parts/condensed.ts';

const from = '2026-11-30T06:00:00.000Z';
const start = Date.parse(from) / 1_000;

test('few steps stay as they are, but for the last, which is still under way', () => {
  const history = { from, stepSeconds: 60, series: { accepted: [1, 2, null, 4] } };
  expect(condensed(history, [{ key: 'accepted', join: 'per-minute' }])).toEqual({
    times: [start, start + 60, start + 120],
    columns: [[1, 2, null]],
  });
});

test('an hour in steps of ten seconds becomes 120 points: rates per minute, means, and what was most', () => {
  const steps = Array.from({ length: 361 }, (_, i) => i % 3);
  const history = { from, stepSeconds: 10, series: { accepted: steps, latency: steps, queued: steps } };
  const { times, columns } = condensed(history, [
    { key: 'accepted', join: 'per-minute' },
    { key: 'latency', join: 'mean' },
    { key: 'queued', join: 'most' },
  ]);
  expect(times).toHaveLength(120);
  expect(times[1]! - times[0]!).toBe(30);
  // Three messages in half a minute.
  expect(columns.map((column) => column[0])).toEqual([6, 1, 2]);
});

test('the newest steps fill a point, the oldest may be left out', () => {
  const steps = Array.from({ length: 122 }, (_, i) => i);
  const { times, columns } = condensed({ from, stepSeconds: 10, series: { queued: steps } }, [
    { key: 'queued', join: 'most' },
  ]);
  expect(columns[0]?.at(-1)).toBe(120);
  expect(times.at(-1)).toBe(start + 119 * 10);
});

test('the time before anything is known is left out, but for five minutes in steps of ten seconds', () => {
  const steps = (unknown: number) => Array.from({ length: 361 }, (_, i) => (i < unknown ? null : i));
  const shown = (unknown: number) =>
    condensed({ from, stepSeconds: 10, series: { queued: steps(unknown) } }, [{ key: 'queued', join: 'most' }]);
  expect(shown(300).columns[0]).toEqual(Array.from({ length: 60 }, (_, i) => 300 + i));
  expect(shown(300).times[0]).toBe(start + 300 * 10);
  expect(shown(355).columns[0]).toEqual([...new Array(25).fill(null), 355, 356, 357, 358, 359]);
});

test('nothing known makes no value, no history no point', () => {
  const history = { from, stepSeconds: 10, series: { queued: [null, null, null] } };
  expect(condensed(history, [{ key: 'queued', join: 'most' }]).columns).toEqual([[null, null]]);
  expect(condensed({ from, stepSeconds: 10, series: { queued: [] } }, [{ key: 'queued', join: 'most' }])).toEqual({
    times: [],
    columns: [[]],
  });
});
