import { join } from 'node:path';
import axe from 'axe-core';
import { ImapFlow } from 'imapflow';
import { createTransport } from 'nodemailer';
import { chromium } from 'playwright-core';
import { expect, test } from 'vitest';
import { afterTest } from '../simulator/harness.ts';
import { connectWorld } from '../support/connect-world.ts';
import { needProgram } from '../support/external.ts';
import { alice, arrived, bob } from '../support/relay.ts';
import { noteSecret } from '../support/secret-search/record.ts';
import { chromiumPage, enterDeviceCode } from '../support/sign-in-browser.ts';

const pictures = process.env.SET_UP_PICTURES;

test('with a browser, from /connect to a program that reads and sends with what the page shows', async (context) => {
  needProgram(context, 'chromium');
  const { m365, relay, origin, ca } = await connectWorld();
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  afterTest(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`${origin}/connect`);
  await page.getByRole('button', { name: 'Sign in at Microsoft' }).click();
  const code = (await page.locator('.big-code').textContent()) ?? '';
  await enterDeviceCode(await chromiumPage(), m365, code, alice);
  await page.getByText('You have signed in as').waitFor();
  const pass = (await page.locator('.big-code').textContent()) ?? '';
  noteSecret('user password', pass);
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate('axe.run(document)')) as axe.AxeResults;
  expect(violations.map(({ id, nodes }) => `${id} ${nodes.map(({ html }) => html)}`)).toEqual([]);
  if (pictures) await page.screenshot({ path: join(pictures, 'connect.png'), fullPage: true });

  const cards = await page.locator('.cards .card').allTextContents();
  const settings = cards.map((text) => /Server\s*(\S+)\s*Port\s*(\d+)\s*Security\s*(\S+)\s*Username/.exec(text));
  const [imap, smtp] = settings.map((found) => ({ host: found?.[1], port: Number(found?.[2]), security: found?.[3] }));
  expect([imap?.security, smtp?.security]).toEqual(['SSL/TLS', 'STARTTLS']);
  const auth = { user: alice, pass };
  const tls = { ca };
  const transport = createTransport({ host: 'localhost', port: smtp?.port ?? 0, requireTLS: true, tls, auth });
  await transport.sendMail({ from: alice, to: alice, subject: 'connected', text: 'Hello.\n' });
  await expect(transport.sendMail({ from: bob, to: alice, subject: 'no', text: 'No.\n' })).rejects.toThrow('5.7.1');
  transport.close();
  await arrived(relay.simulator, alice, 'INBOX', 'connected');
  const client = new ImapFlow({ host: 'localhost', port: imap?.port ?? 0, secure: true, tls, auth, logger: false });
  await client.connect();
  expect((await client.mailboxOpen('INBOX')).exists).toBe(1);
  await client.logout();
}, 120_000);

test('with a browser, who cancels may begin again, as often as they like', async (context) => {
  needProgram(context, 'chromium');
  const { origin } = await connectWorld();
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  afterTest(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`${origin}/connect`);
  const codes = new Set<string | null>();
  // One more than may wait at the same time.
  for (let count = 0; count < 6; count++) {
    await page.getByRole('button', { name: 'Sign in at Microsoft' }).click();
    codes.add(await page.locator('.big-code').textContent());
    const cancelled = page.waitForResponse(`${origin}/api/v1/connect/cancel`);
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect((await cancelled).status()).toBe(204);
  }
  expect(codes.size).toBe(6);
}, 60_000);

test('by the browser itself, which comes back from Microsoft', async (context) => {
  needProgram(context, 'chromium');
  const { m365, origin } = await connectWorld({ byBrowser: true });
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  afterTest(() => browser.close());
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
  await page.goto(`${origin}/connect`);
  await page.getByRole('button', { name: 'Sign in at Microsoft' }).click();
  await page.getByLabel('User name').fill(alice);
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByLabel('Password').fill(m365.userPassword);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page
    .getByRole('button', { name: 'Accept' })
    .or(page.getByText(/Your mailbox is tried|You have signed in/))
    .first()
    .waitFor();
  const accept = page.getByRole('button', { name: 'Accept' });
  if (await accept.isVisible()) await accept.click();
  await page.getByText('You have signed in as').waitFor();
  expect(await page.locator('code').first().textContent()).toBe(alice);
  noteSecret('user password', (await page.locator('.big-code').textContent()) ?? '');
}, 60_000);

test('another browser cannot bring the answer back', async () => {
  const { origin } = await connectWorld({ byBrowser: true });
  const begun = await fetch(`${origin}/api/v1/connect/sign-ins`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{}',
  });
  const { url } = (await begun.json()) as { url: string };
  const state = new URL(url).searchParams.get('state');
  const [cookie = ''] = (begun.headers.get('set-cookie') ?? '').split(';');
  const callback = `${origin}/connect/callback?code=x&state=${state}`;
  expect((await fetch(callback, { redirect: 'manual' })).status).toBe(404);
  expect((await fetch(callback, { redirect: 'manual', headers: { Cookie: cookie } })).status).toBe(303);
  expect((await fetch(callback, { redirect: 'manual', headers: { Cookie: cookie } })).status).toBe(404);
}, 30_000);
