import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { pagesWorld, withPeople } from './pages-world.ts';

/** People connect their own mailboxes, so that every part of every page is there. */
const world = pagesWorld(withPeople);

const windows = [
  { colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  { colorScheme: 'dark', viewport: { width: 1440, height: 900 } },
  { colorScheme: 'light', viewport: { width: 390, height: 844 } },
  { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
] as const;

/** What the checker finds, of whatever weight. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate('axe.run(document)')) as axe.AxeResults;
  return violations.map(
    ({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`,
  );
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

/** Of each page. */
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

test.each(windows)(
  'every page can be used by everybody, in $colorScheme at $viewport.width',
  patience,
  async (options) => {
    const ids = await refused();
    const signIn = await world().window(options);
    await signIn.goto(`${world().origin}/ui/`);
    await signIn.getByLabel('Admin token').waitFor();
    expect(await findings(signIn)).toEqual([]);

    const page = await world().open('', options);
    for (const path of paths(ids)) {
      await page.goto(`${world().origin}/ui/${path}`);
      await settled(page);
      expect(await findings(page), path).toEqual([]);
      const { width } = options.viewport;
      expect(await page.evaluate('document.documentElement.scrollWidth'), path).toBeLessThanOrEqual(width);
    }
  },
);

test.each([320, 640, 832, 1024, 1200, 1920])('no page is wider than a window of %d', patience, async (width) => {
  const ids = await refused();
  const page = await world().open('', { viewport: { width, height: 800 } });
  for (const path of paths(ids)) {
    await page.goto(`${world().origin}/ui/${path}`);
    await settled(page);
    expect(await page.evaluate('document.documentElement.scrollWidth'), path).toBeLessThanOrEqual(width);
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
