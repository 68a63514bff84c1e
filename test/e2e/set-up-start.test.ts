import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { beforeEach, expect, test, vi } from 'vitest';
import { LogTail } from '../../src/admin/api/log/log-tail.ts';
import { BridgeRunner } from '../../src/app/set-up/runner.ts';
import type * as SetUpServer from '../../src/app/set-up/set-up-server.ts';
import { systemClock } from '../../src/base/clock.ts';
import { BridgeError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import type * as FreePorts from '../../src/onboarding/free-ports.ts';
import { afterTest } from '../simulator/harness.ts';
import { needProgram } from '../support/external.ts';
import { freePorts as portsOfTest } from '../support/ports.ts';
import { noteSecret } from '../support/secret-search/record.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** The ports that the set-up believes to be free when it writes the configuration. */
let chosen: Awaited<ReturnType<typeof FreePorts.freePorts>>;
vi.mock('../../src/onboarding/free-ports.ts', async (original) => ({
  ...(await original<typeof FreePorts>()),
  freePorts: async () => chosen,
}));

/** How often the page cannot come back. */
let refusals = 0;
vi.mock('../../src/app/set-up/set-up-server.ts', async (original) => {
  const actual = await original<typeof SetUpServer>();
  const openSetupServer: typeof actual.openSetupServer = async (options) => {
    if (refusals-- > 0) throw new BridgeError('port-in-use', 'admin: the port is in use by another program.');
    return await actual.openSetupServer(options);
  };
  return { ...actual, openSetupServer };
});

/** Another program, which took the port between the writing and the start. */
let other: Server;
beforeEach(async () => {
  other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  afterTest(async () => {
    other.close();
  });
  const { port } = other.address() as AddressInfo;
  chosen = { smtp: port, imap: await portsOfTest(), pop3: await portsOfTest() };
});

/** `mailbridge start --set-up` in an empty folder, with the questions answered and an app entered. */
async function answered() {
  const folder = temporaryFolder();
  const runner = new BridgeRunner({
    ...{ path: join(folder, 'config.json'), env: {}, log: silentLog, logTail: new LogTail(), clock: systemClock },
    ...{ signal: new AbortController().signal, setUpAt: { host: '127.0.0.1', port: 0 } },
  });
  let hasBridge = false;
  const port = await runner.startSetUp(join(folder, 'data'), () => {
    hasBridge = true;
  });
  afterTest(() => runner.stop());
  const token = readFileSync(join(folder, 'data/admin-token'), 'utf8').trim();
  noteSecret('admin token', token);
  const url = `http://127.0.0.1:${port}/`;
  const send = async (path: string, body: object) => {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const answer = await fetch(`${url}api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    expect(answer.status).toBe(200);
  };
  const answers = { use: 'send', from: 'here', mailbox: 'reports@contoso.example', send: 'graph' };
  await send('/set-up/answers', { answers });
  const clientSecret = 'entered~by~hand~8Q~4711';
  noteSecret('client secret', clientSecret);
  await send('/set-up/app', { clientId: '11111111-2222-4333-8444-555555555555', clientSecret });
  return { folder, url, token, hasBridge: () => hasBridge };
}

async function openPage(url: string): Promise<Page> {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  afterTest(() => browser.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  await page.goto(url);
  return page;
}

test('a first start that fails brings the page back with the error and what to do, and can be tried again', async (context) => {
  needProgram(context, 'chromium');
  const { folder, url, token, hasBridge } = await answered();
  const page = await openPage(`${url}ui/#token=${token}`);
  await page.getByRole('button', { name: 'Write the configuration' }).click();
  const alert = page.getByRole('alert').filter({ hasText: `listeners[0]: 127.0.0.1:${chosen.smtp} is in use` });
  await alert.getByText('What to do:').waitFor();
  const password = (await page.locator('.big-code').textContent()) ?? '';
  noteSecret('user password', password);
  expect(hasBridge()).toBe(false);
  await page.getByText(`Port 2525 is in use by another program; SMTP listens at ${chosen.smtp}.`).waitFor();

  // The cause remains: the same report again, and nothing is lost.
  await page.getByRole('button', { name: 'Start the bridge again' }).click();
  await page.getByText('The bridge starts').first().waitFor({ state: 'detached' });
  await alert.waitFor();
  expect(await page.locator('.big-code').textContent()).toBe(password);
  const written = readFileSync(join(folder, 'config.json'), 'utf8');

  other.close();
  await page.getByRole('button', { name: 'Start the bridge again' }).click();
  await alert.waitFor({ state: 'detached' });
  await page
    .getByRole('button', { name: 'Check', exact: true })
    .or(page.getByRole('button', { name: /^It was run/ }))
    .waitFor();
  expect(hasBridge()).toBe(true);
  expect(await page.locator('.big-code').textContent()).toBe(password);
  expect(readFileSync(join(folder, 'config.json'), 'utf8')).toBe(written);
  expect(existsSync(join(folder, 'data/queue/queue.sqlite'))).toBe(true);
}, 60_000);

test('the set-up page of a port that another program has names the variable for it, and no listener', async () => {
  const { port } = other.address() as AddressInfo;
  const folder = temporaryFolder();
  const runner = new BridgeRunner({
    ...{ path: join(folder, 'config.json'), env: {}, log: silentLog, logTail: new LogTail(), clock: systemClock },
    ...{ signal: new AbortController().signal, setUpAt: { host: '127.0.0.1', port } },
  });
  afterTest(() => runner.stop());
  await expect(runner.startSetUp(join(folder, 'data'), () => {})).rejects.toMatchObject({
    code: 'port-in-use',
    message: `admin: 127.0.0.1:${port} is in use by another program.`,
    remedy: 'Stop the other program, or name another port for the set-up page with MAILBRIDGE_SETUP_PORT.',
  });
});

test('starting over asks first, and says what stays', async (context) => {
  needProgram(context, 'chromium');
  const { url, token } = await answered();
  const page = await openPage(`${url}ui/#token=${token}`);
  const write = page.getByRole('button', { name: 'Write the configuration' });
  await page.getByRole('button', { name: 'Start over …' }).click();
  const dialog = page.getByRole('dialog', { name: 'Start over?' });
  await dialog
    .getByText('What stays: the app registration (client ID 11111111-2222-4333-8444-555555555555).')
    .waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await write.waitFor();
  await page.getByRole('button', { name: 'Start over …' }).click();
  await dialog.getByRole('button', { name: 'Start over' }).click();
  await page.getByLabel('Which Microsoft 365 mailbox?').waitFor();
  expect(await write.count()).toBe(0);
}, 60_000);

test('while there is no configuration the other pages say so, and lead to the set-up', async (context) => {
  needProgram(context, 'chromium');
  const { url, token } = await answered();
  const page = await openPage(`${url}ui/#token=${token}`);
  for (const name of ['Overview', 'Messages', 'Connections', 'Accounts']) {
    await page.getByRole('navigation').getByRole('link', { name }).click();
    await page.getByRole('heading', { name, level: 1 }).waitFor();
    await page.getByText('There is no configuration yet.').waitFor();
    expect(await page.getByText(/no such path|no history/).count()).toBe(0);
  }
  await page.locator('main').getByRole('link', { name: 'Set up' }).click();
  other.close();
  await page.getByRole('button', { name: 'Write the configuration' }).click();
  noteSecret('user password', (await page.locator('.big-code').textContent()) ?? '');
  await page.getByRole('button', { name: 'Check', exact: true }).or(page.getByText('It was run')).first().waitFor();
  // The same window, by now with a bridge.
  await page.getByRole('navigation').getByRole('link', { name: 'Accounts' }).click();
  await page.getByRole('main').getByText('reports').first().waitFor();
}, 60_000);

test('whoever comes back in another browser after a failed start finds the error too', async (context) => {
  needProgram(context, 'chromium');
  const { url, token } = await answered();
  const first = await openPage(`${url}ui/#token=${token}`);
  await first.getByRole('button', { name: 'Write the configuration' }).click();
  await first.getByRole('alert').getByText('is in use by another program').waitFor();
  noteSecret('user password', (await first.locator('.big-code').textContent()) ?? '');
  await first.close();
  const page = await openPage(`${url}ui/#token=${token}`);
  await page.getByRole('alert').getByText('is in use by another program').waitFor();
  await page.getByRole('button', { name: 'Start the bridge again' }).waitFor();
}, 60_000);

test('a page whose own port is taken meanwhile comes back once it is free', async (context) => {
  needProgram(context, 'chromium');
  const { url, token } = await answered();
  const page = await openPage(`${url}ui/#token=${token}`);
  refusals = 1;
  await page.getByRole('button', { name: 'Write the configuration' }).click();
  noteSecret('user password', (await page.locator('.big-code').textContent()) ?? '');
  await page.getByRole('alert').getByText('is in use by another program').waitFor();
  await page.getByRole('button', { name: 'Start the bridge again' }).waitFor();
}, 60_000);
