import { expect, test } from 'vitest';
import type { HopResult } from '../../../src/onboarding/check/hops/hop.ts';
import { firstFailure, type Setup, workingSetup } from './setup.ts';

const reports = 'reports@contoso.example';
const alice = 'alice@contoso.example';
const bob = 'bob@contoso.example';
const alias = 'reports-old@contoso.example';

async function setupWith(send: 'graph' | 'smtp', senders: unknown[]): Promise<Setup> {
  const setup = await workingSetup();
  const account = { username: 'scanner', password: 'ganz-geheim-7', connection: 'contoso', mailbox: reports };
  setup.config.accounts = [{ ...account, send, senders }];
  return setup;
}

const all = [reports, alice, { address: bob, as: 'on-behalf' }, { address: alias, as: 'alias' }, '*@x.example'];
const seen = (hops: readonly HopResult[]) =>
  hops.filter(({ hop }) => hop === 'sender').map(({ target, status, detail }) => [target, status, detail]);
const only = (text: string) => expect.stringContaining(text);

test.each(['graph', 'smtp'] as const)('by %s: what only a message shows is said to be so', async (send) => {
  const hops = await (await setupWith(send, all)).check();
  expect(firstFailure(hops)).toBeUndefined();
  const unseen = send === 'graph' ? 'Graph needs User.Read.All' : 'without Graph';
  expect(seen(hops)).toEqual([
    [`${alice}, to send as`, 'skipped', only('only a message shows: --send-test ADDRESS')],
    [`${bob}, to send on behalf of`, 'skipped', only('only a message shows')],
    [`${alias}, an alias`, 'skipped', only(unseen)],
  ]);
  expect(seen(hops)[2]?.[2]).toContain(`Get-Mailbox '${reports}' | Format-List EmailAddresses`);
});

test('with User.Read.All an alias is looked for among the addresses of the mailbox', async () => {
  const setup = await setupWith('graph', [{ address: alias.toUpperCase(), as: 'alias' }]);
  const { tenant } = setup.simulator;
  tenant.app.roles.graph = [...tenant.app.roles.graph, 'User.Read.All'];
  const failed = firstFailure(await setup.check());
  expect(failed).toMatchObject({ hop: 'sender', code: 'sender-no-alias', cause: only('is not one of the addresses') });
  expect(failed?.remedy).toContain(`Set-Mailbox '${reports}' -EmailAddresses @{Add='${alias.toUpperCase()}'}`);
  tenant.exchange.aliases = [{ mailbox: reports, address: alias }];
  const hops = await setup.check();
  expect(firstFailure(hops)).toBeUndefined();
  expect(seen(hops)).toEqual([[only('an alias'), 'ok', only(`an address of ${reports}`)]]);
});

test.each(['graph', 'smtp'] as const)(
  'by %s a test message goes out as each address, and shows its right',
  async (send) => {
    const setup = await setupWith(send, all);
    const { exchange } = setup.simulator.tenant;
    const tests = async () =>
      (await setup.check({ sendTestTo: [alice] }))
        .filter(({ hop }) => hop === 'test-message')
        .map(({ target, status }) => `${status} ${target}`);
    expect(await tests()).toEqual([
      `ok scanner to ${alice}`,
      `failed scanner as ${alice} to ${alice}`,
      `failed scanner as ${bob} to ${alice}`,
      `failed scanner as ${alias} to ${alice}`,
    ]);
    exchange.sendAs = [{ mailbox: reports, as: alice }];
    exchange.sendOnBehalf = [{ mailbox: reports, as: bob }];
    exchange.aliases = [{ mailbox: reports, address: alias }];
    exchange.sendFromAliasEnabled = true;
    expect((await tests()).map((each) => each.split(' ')[0])).toEqual(['ok', 'ok', 'ok', 'ok']);
    const received = setup.simulator.directory.messages(alice, 'INBOX').map(({ content }) => content.toString());
    const onBehalf = received.find((content) => content.includes(`From: <${bob}>`));
    expect(onBehalf).toMatch(new RegExp(`^Sender: <${reports}>\\r$`, 'm'));
    expect(received.filter((content) => /^Sender:/m.test(content))).toHaveLength(1);
  },
);
