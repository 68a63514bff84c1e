import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { createTransport } from 'nodemailer';
import { chromium, type Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { ExchangeAdministration } from '../../src/simulator/exchange-admin/exchange-administration.ts';
import { afterTest } from '../simulator/harness.ts';
import { needProgram } from '../support/external.ts';
import { noteSecret } from '../support/secret-search/record.ts';
import { setUpWorld } from '../support/set-up-world.ts';
import { chromiumPage, enterDeviceCode } from '../support/sign-in-browser.ts';

const reports = 'reports@contoso.example';
const pictures = process.env.SET_UP_PICTURES;

async function openPages(): Promise<Page> {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  afterTest(() => browser.close());
  const page = await (await browser.newContext({ viewport: { width: 1200, height: 900 } })).newPage();
  page.setDefaultTimeout(60_000);
  return page;
}

/** The page is accessible: the checker finds nothing. */
async function looked(page: Page, name: string): Promise<void> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate('axe.run(document)')) as axe.AxeResults;
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 100)).join(' | ')}`);
  expect(told, name).toEqual([]);
  if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}

test('with a browser, from an empty folder to a delivered message', async (context) => {
  needProgram(context, 'chromium');
  const world = await setUpWorld();
  const page = await openPages();
  await page.goto(world.url);
  await page.getByLabel('Admin token').fill(world.token);
  await page.getByRole('button', { name: 'Sign in' }).click();

  await page.getByRole('heading', { name: 'Set up' }).waitFor();
  await page.getByText('programs that send and programs that read').click();
  await page.getByText('only on this machine').click();
  await page.getByLabel('Which Microsoft 365 mailbox?').fill(reports);
  await page.getByText(/^More questions:/).click();
  await page.getByLabel('Which Microsoft cloud?').selectOption('Other cloud …');
  await page.getByLabel('Its description, as JSON').fill('{ "cloud":');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('alert').getByText('It is not a JSON object.').waitFor();
  expect(await page.getByLabel('Its description, as JSON').getAttribute('aria-invalid')).toBe('true');
  await page.getByLabel('Its description, as JSON').fill(JSON.stringify(world.cloud));
  await page.getByText('It is not a JSON object.').waitFor({ state: 'detached' });
  await looked(page, '1-questions');
  await page.getByRole('button', { name: 'Continue' }).click();

  await page.getByText('Cloud Application Administrator, Application Administrator').waitFor();
  await page.getByText('Microsoft Graph Command Line Tools').waitFor();
  await page.getByRole('button', { name: 'Sign in with a code' }).click();
  await page.getByText('start the sign-in again with an account that may consent.').waitFor();
  const code = (await page.locator('.big-code').textContent()) ?? '';
  await looked(page, '2-code');
  await enterDeviceCode(await chromiumPage(), world.m365, code, 'admin@contoso.example');
  await page.getByRole('button', { name: 'Write the configuration' }).waitFor();
  await looked(page, '3-registered');

  // The browser is closed, and another one comes back.
  await page.context().clearCookies();
  await page.goto(`${world.url}ui/#token=${world.token}`);
  await page.getByRole('button', { name: 'Write the configuration' }).click();
  const password = (await page.locator('.big-code').textContent()) ?? '';
  noteSecret('user password', password);

  await page.getByRole('link', { name: /^Download / }).waitFor();
  await looked(page, '4-exchange');
  expect(await page.locator('.big-code').textContent()).toBe(password);

  // Continues without running the script: the check reports that, and offers the script.
  await page.getByRole('button', { name: 'It was run, continue' }).click();
  await page.getByRole('button', { name: 'Check', exact: true }).click();
  await page
    .getByText('The most likely cause: the script for Exchange was not run, or was run less than 2 hours ago.')
    .waitFor();
  // Next to each remedy that names the command.
  await page.locator('.places').getByRole('button', { name: 'The script for Exchange' }).first().click();
  const downloading = page.waitForEvent('download');
  await page.getByRole('link', { name: /^Download / }).click();
  await looked(page, '5-check');
  const script = readFileSync(await (await downloading).path(), 'utf8');
  expect(new ExchangeAdministration(world.m365.tenant, world.m365.directory).run(script).errors).toEqual([]);
  await page
    .getByRole('button', { name: 'Stop' })
    .or(page.getByRole('button', { name: 'Check again' }))
    .click();
  await page.getByRole('button', { name: /^Check/ }).click();
  await page.getByLabel('To').fill('alice@contoso.example');
  await looked(page, '6-test');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText(/^Microsoft has accepted it/).waitFor();
  await looked(page, '7-done');
  expect(world.m365.transport.journal.count).toBe(1);

  const port = Number(/SMTP.*?Port\s*(\d+)/s.exec((await page.locator('.cards').textContent()) ?? '')?.[1]);
  const ca = readFileSync(join(world.folder, 'data/tls/ca.crt'), 'utf8');
  const transport = createTransport({
    host: '127.0.0.1',
    port,
    requireTLS: true,
    tls: { ca },
    auth: { user: 'reports', pass: password },
  });
  await transport.sendMail({ from: reports, to: reports, subject: 'with what the page showed', text: 'Hello.\n' });
  transport.close();
}, 180_000);
