import { expect, test } from 'vitest';
import type { QueuedMessage } from '../../../src/queue/message.ts';
import { pageOf, type Sight } from '../../../src/queue/stores/page.ts';

/** Pages of this many messages `1`, `2` …, some of which match a filter. */
function queueOf(count: number, isMeant: (at: number) => boolean = () => true) {
  const sights: Sight[] = [];
  const see = async (sight: Sight) => {
    sights.push(sight);
    const from = sight.beforeId === undefined ? count : Number(sight.beforeId) - 1;
    const seen = Array.from({ length: Math.min(sight.rows, from) }, (_, at) => from - at);
    const found = seen.filter(isMeant).slice(0, sight.limit);
    const full = found.length === sight.limit ? found.at(-1) : undefined;
    const last = full ?? seen.at(-1);
    const isOver = last === undefined || last === 1;
    return { found: found.map((at) => ({ id: `${at}` }) as QueuedMessage), lastId: isOver ? undefined : `${last}` };
  };
  const page = async (limit: number, beforeId?: string) => {
    const { messages, next } = await pageOf({ limit, ...(beforeId && { beforeId }) }, see);
    return { ids: messages.map(({ id }) => Number(id)), next };
  };
  return { page, sights };
}

test('a page without a filter looks at no more than it shows, the newest first, and goes on where it ended', async () => {
  const { page, sights } = queueOf(5);
  expect(await page(2)).toEqual({ ids: [5, 4], next: '4' });
  expect(sights).toEqual([{ beforeId: undefined, rows: 3, limit: 2 }]);
  expect(await page(2, '4')).toEqual({ ids: [3, 2], next: '2' });
  expect(await page(2, '2')).toEqual({ ids: [1], next: undefined });
  expect(await queueOf(0).page(2)).toEqual({ ids: [], next: undefined });
});

test('what is seldom is looked for in stretches that grow to four thousand', async () => {
  const { page, sights } = queueOf(20_000, (at) => at === 19_999 || at === 1);
  expect(await page(2)).toEqual({ ids: [19_999, 1], next: '1' });
  expect(sights.slice(0, 8).map(({ rows }) => rows)).toEqual([3, 12, 48, 192, 768, 3_072, 4_000, 4_000]);
  expect(sights.slice(0, 3).map(({ beforeId, limit }) => [beforeId, limit])).toEqual([
    [undefined, 2],
    ['19998', 1],
    ['19986', 1],
  ]);
});

test('a page that has looked at two hundred thousand ends with what it has', async () => {
  const { page, sights } = queueOf(1_000_000, (at) => at === 999_999);
  const { ids, next } = await page(2);
  const seen = sights.reduce((sum, { rows }) => sum + rows, 0);
  expect(ids).toEqual([999_999]);
  expect(Number(next)).toBe(1_000_001 - seen);
  expect(seen).toBeGreaterThanOrEqual(200_000);
  expect(seen - (sights.at(-1)?.rows ?? 0)).toBeLessThan(200_000);
});

test('between two stretches others have their turn', async () => {
  const { page } = queueOf(100, () => false);
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await page(1);
  isOver = true;
  expect(turns).toBeGreaterThanOrEqual(3);
});
