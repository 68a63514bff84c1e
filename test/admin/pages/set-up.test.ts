import { expect, test } from 'vitest';
import { pagesWorld } from './pages-world.ts';

const world = pagesWorld();

test('the set-up has its steps in order, with commands to copy', async () => {
  const page = await world().open('set-up', { permissions: ['clipboard-read', 'clipboard-write'] });
  const steps = page.locator('.steps > li');
  await steps.first().getByRole('button', { name: 'Copy command' }).click();
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe('mailbridge init');
  expect(await steps.getByRole('heading', { level: 2 }).allTextContents()).toEqual([
    'Configuration',
    'App registration',
    'Mailboxes',
    'Check',
    'Programs',
  ]);
});
