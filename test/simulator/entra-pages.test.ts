import { chromium } from 'playwright-core';
import { expect, test } from 'vitest';
import { listenHttp } from '../../src/simulator/http/http-server.ts';
import { needProgram } from '../support/external.ts';
import { afterTest, type Microsoft365, microsoft365 } from './harness.ts';

/** A real browser. */
async function openBrowser() {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  afterTest(() => browser.close());
  const context = await browser.newContext({ ignoreHTTPSErrors: true, javaScriptEnabled: false });
  return context.newPage();
}

async function tokensFor(m365: Microsoft365, form: Record<string, string>) {
  return (await m365.tokenRequest({ client_id: m365.clientId, ...form })).json();
}

test('a person signs a device in with Chromium', { timeout: 60_000 }, async (context) => {
  needProgram(context, 'chromium');
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { users: [{ upn: 'alice@contoso.example', multiFactor: true }] });
  const response = await m365.get(`${m365.endpoints.authority}/${m365.tenantId}/oauth2/v2.0/devicecode`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: m365.clientId, scope: 'Mail.Send offline_access' }),
  });
  const code = (await response.json()) as Record<string, string>;
  const page = await openBrowser();
  await page.goto(code.verification_uri!);
  await page.getByLabel('Code').fill(code.user_code!);
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByLabel('User name').fill('alice@contoso.example');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  expect(await page.getByRole('alert').textContent()).toContain('Your account or password is incorrect.');
  await page.getByLabel('Password').fill(m365.userPassword);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByLabel('Code').fill('123456');
  await page.getByRole('button', { name: 'Verify' }).click();
  expect(await page.getByRole('listitem').allTextContents()).toEqual([
    'Send mail as you',
    'Maintain access to data you have given it access to',
  ]);
  await page.getByRole('button', { name: 'Accept' }).click();
  expect(await page.locator('#done').textContent()).toContain('You may now close this window.');
  const grant = { grant_type: 'device_code', device_code: code.device_code! };
  expect(await tokensFor(m365, grant)).toMatchObject({ scope: 'Mail.Send', refresh_token: expect.any(String) });
});

test('a person signs in to an app with Chromium, and the second time without a page', {
  timeout: 60_000,
}, async (context) => {
  needProgram(context, 'chromium');
  const m365 = await microsoft365();
  const landed: URL[] = [];
  const app = await listenHttp({
    host: '127.0.0.1',
    port: 0,
    handle: async ({ url }) => {
      if (url.pathname === '/') landed.push(url);
      return { status: 200, body: 'Thank you.' };
    },
    onDefect: () => {},
  });
  afterTest(() => app.close());
  const redirectUri = `http://localhost:${app.port}/`;
  const query = { client_id: m365.clientId, response_type: 'code', redirect_uri: redirectUri, scope: 'Mail.Send' };
  const url = `${m365.endpoints.authority}/${m365.tenantId}/oauth2/v2.0/authorize?${new URLSearchParams(query)}`;
  const page = await openBrowser();
  await page.goto(url);
  await page.getByLabel('User name').fill('bob@contoso.example');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByLabel('Password').fill(m365.userPassword);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Accept' }).click();
  await page.getByText('Thank you.').waitFor();
  await page.goto(url);
  await page.getByText('Thank you.').waitFor();
  const codes = landed.map(({ searchParams }) => searchParams.get('code')!);
  expect(codes).toHaveLength(2);
  for (const code of codes) {
    const grant = { grant_type: 'authorization_code', code, redirect_uri: redirectUri };
    expect(await tokensFor(m365, grant)).toMatchObject({ scope: 'Mail.Send' });
  }
});
