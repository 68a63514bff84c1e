import { expect, onTestFinished, test } from 'vitest';
import { AlertBook } from '../../../src/admin/alerts/alert-book.ts';
import type { AlertCondition } from '../../../src/admin/alerts/condition.ts';
import { openSqliteStore } from '../../../src/queue/stores/sqlite/store.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const t0 = Date.UTC(2026, 0, 5, 8);
const minute = 60_000;
const expiring: AlertCondition = {
  id: 'expires contoso certificate',
  code: 'credential-expires',
  level: 1,
  text: 'The certificate of contoso ends in 30 days.',
  remedy: 'Rotate it.',
};

/** Instances that share one store. */
function books(...names: string[]) {
  const folder = temporaryFolder();
  const store = openSqliteStore(folder, { exclusive: true });
  onTestFinished(() => store.close());
  return names.map((name) => new AlertBook(store.records, name)) as [AlertBook, AlertBook, ...AlertBook[]];
}

function told(news: Awaited<ReturnType<AlertBook['update']>>) {
  return news.map(({ state, id }) => `${state} ${id}`);
}

test('each trouble is told once, each level of it once, and once that it is over', async () => {
  const [book] = books('a');
  expect(told(await book.update([expiring], t0))).toEqual(['raised expires contoso certificate']);
  expect(book.current).toMatchObject([{ severity: 'warning', since: '2026-01-05T08:00:00.000Z' }]);
  expect(await book.update([expiring], t0 + minute)).toEqual([]);
  const nearer = { ...expiring, level: 2, text: 'The certificate of contoso ends in 7 days.' };
  const [news] = await book.update([nearer], t0 + 2 * minute);
  expect(news).toMatchObject({ state: 'raised', text: nearer.text, since: '2026-01-05T08:00:00.000Z', instance: 'a' });
  expect(await book.update([nearer], t0 + 3 * minute)).toEqual([]);
  expect(told(await book.update([], t0 + 4 * minute))).toEqual(['cleared expires contoso certificate']);
  expect(book.current).toEqual([]);
  expect(await book.update([], t0 + 5 * minute)).toEqual([]);
  expect(told(await book.update([expiring], t0 + 6 * minute))).toHaveLength(1);
});

test('after a restart it is not told again', async () => {
  const [first, restarted] = books('a', 'a');
  await first.update([expiring], t0);
  expect(await restarted.update([expiring], t0 + minute)).toEqual([]);
  expect(restarted.current).toHaveLength(1);
});

test('of instances that see the same, one tells it, and one that it is over', async () => {
  const [a, b] = books('a', 'b');
  const both = await Promise.all([a.update([expiring], t0), b.update([expiring], t0)]);
  expect(both.flat()).toHaveLength(1);
  const over = await Promise.all([a.update([], t0 + minute), b.update([], t0 + minute)]);
  expect(told(over.flat())).toEqual(['cleared expires contoso certificate']);
});

test('what one instance alone sees no other one clears, until that one is gone', async () => {
  const [a, b] = books('a', 'b');
  await a.update([expiring], t0);
  expect(await b.update([], t0 + minute)).toEqual([]);
  expect(b.current).toHaveLength(1);
  // It reports every few minutes that it still sees it.
  await a.update([expiring], t0 + 10 * minute);
  expect(await b.update([], t0 + 20 * minute)).toEqual([]);
  expect(told(await b.update([], t0 + 26 * minute))).toEqual(['cleared expires contoso certificate']);
});

test('a trouble that another instance told goes on, untold, where that one is gone', async () => {
  const [a, b] = books('a', 'b');
  await a.update([expiring], t0);
  expect(await b.update([expiring], t0 + 20 * minute)).toEqual([]);
  expect(told(await b.update([], t0 + 21 * minute))).toEqual(['cleared expires contoso certificate']);
});
