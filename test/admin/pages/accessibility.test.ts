import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { FormBrowser, signInAtDevicePage } from '../../simulator/entra-browser.ts';
import { afterTest } from '../../simulator/harness.ts';
import { noteSecret } from '../../support/secret-search/record.ts';
import { whenSetUp } from '../../support/set-up-by-api.ts';
import { type SetUpWorld, setUpWorld } from '../../support/set-up-world.ts';
import { pagesWorld, withPeople } from './pages-world.ts';

/** People connect their own mailboxes, so every part of every page is present. */
const world = pagesWorld(withPeople);

const windows = [
  { colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  { colorScheme: 'dark', viewport: { width: 1440, height: 900 } },
  { colorScheme: 'light', viewport: { width: 390, height: 844 } },
  { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
] as const;

/** What the checker finds, of any severity. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate('axe.run(document)')) as axe.AxeResults;
  return violations.map(
    ({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`,
  );
}

/** That, and whether it is wider than its window. */
async function assertUsable(page: Page, what: string): Promise<void> {
  expect(await findings(page), what).toEqual([]);
  const { width = 0 } = page.viewportSize() ?? {};
  expect(await page.evaluate('document.documentElement.scrollWidth'), what).toBeLessThanOrEqual(width);
}

async function settled(page: Page): Promise<void> {
  await page.getByText('Loading …').first().waitFor({ state: 'detached' });
  await page.getByText('Live', { exact: true }).waitFor();
}

/** A message that Microsoft refuses, and its bounce. */
async function refused(): Promise<readonly [id: string, bounce: string]> {
  const refusal = { status: 550, code: '5.6.11', text: 'Invalid characters' };
  world().relay.simulator.faults.add({ target: 'smtp', kind: 'reply', at: 'data', ...refusal }, 1);
  const id = await world().submit('Read by a screen reader', { account: 'smtp' });
  const page = await world().open(`messages/${id}`);
  const address = await page.getByRole('link', { name: /: delivered$/ }).getAttribute('href');
  return [id, address?.split('/').at(-1) ?? ''];
}

/** Of every page. */
const paths = (ids: readonly string[]) =>
  [
    '',
    'messages',
    ...ids.map((id) => `messages/${id}`),
    'connections',
    'accounts',
    'accounts/graph',
    'log',
    'set-up',
  ] as const;

const patience = { timeout: 120_000 };

const colorSchemes = ['light', 'dark'] as const;

test.each([1440, 390])('every page can be used by everybody, in light and dark at %d', patience, async (width) => {
  const options = { viewport: { width, height: 900 } };
  const ids = await refused();
  const signIn = await world().window(options);
  await signIn.goto(`${world().origin}/ui/`);
  await signIn.getByLabel('Admin token').waitFor();

  const page = await world().open('', options);
  for (const colorScheme of colorSchemes) {
    await signIn.emulateMedia({ colorScheme });
    expect(await findings(signIn), colorScheme).toEqual([]);
  }
  for (const path of paths(ids)) {
    await page.goto(`${world().origin}/ui/${path}`);
    await settled(page);
    for (const colorScheme of colorSchemes) {
      await page.emulateMedia({ colorScheme });
      await assertUsable(page, `${path} in ${colorScheme}`);
    }
  }
});

test('no page is wider than its window', patience, async () => {
  const ids = await refused();
  const page = await world().open('');
  for (const path of paths(ids)) {
    await page.goto(`${world().origin}/ui/${path}`);
    await settled(page);
    for (const width of [1920, 1200, 1024, 832, 640, 320]) {
      await page.setViewportSize({ width, height: 800 });
      const widest = async () => await page.evaluate('document.documentElement.scrollWidth');
      await expect.poll(widest, { message: `${path} at ${width}` }).toBeLessThanOrEqual(width);
    }
  }
});

test.each(windows)('dialogs and the menu too, in $colorScheme at $viewport.width', async (options) => {
  const page = await world().open('connections', options);
  for (const name of ['Consent link …', 'Exchange script …', 'Sign in a mailbox …']) {
    await page.getByRole('button', { name }).first().click();
    await page.getByRole('dialog').waitFor();
    expect(await findings(page), name).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  }
  if (options.viewport.width < 500) {
    await page.getByRole('button', { name: 'Menu' }).click();
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Log' }).waitFor();
    expect(await findings(page)).toEqual([]);
  }
});

test.each(windows)(
  'the check of a connection: its form, one under way and one that failed, in $colorScheme at $viewport.width',
  patience,
  async (options) => {
    const { faults } = world().relay.simulator;
    const page = await world().open('connections/people', options);
    await page.getByLabel('Mailbox to try').fill('eve@fabrikam.com');
    await assertUsable(page, 'form');
    await page.getByRole('button', { name: 'Check the mailbox' }).click();
    await page.getByRole('dialog').getByText('No account reaches the mailbox').waitFor();
    await assertUsable(page, 'refused');
    await page.keyboard.press('Escape');

    await page.goto(`${world().origin}/ui/connections/contoso`);
    await settled(page);
    faults.outages = ['graph'];
    faults.add({ target: 'imap', kind: 'delay', delayMs: 3_000 });
    await page.getByRole('button', { name: 'Check', exact: true }).click();
    await page.locator('.hops li.running').waitFor();
    await assertUsable(page, 'under way');
    await page.getByRole('status').filter({ hasText: 'failed' }).waitFor();
    faults.outages = [];
    await page.locator('.hops li.failed').getByText('What to do:').first().waitFor();
    await assertUsable(page, 'failed');
  },
);

test.each(windows)(
  'invitations of long addresses, in $colorScheme at $viewport.width',
  patience,
  async ({ colorScheme, viewport }) => {
    const page = await world().open('accounts', { colorScheme, viewport });
    const section = page.getByRole('region', { name: 'Invitations' });
    const address = `somebody.of.the.purchasing.department-${colorScheme}-${viewport.width}@contoso.com`;
    await section.getByLabel('Address').fill(address);
    await section.getByRole('button', { name: 'Invite' }).click();
    const dialog = page.getByRole('dialog', { name: 'The invitation' });
    const [, secret = ''] = /invitation=[^.]+\.([\w-]{32})/.exec((await dialog.textContent()) ?? '') ?? [];
    noteSecret('user password', secret);
    await assertUsable(page, 'link');
    await dialog.getByRole('button', { name: 'Done' }).click();
    await section.getByText(address).waitFor();
    await assertUsable(page, 'list');
  },
);

const person = 'alice@contoso.example';

/** A set-up at the step in which the person signs in. */
async function atPersonStep(): Promise<SetUpWorld> {
  const setUp = await setUpWorld();
  const { api, m365, cloud } = setUp;
  const answers = { use: 'both', from: 'here', mailbox: person, name: 'contoso', 'sign-in': 'person', send: 'smtp' };
  await api('POST', '/set-up/answers', { answers, cloud });
  await api('POST', '/set-up/registration', {});
  const { registration } = await whenSetUp(api, 'a code', (view) => view.registration.shown.code !== undefined);
  const { userCode = '' } = registration.shown.code ?? {};
  await signInAtDevicePage(m365, userCode, 'admin@contoso.example', new FormBrowser(m365));
  await whenSetUp(api, 'the app', ({ step }) => step === 'account');
  const { body } = await api('POST', '/set-up/account');
  noteSecret('user password', (body as { password: string }).password);
  await whenSetUp(api, 'the bridge', ({ start }) => start.state === 'done');
  return setUp;
}

test('the step of the set-up at which a person signs in, in every window', patience, async () => {
  const { url, token, api } = await atPersonStep();
  const pages: Page[] = [];
  for (const options of windows) {
    const page = await world().window(options);
    afterTest(() => page.context().close());
    await page.goto(`${url}ui/set-up#token=${token}`);
    await page.getByRole('button', { name: 'Sign in with a code' }).waitFor();
    await assertUsable(page, 'before the sign-in');
    pages.push(page);
  }
  await api('POST', '/set-up/sign-in');
  await whenSetUp(api, 'a code', ({ signIn }) => signIn.shown.code !== undefined);
  for (const page of pages) {
    await page.reload();
    await page.locator('.big-code').waitFor();
    await assertUsable(page, 'with a code');
  }
  await api('DELETE', '/set-up/task');
});
