import { chromium, type Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { FormBrowser, signInAtDevicePage } from '../simulator/entra-browser.ts';
import { afterTest } from '../simulator/harness.ts';
import { needProgram } from '../support/external.ts';
import { noteSecret } from '../support/secret-search/record.ts';
import { type SetUpWorld, setUpWorld } from '../support/set-up-world.ts';

const mailbox = 'reports@contoso.example';
const alice = 'alice@contoso.example';

async function openPages({ url, token }: SetUpWorld): Promise<Page> {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  afterTest(() => browser.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`${url}ui/#token=${token}`);
  return page;
}

/** Enters the code that the page shows, on another device. */
async function enters(page: Page, { m365 }: SetUpWorld, username: string): Promise<void> {
  const item = page.locator('li', { hasText: 'Enter this code' });
  const code = (await item.locator('.big-code').textContent()) ?? '';
  await signInAtDevicePage(m365, code, username, new FormBrowser(m365));
}

test('an app registration of the same name is used, and named as found', async (context) => {
  needProgram(context, 'chromium');
  const world = await setUpWorld();
  const { clientId } = world.m365.tenant.register('mailbridge contoso');
  const answers = { use: 'send', from: 'here', mailbox, name: 'contoso', send: 'graph' };
  await world.api('POST', '/set-up/answers', { answers, cloud: world.cloud });
  const page = await openPages(world);
  await page.getByText('If the tenant has an app registration named "mailbridge contoso", it is used').waitFor();
  await page.getByRole('button', { name: 'Sign in with a code' }).click();
  await enters(page, world, 'admin@contoso.example');
  await page.getByRole('button', { name: 'Write the configuration' }).waitFor();
  const done = await page.locator('.hops > li').allTextContents();
  expect(done[0]?.trim()).toBe(`Found the app registration "mailbridge contoso" (client id ${clientId}) and used it.`);
  expect(done.join(' ')).toContain('Added certificate of this connection');
}, 120_000);

test('a person signs in who is not the mailbox: the page asks whether that is meant', async (context) => {
  needProgram(context, 'chromium');
  const world = await setUpWorld();
  const answers = { use: 'both', from: 'here', mailbox, name: 'contoso', 'sign-in': 'person', send: 'smtp' };
  await world.api('POST', '/set-up/answers', { answers, cloud: world.cloud });
  const page = await openPages(world);
  await page.getByRole('button', { name: 'Sign in with a code' }).click();
  await enters(page, world, 'admin@contoso.example');
  await page.getByRole('button', { name: 'Write the configuration' }).click();
  noteSecret('user password', (await page.locator('dl .big-code').textContent()) ?? '');

  await page.getByRole('button', { name: 'Sign in with a code' }).click();
  await enters(page, world, alice);
  const asked = `You signed in as ${alice}; the mailbox is ${mailbox}. Is that intended, as for a shared mailbox?`;
  await page.getByText(asked).waitFor();
  expect(await page.getByRole('link', { name: /^Download / }).count()).toBe(0);
  await page.getByRole('button', { name: 'Yes, continue' }).click();
  await page.getByRole('link', { name: /^Download / }).waitFor();

  await page.getByRole('button', { name: 'Sign in again' }).click();
  await enters(page, world, mailbox);
  await page.getByText(alice, { exact: true }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Sign in again' }).waitFor();
  expect(await page.getByText('Is that intended').count()).toBe(0);
}, 180_000);
