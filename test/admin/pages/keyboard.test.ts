import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { adminToken, pagesWorld } from './pages-world.ts';

const world = pagesWorld();

const focusedName = "document.activeElement.ariaLabel ?? document.activeElement.innerText ?? ''";

/** Presses Tab until something with that name has the focus. */
async function tabTo(page: Page, name: RegExp | string): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    const text = (await page.evaluate(focusedName)) as string;
    if (typeof name === 'string' ? text.trim() === name : name.test(text)) return;
  }
  throw new Error(`Tab never comes to ${name}`);
}

test('from the sign-in to a deleted message without a mouse', async () => {
  const id = await world().submit('By keyboard alone');
  const page = await world().window();
  await page.goto(`${world().origin}/ui/`);
  // The field has the focus at once.
  await page.locator('input:focus').waitFor();
  await page.keyboard.type(adminToken);
  await page.keyboard.press('Enter');
  await page.locator('h1:focus', { hasText: 'Overview' }).waitFor();

  await page.reload();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  await page.keyboard.press('Tab');
  await page.locator(':focus', { hasText: 'Skip to the content' }).waitFor();
  await tabTo(page, 'Messages');
  await page.keyboard.press('Enter');
  await page.locator('h1:focus', { hasText: 'Messages' }).waitFor();

  await page.keyboard.press('/');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.type('keyboard');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'By keyboard alone' }).waitFor();
  await tabTo(page, 'By keyboard alone');
  await page.keyboard.press('Enter');
  await page.locator('h1:focus', { hasText: `Message ${id}` }).waitFor();

  await page.getByRole('button', { name: 'Delete …' }).waitFor();
  await tabTo(page, 'Delete …');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  // The focus is back where it was.
  expect(await page.locator(':focus').innerText()).toBe('Delete …');
  await page.keyboard.press('Enter');
  await tabTo(page, 'Delete');
  await page.keyboard.press('Enter');
  await page.locator('h1:focus', { hasText: 'Messages' }).waitFor();
});
