import { expect, test } from 'vitest';
import { until } from '../../support/relay.ts';
import { pagesWorld } from './pages-world.ts';

const world = pagesWorld();

test('lines appear as they are written, and lead to their message', async () => {
  const page = await world().open('log');
  await page.getByRole('log').waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
  const id = await world().submit('To be logged');
  const line = page.getByRole('log').locator('p').filter({ hasText: id }).filter({ hasText: 'delivered' });
  await line.first().waitFor();
  await line.first().getByRole('link', { name: id }).click();
  await page.getByRole('heading', { name: `Message ${id}` }).waitFor();
});

test('lines are filtered by level and by text', async () => {
  const id = await world().submit('To be found');
  const page = await world().open('log');
  await page.getByLabel('Text').fill(id);
  await page.getByRole('button', { name: 'Search' }).click();
  const lines = page.getByRole('log').locator('p');
  await until('the lines of the message alone', async () => {
    const texts = await lines.allTextContents();
    return texts.length > 0 && texts.every((text) => text.includes(id));
  });
  await page.getByLabel('From level').selectOption('error');
  await page.getByText('No line matches.').waitFor();
});

test('paused, nothing moves; going on, what was missed is there', async () => {
  const page = await world().open('log');
  await page.getByRole('log').waitFor();
  await page.getByRole('button', { name: 'Pause' }).click();
  const id = await world().submit('While it is paused');
  await page.getByText('Live', { exact: true }).waitFor();
  expect(await page.getByRole('log').getByText(id).count()).toBe(0);
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('log').getByText(id).first().waitFor();
});
