import { expect, test } from 'vitest';
import { contosoAccount, password, reports } from '../../support/relay.ts';
import { pagesWorld } from './pages-world.ts';

/** Set up as recommended: nothing in Entra ID, and roles in Exchange for one mailbox. */
const world = pagesWorld(({ connections }, { tenant, clientId }) => {
  tenant.app.roles.graph = [];
  tenant.app.roles.exchange = [];
  const inExchange = tenant.exchangeApp(clientId);
  inExchange.smtpRbac = [reports];
  inExchange.graphRbac = { 'Application Mail.Send': [reports], 'Application Mail.ReadWrite': [reports] };
  const { contoso } = connections;
  return {
    connections: { contoso: contoso!, reading: contoso! },
    accounts: [
      contosoAccount('graph'),
      contosoAccount('smtp'),
      { username: 'reader', password, connection: 'reading', mailbox: reports, read: 'imap' },
    ],
  };
});

test('permissions that roles in Exchange grant are not shown as missing', async () => {
  const page = await world().open('connections/contoso');
  await page
    .getByText(
      'SMTP.SendAsApp, Mail.Send, Mail.ReadWrite: not in Entra ID. Roles in Exchange may grant them for individual mailboxes (the Exchange script does); Check tries them.',
    )
    .waitFor();
  await page.getByRole('button', { name: 'Check' }).click();
  await page.getByRole('status').filter({ hasText: 'Every hop works.' }).waitFor();
  await page.locator('.mark.none').getByText('Mail.Send: not in Entra ID').waitFor();
  expect(await page.getByText(/missing/i).count()).toBe(0);
  expect(await page.locator('.mark.bad, .trouble.error').count()).toBe(0);
});

test('a permission that Entra ID alone grants is missing', async () => {
  const page = await world().open('connections/reading');
  await page.getByText('Missing: IMAP.AccessAsApp.').waitFor();
  await page.locator('.mark.bad').getByText('IMAP.AccessAsApp: missing').waitFor();
  expect(await page.getByText('Roles in Exchange').count()).toBe(0);
});
