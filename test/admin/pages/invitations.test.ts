import { expect, test } from 'vitest';
import { noteSecret } from '../../support/secret-search/record.ts';
import { pagesWorld, viewToken, withPeople } from './pages-world.ts';

const world = pagesWorld(withPeople);

test('an invitation is made, its link is shown once and copied, and it is revoked', async () => {
  const page = await world().open('accounts', { permissions: ['clipboard-read', 'clipboard-write'] });
  const section = page.getByRole('region', { name: 'Invitations' });
  await section.getByText('Nobody is invited.').waitFor();
  await section.getByLabel('Address').fill('alice@contoso.com');
  await section.getByLabel('Valid for').selectOption('30 days');
  await section.getByRole('button', { name: 'Invite' }).click();
  const dialog = page.getByRole('dialog', { name: 'The invitation' });
  await dialog.getByRole('button', { name: 'Copy link' }).click();
  const link = (await page.evaluate('navigator.clipboard.readText()')) as string;
  noteSecret('user password', link.split('.').at(-1) ?? '');
  expect(link).toMatch(/\/connect#invitation=[0-9a-f]{12}\.[\w-]{32}$/);
  await dialog
    .getByText('Only this machine reaches the link: set admin.publicUrl to where people reach the pages.')
    .waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();

  const invited = section.getByRole('listitem').filter({ hasText: 'alice@contoso.com' });
  await invited.getByText('Open').waitFor();
  expect(await section.textContent()).not.toContain(link.split('.').at(-1));
  const other = await world().window();
  await other.goto(link);
  await other.getByText('You are invited').waitFor();

  await invited.getByRole('button', { name: 'Revoke the invitation of alice@contoso.com …' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await section.getByText('Nobody is invited.').waitFor();
});

test('an address that no account serves is refused with what to do', async () => {
  const page = await world().open('accounts');
  const section = page.getByRole('region', { name: 'Invitations' });
  await section.getByLabel('Address').fill('eve@fabrikam.com');
  await section.getByRole('button', { name: 'Invite' }).click();
  await page.getByRole('dialog').getByText('the username *@fabrikam.com over that connection').waitFor();
});

test('who may look alone sees who is invited, and invites nobody', async () => {
  const page = await world().open('accounts', { token: viewToken });
  const section = page.getByRole('region', { name: 'Invitations' });
  await section.getByText('Nobody is invited.').waitFor();
  expect(await section.getByRole('button').count()).toBe(0);
});
