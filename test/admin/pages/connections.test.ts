import { expect, test } from 'vitest';
import { alice, password, until } from '../../support/relay.ts';
import { pagesWorld } from './pages-world.ts';

const world = pagesWorld((config) => {
  const { tenantId, clientId, cloud } = config.connections.contoso!;
  return {
    connections: {
      ...config.connections,
      person: { tenantId: tenantId ?? '', clientId: clientId ?? '', grant: 'device-code', cloud: cloud ?? 'global' },
    },
    accounts: [
      ...config.accounts,
      { username: 'personal', password, connection: 'person', mailbox: alice, send: 'graph' },
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

test('a person signs in with a code, and the connection works', async () => {
  const { simulator } = world().relay;
  const page = await world().open('connections/person');
  await page.getByText('Sign-in needed').first().waitFor();
  await page.getByRole('button', { name: 'Sign in …' }).click();
  const dialog = page.getByRole('dialog', { name: 'Sign in with a code' });
  const code = (await dialog.locator('.big-code').textContent()) ?? '';

  const other = await world().window({ ignoreHTTPSErrors: true });
  await other.goto(`${simulator.endpoints.authority}/deviceauth`);
  await other.getByLabel('Code').fill(code.trim());
  await other.getByRole('button', { name: 'Next' }).click();
  await other.getByLabel('User name').fill('alice@contoso.com');
  await other.getByRole('button', { name: 'Next' }).click();
  await other.getByLabel('Password').fill(simulator.userPassword);
  await other.getByRole('button', { name: 'Sign in' }).click();
  const accept = other.getByRole('button', { name: 'Accept' });
  await until(
    'consent or the end',
    async () => (await accept.isVisible()) || (await other.locator('#done').isVisible()),
  );
  if (await accept.isVisible()) await accept.click();
  await other.locator('#done').waitFor();

  await dialog.getByText('Signed in').waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await until('the sign-in to show', async () => (await page.getByText('Sign-in needed').count()) === 0);
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
