import { beforeAll, expect, test } from 'vitest';
import { isInstalled } from '../../support/external.ts';
import { alice, bob } from '../../support/relay.ts';
import { signInOnPage } from '../../support/sign-in-browser.ts';
import { pagesWorld } from './pages-world.ts';

const operators = '11111111-2222-3333-4444-555555555501';
const viewers = '11111111-2222-3333-4444-555555555502';

const world = pagesWorld((config) => {
  const {
    tenantId = '',
    clientId = '',
    cloud = 'global',
    clientSecret,
  } = config.connections.contoso as never as {
    tenantId: string;
    clientId: string;
    cloud: 'global';
    clientSecret: string;
  };
  const oidc = { tenantId, clientId, clientSecret, cloud, operateGroup: operators, viewGroup: viewers };
  return { admin: { ...config.admin, oidc } };
});

/** Entra ID accepts http only for localhost. */
const origin = () => world().origin.replace('127.0.0.1', 'localhost');

beforeAll(() => {
  if (!isInstalled('chromium')) return;
  const { tenant } = world().relay.simulator;
  tenant.app.webRedirectUris = [`${origin()}/api/v1/session/oidc/callback`];
  tenant.app.groupMembershipClaims = 'SecurityGroup';
  for (const [address, group] of [
    [alice, operators],
    [bob, viewers],
  ] as const) {
    const user = tenant.users.get(address);
    if (user) user.groups = [group];
  }
});

test("who signs in with the company's account is on the page, with the role of their groups", async () => {
  const page = await world().window({ ignoreHTTPSErrors: true });
  await page.goto(`${origin()}/ui/`);
  await page.getByRole('link', { name: "Sign in with your company's account" }).click();
  await signInOnPage(page, world().relay.simulator, alice);
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  const session = page.getByRole('region', { name: 'Session' });
  await session.getByText(alice).waitFor();
  expect(await session.textContent()).not.toContain('view only');
  expect(new URL(page.url()).search).toBe('');
  await page.reload();
  await session.getByText(alice).waitFor();
  await session.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('link', { name: "Sign in with your company's account" }).waitFor();
});

test('who is in the group of those who look may change nothing', async () => {
  const page = await world().window({ ignoreHTTPSErrors: true });
  await page.goto(`${origin()}/ui/`);
  await page.getByRole('link', { name: "Sign in with your company's account" }).click();
  await signInOnPage(page, world().relay.simulator, bob);
  await page.getByRole('region', { name: 'Session' }).getByText('(view only)').waitFor();
});
