import { expect, test } from 'vitest';
import { adminToken, pagesWorld, viewToken } from './pages-world.ts';

const world = pagesWorld();

test('a wrong token is refused with what to do, the right one opens the page that was asked for', async () => {
  const page = await world().window();
  await page.goto(`${world().origin}/ui/messages`);
  await page.getByLabel('Admin token').fill('not-the-token-of-this-bridge');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').getByText('What to do:').waitFor();
  await page.getByLabel('Admin token').fill(adminToken);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Messages', level: 1 }).waitFor();
  expect(await page.title()).toBe('Messages – mailbridge');
});

test('a link with the token signs in, and the token leaves the address', async () => {
  const page = await world().open('connections');
  await page.getByRole('heading', { name: 'Connections', level: 1 }).waitFor();
  expect(page.url()).toBe(`${world().origin}/ui/connections`);
});

test('the session outlives a reload, and ends at Sign out', async () => {
  const page = await world().open('log');
  await page.reload();
  await page.getByRole('heading', { name: 'Log', level: 1 }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Admin token').waitFor();
  await page.reload();
  await page.getByLabel('Admin token').waitFor();
});

test('a session that is over leads back to the sign-in, and from there to the same page', async () => {
  const page = await world().open('accounts');
  const graph = page.getByRole('link', { name: 'graph', exact: true });
  await graph.waitFor();
  await page.context().clearCookies();
  await graph.click();
  await page.getByText('Your session has ended.').waitFor();
  await page.getByLabel('Admin token').fill(adminToken);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Account graph', level: 1 }).waitFor();
});

test('who may look alone is shown no button that changes something', async () => {
  const page = await world().open('connections', { token: viewToken });
  await page.getByText('(view only)').waitFor();
  await page.getByRole('article', { name: 'Connection contoso' }).waitFor();
  expect(await page.getByRole('button', { name: 'Check' }).count()).toBe(0);
});

test('an address that leads nowhere says so', async () => {
  const page = await world().open('nowhere');
  await page.getByRole('link', { name: 'Go to the overview' }).click();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
});

test('the colours can be chosen, and stay', async () => {
  const page = await world().open('', { colorScheme: 'light' });
  const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
  const light = await ground();
  await page.getByLabel('Colours').selectOption('Dark');
  const dark = await ground();
  expect(dark).not.toBe(light);
  await page.reload();
  await page.getByLabel('Colours').waitFor();
  expect(await ground()).toBe(dark);
});
