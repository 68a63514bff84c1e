import { expect, test } from 'vitest';
import { alice, bob, contosoAccount } from '../../support/relay.ts';
import { pagesWorld } from './pages-world.ts';

/** Nothing listens there. */
const closed = { host: '127.0.0.1', port: 1, security: 'none' } as const;

const world = pagesWorld(({ connections }) => {
  const { contoso } = connections;
  return {
    connections: { contoso: { ...contoso!, cloud: { ...(contoso!.cloud as object), smtp: closed } as never } },
    accounts: [contosoAccount('smtp')],
  };
});

test('while nobody answers, the page of a message says what happened, once what to do, and what a retry waits for', async () => {
  const id = await world().submit('Into an outage', { account: 'smtp', to: `${alice}, ${bob}` });
  const page = await world().open(`messages/${id}`);
  await page.getByText(/^Waits until .*connection contoso is paused/).waitFor();
  expect(await page.getByText('Next attempt').count()).toBe(0);
  const outcomes = page.locator('.outcome');
  await outcomes.getByText('What happened').first().waitFor();
  expect(await outcomes.count()).toBeGreaterThan(1);
  expect(await page.getByText("Microsoft's words").count()).toBe(0);
  expect(await outcomes.getByText('What to do:').count()).toBe(1);

  const paused = '1 message due now. Connection contoso is paused: mail waits until it works again.';
  await page.getByRole('button', { name: 'Retry' }).click();
  await page.getByRole('status').getByText(paused).waitFor();

  const list = await world().open('messages');
  await list.getByRole('checkbox', { name: `Choose ${id}` }).check();
  await list.getByRole('button', { name: 'Retry' }).click();
  await list.getByRole('status').getByText(paused).waitFor();
});
