import { createTransport } from 'nodemailer';
import { expect, test } from 'vitest';
import { alice, reports, until } from '../../support/relay.ts';
import { pagesWorld } from './pages-world.ts';

const world = pagesWorld();

test('accounts are listed and found by a part of their name', async () => {
  const page = await world().open('accounts');
  const table = page.getByRole('table', { name: 'Accounts' });
  await table.getByRole('link', { name: 'graph', exact: true }).waitFor();
  await table.getByRole('link', { name: 'smtp', exact: true }).waitFor();
  await table.getByRole('cell', { name: 'not used since the bridge started' }).first().waitFor();
  await page.getByLabel('Username or mailbox').fill('smt');
  await page.getByRole('button', { name: 'Search' }).click();
  await table.getByRole('link', { name: 'graph', exact: true }).waitFor({ state: 'detached' });
  await page.getByLabel('Username or mailbox').fill('nobody');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByText('No account matches').waitFor();
});

test('the settings of each protocol are shown, and copied', async () => {
  const page = await world().open('accounts/graph', { permissions: ['clipboard-read', 'clipboard-write'] });
  const smtp = page.getByRole('article', { name: 'Sending (SMTP)' });
  await smtp.getByText('STARTTLS').waitFor();
  await smtp.getByRole('button', { name: 'Copy Port, Sending (SMTP)' }).click();
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe(String(world().relay.port(0)));
  await page
    .getByRole('article', { name: 'Reading (IMAP)' })
    .getByRole('button', { name: /^Copy all/ })
    .click();
  expect(await page.evaluate('navigator.clipboard.readText()')).toContain(`Port: ${world().relay.port(1)}\n`);
});

test('an app password is made, shown once, works, and is removed', async () => {
  const page = await world().open('accounts/smtp');
  const section = page.getByRole('region', { name: 'App passwords' });
  await section.getByText('There are no app passwords yet.').waitFor();
  await section.getByLabel('Program or device').fill('Scanner, 2nd floor');
  await section.getByRole('button', { name: 'Make a password' }).click();
  const dialog = page.getByRole('dialog', { name: 'The new password' });
  const made = (await dialog.locator('code.big-code').textContent()) ?? '';
  await dialog.getByRole('button', { name: 'Done' }).click();
  const login = () =>
    createTransport({
      host: '127.0.0.1',
      port: world().relay.port(),
      tls: { rejectUnauthorized: false },
      auth: { user: 'smtp', pass: made },
    }).sendMail({ from: reports, to: alice, subject: 'By app password', text: '' });
  expect((await login()).response).toMatch(/^250 /);

  await section.getByRole('button', { name: 'Remove Scanner, 2nd floor …' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await section.getByText('There are no app passwords yet.').waitFor();
  // The password reader looks for changes every second.
  await until('the login to be refused', () =>
    login().then(
      () => false,
      ({ responseCode }) => responseCode === 535,
    ),
  );
});

test('a test message goes its way before the eyes of who sent it', async () => {
  const page = await world().open('accounts/graph');
  const section = page.getByRole('region', { name: 'Test message' });
  await section.getByLabel('To').fill(alice);
  await section.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('heading', { name: /^Message / }).waitFor();
  await page.getByText('Delivered', { exact: true }).first().waitFor();
});
