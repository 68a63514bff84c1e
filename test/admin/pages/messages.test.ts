import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { alice, bob, until } from '../../support/relay.ts';
import { pagesWorld } from './pages-world.ts';

const world = pagesWorld();

const rows = (page: Page) => page.getByRole('table', { name: 'Messages' }).locator('tbody').getByRole('row');
const row = (page: Page, subject: string) => rows(page).filter({ hasText: subject });

/** Mail that Microsoft refuses for now stays in the queue. */
async function queued(subject: string, to = alice): Promise<string> {
  world().relay.simulator.faults.add(
    { target: 'smtp', kind: 'reply', at: 'rcpt', status: 451, code: '4.3.0', text: 'Trouble for now, say the tests' },
    1,
  );
  return await world().submit(subject, { account: 'smtp', to });
}

test('messages come newest first, and a delivered one is found by each field', async () => {
  const id = await world().submit('Quarterly figures', { to: bob });
  await world().submit('Something else');
  const page = await world().open('messages');
  await row(page, 'Quarterly figures').getByText('Delivered').waitFor();
  await row(page, 'Something else').getByText('Delivered').waitFor();
  for (const [label, value] of [
    ['Sender', 'reports@contoso.com'],
    ['Recipient', bob],
    ['Subject', 'Quarterly'],
    ['Id', id],
    ['Since', '2026-01-01T00:00'],
  ] as const) {
    await page.getByRole('link', { name: 'Clear' }).click();
    await page.getByLabel(label, { exact: true }).fill(value);
    await page.getByRole('button', { name: 'Search' }).click();
    await row(page, 'Quarterly figures').waitFor();
    const isForAll = label === 'Sender' || label === 'Since';
    await until(
      'the rows of the search',
      async () => (await row(page, 'Something else').count()) === (isForAll ? 1 : 0),
    );
  }
  await page.getByRole('link', { name: 'Clear' }).click();
  await page.getByLabel('Until').fill('2020-01-01T00:00');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByText('No messages found.').waitFor();
});

test('the page of a message shows its way, every attempt, and Microsoft’s words', async () => {
  const id = await queued('Refused for now');
  const page = await world().open(`messages/${id}`);
  await page.getByRole('region', { name: 'Recipients' }).getByText(alice).waitFor();
  await page.getByRole('blockquote').filter({ hasText: 'Trouble for now, say the tests' }).waitFor();
  await page.getByRole('region', { name: 'Its way' }).getByRole('listitem').first().waitFor();

  await page.getByRole('button', { name: 'Retry' }).click();
  await page.getByRole('status').getByText('1 message due now.').waitFor();
  await page.getByRole('heading', { name: '2 attempts' }).waitFor();
  await page.getByText('Delivered').first().waitFor();
});

test('the page of a message leads to its bounce, and that of the bounce to the message, until it is gone', async () => {
  const refusal = { status: 550, code: '5.6.11', text: 'Refused for good, say the tests' };
  world().relay.simulator.faults.add({ target: 'smtp', kind: 'reply', at: 'data', ...refusal }, 1);
  const id = await world().submit('Refused for good', { account: 'smtp' });
  const page = await world().open(`messages/${id}`);
  const way = page.getByRole('region', { name: 'Its way' });
  await way.getByRole('link', { name: /^\w+ to <reports@contoso\.com>: delivered$/ }).click();
  await page.getByText('made by the bridge, about message').waitFor();
  const facts = page.locator('.facts > div').filter({ hasText: 'Reports on' });
  await facts.getByText('Failed', { exact: true }).waitFor();
  const address = page.url();
  await facts.getByRole('link', { name: id }).click();
  await page.getByText('Refused for good, say the tests').first().waitFor();

  await page.getByRole('button', { name: 'Delete …' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { name: 'Messages', level: 1 }).waitFor();
  await page.goto(address);
  await facts.getByText(`${id}, which is no longer kept`).waitFor();
  expect(await facts.getByRole('link').count()).toBe(0);
});

test('a message is held, released and deleted on its page', async () => {
  const id = await queued('Held and let go');
  const page = await world().open(`messages/${id}`);
  await page.getByRole('button', { name: 'Hold' }).click();
  await page.getByText('Held', { exact: true }).first().waitFor();
  await page.getByRole('button', { name: 'Release' }).click();
  await page.getByText('Delivered', { exact: true }).first().waitFor();

  await page.getByRole('button', { name: 'Delete …' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete 1 message?' });
  await dialog.getByText('This cannot be undone.').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'Delete …' }).click();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { name: 'Messages', level: 1 }).waitFor();
  await until('the row to be gone', async () => (await row(page, 'Held and let go').count()) === 0);
});

test('a message that is deleted while its page asks for it has no page any more', async () => {
  const id = await queued('Deleted while asked for');
  const page = await world().open(`messages/${id}`);
  await page.getByText('Queued', { exact: true }).first().waitFor();
  const { promise: isDeleted, resolve: deleted } = Promise.withResolvers<void>();
  await page.route(`**/api/v1/messages/${id}`, async (route) => {
    await isDeleted;
    await route.continue();
  });
  const asked = page.waitForRequest(`**/api/v1/messages/${id}`);
  const other = await world().open(`messages/${id}`);
  await other.getByRole('button', { name: 'Hold' }).click();
  await asked;
  await page.getByRole('button', { name: 'Delete …' }).click();
  const answered = page.waitForResponse('**/api/v1/messages/actions');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await answered;
  deleted();
  await page.getByRole('heading', { name: 'Messages', level: 1 }).waitFor();
});

test('several messages are chosen and changed at once, or all that a search finds', async () => {
  await queued('Batch one');
  await queued('Batch two');
  const page = await world().open('messages?subject=Batch');
  await row(page, 'Batch one').getByRole('checkbox').check();
  await row(page, 'Batch two').getByRole('checkbox').check();
  await page.getByText('2 messages chosen').waitFor();
  await page.getByRole('button', { name: 'Hold' }).click();
  await page.getByRole('status').getByText('2 messages held.').waitFor();
  await row(page, 'Batch one').getByText('Held').waitFor();
  await row(page, 'Batch two').getByText('Held').waitFor();
});

test('a message is saved as it was accepted', async () => {
  const id = await queued('For the archive');
  const page = await world().open(`messages/${id}`);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Export' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe(`${id}.eml`);
  expect(await readFile(await download.path(), 'utf8')).toContain('Subject: For the archive');
});

test('a message that is not there says what may have become of it', async () => {
  const page = await world().open('messages/nothere');
  await page.getByRole('alert').getByText('What to do:').waitFor();
});
