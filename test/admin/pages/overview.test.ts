import { expect, test } from 'vitest';
import { pagesWorld } from './pages-world.ts';

const world = pagesWorld();

test('the overview shows each connection and the accounts with their states', async () => {
  const page = await world().open('');
  const connections = page.getByRole('region', { name: 'Connections' });
  await connections.getByRole('link', { name: 'contoso' }).waitFor();
  await page.getByText('Ready').waitFor();
  expect(await page.getByLabel('Colours').locator('option').allTextContents()).toEqual(['System', 'Light', 'Dark']);
  await page.getByRole('region', { name: 'Accounts' }).getByRole('link', { name: '2 accounts' }).click();
  await page.getByRole('heading', { name: 'Accounts', level: 1 }).waitFor();
});

test('the overview is found by its name', async () => {
  const page = await world().open('overview');
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  await page.getByRole('link', { name: 'Overview' }).and(page.locator('[aria-current=page]')).waitFor();
});

test('throughput, latency and queue are drawn for an hour, a day and a week, and told in words', async () => {
  const page = await world().open('');
  const history = page.getByRole('region', { name: 'History' });
  for (const name of [/^Throughput, messages per minute\. Accepted: /, /^Latency, /, /^Queue, messages waiting\. /]) {
    const plot = history.getByRole('img', { name });
    await plot.locator('canvas').waitFor();
  }
  for (const range of ['Day', 'Week', 'Hour']) {
    const answer = page.waitForResponse(`**/api/v1/history?range=${range.toLowerCase()}`);
    await history.getByRole('button', { name: range }).click();
    expect((await answer).status()).toBe(200);
    await history.getByRole('button', { name: range, pressed: true }).waitFor();
  }
});

test('what happens is shown without a reload: a delivery, then trouble with its remedy, then its end', {
  timeout: 60_000,
}, async () => {
  const { faults } = world().relay.simulator;
  const page = await world().open('');
  const tile = (name: string) =>
    page.getByRole('list', { name: 'Queue and clients' }).getByRole('listitem').filter({ hasText: name });
  const before = Number(await tile('Delivered').locator('.value').textContent());
  await world().submit('An event');
  await tile('Delivered')
    .getByText(String(before + 1), { exact: true })
    .waitFor();
  await page.getByText('Accepting clients.').waitFor();
  expect(await page.getByText('sent when the trouble is over').count()).toBe(0);

  faults.outages = ['smtp'];
  await world().submit('Into an outage', { account: 'smtp' });
  const connections = page.getByRole('region', { name: 'Connections' });
  await connections.getByText('In trouble').waitFor();
  await connections.getByText('What to do:').waitFor();
  await tile('Queued').getByText('1', { exact: true }).waitFor();
  const waits = page.getByText('Mail of contoso waits and is sent when the trouble is over.');
  await waits.and(page.locator('.lead *')).waitFor();
  await page.locator('.lead .mark.warn').getByText('Mail waits').waitFor();
  await page.getByText('Accepting clients.').waitFor();

  faults.outages = [];
  // The bridge probes by itself, at the latest 27 seconds after the probe before.
  await connections.getByText('Works').waitFor({ timeout: 40_000 });
  await tile('Queued').getByText('0', { exact: true }).waitFor();
  await tile('Delivered')
    .getByText(String(before + 2), { exact: true })
    .waitFor();
  await waits.waitFor({ state: 'detached' });
});
