import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { alice, bob, password, until } from '../../support/relay.ts';
import { enterDeviceCode } from '../../support/sign-in-browser.ts';
import { pagesWorld, viewToken } from './pages-world.ts';

const world = pagesWorld((config) => {
  const { tenantId = '', clientId = '', cloud = 'global' } = config.connections.contoso!;
  const person = { tenantId, clientId, grant: 'device-code', cloud } as const;
  return {
    connections: { ...config.connections, person, people: { ...person, signIns: 'each' } },
    accounts: [
      ...config.accounts,
      { username: 'personal', password, connection: 'person', mailbox: alice, send: 'graph' },
      { username: '*@contoso.com', passwordFrom: 'app-passwords', connection: 'people', send: 'smtp', read: 'imap' },
    ],
  };
});

test('a connection shows its state, when its credential ends, and the permissions it needs', async () => {
  const page = await world().open('connections');
  const card = page.getByRole('article', { name: 'Connection contoso' });
  await card.getByText('Mail.Send').first().waitFor();
  await card.getByText('client-credentials').waitFor();
  await card.getByRole('link', { name: '2 accounts' }).waitFor();
});

test('check ticks hop after hop, and ends with a verdict', async () => {
  const page = await world().open('connections/contoso');
  await page.getByRole('button', { name: 'Check' }).click();
  const hops = page.locator('.hops li');
  await hops.first().waitFor();
  await page.getByRole('status').filter({ hasText: 'Every hop works.' }).waitFor();
  expect(await hops.count()).toBeGreaterThan(2);
  expect(await page.locator('.hops li.ok').count()).toBeGreaterThan(2);
  await page.getByText('Mail.Send: granted').waitFor();
});

test('a hop that is under way shows as running, and then its result', async () => {
  world().relay.simulator.faults.add({ target: 'imap', kind: 'delay', delayMs: 2_000 });
  const page = await world().open('connections/contoso');
  await page.getByRole('button', { name: 'Check' }).click();
  const running = page.locator('.hops li.running').filter({ hasText: 'mailbox' }).filter({ hasText: 'IMAP' });
  await running.getByText('Running').waitFor();
  expect(await page.locator('.hops li.running').count()).toBe(1);
  const moves = () =>
    page.evaluate("getComputedStyle(document.querySelector('.hops .running .mark'), '::before').animationName");
  expect(await moves()).toBe('pulse');
  await page.emulateMedia({ reducedMotion: 'reduce' });
  expect(await moves()).toBe('none');
  await page.getByRole('status').filter({ hasText: 'Every hop works.' }).waitFor();
  expect(await page.locator('.hops li.running').count()).toBe(0);
  await page.locator('.hops li.ok').filter({ hasText: 'mailbox' }).filter({ hasText: 'IMAP' }).waitFor();
});

test('a hop that fails shows the remedy', async () => {
  world().relay.simulator.faults.outages = ['graph'];
  const page = await world().open('connections/contoso');
  await page.getByRole('button', { name: 'Check' }).click();
  await page.locator('.hops li.failed').getByText('What to do:').first().waitFor();
  world().relay.simulator.faults.outages = [];
});

test('a remedy that names a command is told with the button of the page that does the same', async () => {
  const page = await world().open('connections/person');
  await page.getByText('On this page: Sign in, above').waitFor();
  await page.getByRole('button', { name: 'Check', exact: true }).click();
  const failed = page.locator('.hops li.failed').filter({ hasText: 'mailbridge login person' });
  await failed.getByRole('button', { name: 'Sign in …' }).click();
  const dialog = page.getByRole('dialog', { name: 'Sign in with a code' });
  await dialog.locator('.big-code').waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();
  // Elsewhere, a link leads there; a viewer is pointed there, too.
  const overview = await world().open('');
  const link = overview.getByText('On the pages: Connection person, Sign in').getByRole('link').first();
  expect(await link.getAttribute('href')).toBe('/ui/connections/person');
  const viewer = await world().open('connections/person', { token: viewToken });
  await viewer.getByText('On the pages: Connection person, Sign in').waitFor();
});

test('a person signs in with a code, and the connection works', async () => {
  const { simulator } = world().relay;
  const page = await world().open('connections/person');
  await page.getByText('Sign-in needed').first().waitFor();
  await page.getByRole('button', { name: 'Sign in …' }).click();
  const dialog = page.getByRole('dialog', { name: 'Sign in with a code' });
  const code = (await dialog.locator('.big-code').textContent()) ?? '';
  await enterDeviceCode(await world().window({ ignoreHTTPSErrors: true }), simulator, code, alice);
  await dialog.getByText('Signed in').waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await until('the sign-in to show', async () => (await page.getByText('Sign-in needed').count()) === 0);
});

test('where each mailbox has a sign-in of its own, the page asks for which', async () => {
  const { simulator, folder } = world().relay;
  const page = await world().open('connections/people');
  await page.getByRole('button', { name: 'Sign in a mailbox …' }).click();
  const dialog = page.getByRole('dialog', { name: 'Sign in with a code' });
  await dialog.getByLabel('Mailbox').fill('eve@fabrikam.com');
  await dialog.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('dialog').getByText('No account reaches the mailbox eve@fabrikam.com').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();

  await page.getByRole('button', { name: 'Sign in a mailbox …' }).click();
  await dialog.getByLabel('Mailbox').fill(bob);
  await dialog.getByRole('button', { name: 'Continue' }).click();
  const code = (await dialog.locator('.big-code').textContent()) ?? '';
  await enterDeviceCode(await world().window({ ignoreHTTPSErrors: true }), simulator, code, bob);
  await dialog.getByText(`The mailbox ${bob} is opened as ${bob}.`).waitFor();
  expect(readdirSync(join(folder.path, 'data/sign-ins'))).toContain('people~bob%40contoso.com.token');
});

test('of the mailboxes behind a pattern the one is tried that the page is given', async () => {
  const page = await world().open('connections/people');
  await page.getByRole('button', { name: 'Check', exact: true }).click();
  await page.getByText('not tried: “Mailbox to try” on the page of the connection tries one').waitFor();
  await page.getByRole('status').filter({ hasText: 'Every hop works.' }).waitFor();
  expect(await page.getByText('No account uses this connection').count()).toBe(0);

  await page.getByLabel('Mailbox to try').fill('eve@fabrikam.com');
  await page.getByRole('button', { name: 'Check the mailbox' }).click();
  const refused = page.getByRole('dialog');
  await refused.getByText('No account reaches the mailbox eve@fabrikam.com').waitFor();
  await refused.getByRole('button', { name: 'Close' }).click();

  // Bob has signed in above.
  await page.getByLabel('Mailbox to try').fill(bob);
  await page.getByRole('button', { name: 'Check the mailbox' }).click();
  await page.locator('.hops li.ok').filter({ hasText: 'mailbox' }).filter({ hasText: bob }).first().waitFor();
  await page.getByRole('status').filter({ hasText: 'Every hop works.' }).waitFor();
});

test('the Exchange script of an app is shown, copied and saved', async () => {
  const page = await world().open('connections/contoso', { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.getByRole('button', { name: 'Exchange script …' }).click();
  const dialog = page.getByRole('dialog', { name: 'Exchange script' });
  await dialog.getByRole('button', { name: 'Copy the script' }).click();
  const script = (await page.evaluate('navigator.clipboard.readText()')) as string;
  expect(script).toContain(`$appId = '${world().relay.simulator.clientId}'`);
  const downloading = page.waitForEvent('download');
  await dialog.getByRole('button', { name: 'Download contoso.ps1' }).click();
  expect(await readFile(await (await downloading).path(), 'utf8')).toBe(script);
});

test('who signs in is asked for by the Exchange script only where nobody knows it', async () => {
  const page = await world().open('connections/people');
  await page.getByRole('button', { name: 'Exchange script …' }).click();
  const dialog = page.getByRole('dialog', { name: 'Exchange script' });
  await dialog.getByLabel('Mailbox').fill(bob);
  await dialog.getByRole('button', { name: 'Continue' }).click();
  await dialog.getByText(`It is for ${bob}.`).waitFor();
  // Alice has signed in above.
  const other = await world().open('connections/person');
  await other.getByRole('button', { name: 'Exchange script …' }).click();
  await other.getByRole('dialog', { name: 'Exchange script' }).getByText('Exchange needs no settings.').waitFor();
});

test('the consent link is shown, and can be copied', async () => {
  const page = await world().open('connections/contoso', { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.getByRole('button', { name: 'Consent link …' }).click();
  const dialog = page.getByRole('dialog', { name: 'Consent link' });
  await dialog.getByRole('button', { name: 'Copy consent link' }).click();
  const link = await page.evaluate('navigator.clipboard.readText()');
  expect(link).toContain('/adminconsent?');
  expect(link).toContain(`client_id=${world().relay.simulator.clientId}`);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
});
