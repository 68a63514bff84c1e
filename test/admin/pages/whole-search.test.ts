import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { isInstalled } from '../../support/external.ts';
import { adminToken, pagesWorld } from './pages-world.ts';

const world = pagesWorld();

/** More than a page shows initially. */
const many = 55;

beforeAll(async () => {
  if (!isInstalled('chromium')) return;
  // Accepted mail stays in the queue.
  world().relay.simulator.faults.outages = ['smtp'];
  for (let count = 1; count <= many; count++) await world().submit(`Figures ${count}`, { account: 'smtp' });
  await world().submit('Something else', { account: 'smtp' });
}, 120_000);

const rows = (page: Page) => page.getByRole('table', { name: 'Messages' }).locator('tbody').getByRole('row');

/** The number of messages in a state and with a subject. */
async function counted(state: string, subject: string): Promise<number> {
  const query = new URLSearchParams({ state, subject, limit: '500' });
  const headers = { Authorization: `Bearer ${adminToken}` };
  const answer = await fetch(`${world().origin}/api/v1/messages?${query}`, { headers });
  return ((await answer.json()) as { messages: unknown[] }).messages.length;
}

/** Does something to every message that the search of a page finds. */
async function withWholeSearch(page: Page, action: string): Promise<void> {
  await page.getByRole('checkbox', { name: 'Choose all shown' }).check();
  await page.getByText('50 messages chosen').waitFor();
  await page.getByLabel('all that the search finds').check();
  await page.getByRole('group', { name: 'Chosen messages' }).getByRole('button', { name: action }).click();
  const dialog = page.getByRole('dialog', { name: `${action} every message that the search finds?` });
  await dialog.getByRole('button', { name: action }).click();
}

test('Show more shows the rest of a search, and is gone then', async () => {
  const page = await world().open('messages?subject=Figures');
  await page.getByText('50 messages shown, newest first.').waitFor();
  expect(await rows(page).count()).toBe(50);
  await page.getByRole('button', { name: 'Show more' }).click();
  await page.getByText(`${many} messages shown, newest first.`).waitFor();
  expect(await rows(page).count()).toBe(many);
  await rows(page)
    .filter({ hasText: /Figures 1(?!\d)/ })
    .waitFor();
  expect(await page.getByRole('button', { name: 'Show more' }).count()).toBe(0);
});

test('an action on a whole search asks, and changes what is not shown too, and nothing else', async () => {
  const page = await world().open('messages?subject=Figures');
  await withWholeSearch(page, 'Hold');
  await page.getByRole('status').getByText(`${many} messages held.`).waitFor();
  expect([await counted('held', 'Figures'), await counted('held', 'Something')]).toEqual([many, 0]);
  await page.getByText('50 messages shown, newest first.').waitFor();

  await withWholeSearch(page, 'Release');
  await page.getByRole('status').getByText(`${many} messages queued again.`).waitFor();
  expect(await counted('held', 'Figures')).toBe(0);

  await withWholeSearch(page, 'Retry');
  await page.getByRole('status').getByText(`${many} messages due now.`).waitFor();
  expect(await counted('queued', 'Figures')).toBe(many);
});

test('who answers Cancel has changed nothing', async () => {
  const page = await world().open('messages?subject=Figures');
  await page.getByRole('checkbox', { name: 'Choose all shown' }).check();
  await page.getByLabel('all that the search finds').check();
  await page.getByRole('group', { name: 'Chosen messages' }).getByRole('button', { name: 'Delete …' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await page.getByText('All that the search finds', { exact: true }).waitFor();
  expect(await counted('queued', 'Figures')).toBe(many);
});
