import { expect, test } from 'vitest';
import type { HopResult } from '../../../../src/app/connections/check.ts';
import { type Setup, workingSetup } from '../setup.ts';

const reports = 'reports@contoso.example';
const target = `${reports}, removing from Sent Items`;

/** An app that sends as reports and removes the copies. */
async function remover(send: 'graph' | 'smtp', change: object = {}): Promise<Setup> {
  const setup = await workingSetup();
  const account = { password: 'ganz-geheim-7', connection: 'contoso', mailbox: reports, send, sentItems: 'remove' };
  setup.config.accounts = [
    { ...account, username: 'one', ...change },
    { ...account, username: 'two', mailbox: reports.toUpperCase(), ...change },
  ];
  return setup;
}

async function hopOf(setup: Setup): Promise<HopResult | undefined> {
  const found = (await setup.check()).filter((hop) => hop.target.endsWith('removing from Sent Items'));
  expect(found.length).toBeLessThan(2);
  return found[0];
}

test.each(['graph', 'smtp'] as const)('copies of what goes by %s may be removed with Mail.ReadWrite', async (send) => {
  const setup = await remover(send);
  const { roles } = setup.simulator.tenant.app;
  roles.exchange = ['SMTP.SendAsApp'];
  const before = setup.simulator.directory.messages(reports, 'Sent Items').length;
  expect(await hopOf(setup)).toMatchObject({
    ...{ target, status: 'ok', detail: 'may be removed by Graph', accounts: ['one', 'two'] },
  });
  expect(setup.simulator.directory.messages(reports, 'Sent Items')).toHaveLength(before);
});

test('or by IMAP', async () => {
  const setup = await remover('smtp');
  setup.simulator.tenant.app.roles.graph = ['Mail.Send', 'Mail.Read'];
  expect(await hopOf(setup)).toMatchObject({ status: 'ok', detail: 'may be removed by IMAP' });
});

test.each([
  ['nothing but sending', ['Mail.Send']],
  ['sending and reading', ['Mail.Send', 'Mail.Read']],
])('with %s the check fails, and says what to grant', async (_what, graph) => {
  const setup = await remover('graph');
  const { roles } = setup.simulator.tenant.app;
  Object.assign(roles, { graph, exchange: ['SMTP.SendAsApp'] });
  const hop = await hopOf(setup);
  expect(hop).toMatchObject({ target, status: 'failed', code: 'sent-items-not-removable' });
  expect(hop?.remedy).toContain('The Exchange role "Application Mail.ReadWrite" gives it for these mailboxes only');
  expect(hop?.remedy).toContain('mailbridge register-app --name contoso --tenant-wide');
});

test('a role in Exchange serves, where the mailbox is in its scope', async () => {
  const setup = await remover('graph');
  const { tenant, clientId } = setup.simulator;
  tenant.app.roles.graph = [];
  tenant.app.roles.exchange = [];
  const known = tenant.exchangeApp(clientId);
  known.graphRbac = { 'Application Mail.Send': [reports], 'Application Mail.ReadWrite': ['alice@contoso.example'] };
  expect(await hopOf(setup)).toMatchObject({ status: 'failed' });
  known.graphRbac = { 'Application Mail.Send': [reports], 'Application Mail.ReadWrite': [reports] };
  expect(await hopOf(setup)).toMatchObject({ status: 'ok' });
});

test('trouble of Graph is told as such', async () => {
  const setup = await remover('smtp');
  setup.simulator.faults.add({ target: 'graph', kind: 'status', status: 503, at: 'permanentDelete' }, 100);
  expect(await hopOf(setup)).toMatchObject({ status: 'failed', code: 'graph-unavailable' });
});

test('where copies stay, or nothing is sent, nothing is tried', async () => {
  expect(await hopOf(await remover('graph', { sentItems: 'keep' }))).toBeUndefined();
  expect(await hopOf(await remover('graph', { send: undefined, read: 'imap' }))).toBeUndefined();
});

test('what a person sends by SMTP as a shared mailbox is removed from their own Sent Items', async () => {
  const setup = await remover('smtp');
  const { simulator, config } = setup;
  const { tenantId, clientId, cloud } = config.connections.contoso;
  const alice = 'alice@contoso.example';
  const grants = simulator.tenant.app.delegatedGrants;
  grants.push({ id: 'graph', resource: 'graph', scopes: ['Mail.ReadWrite', 'Mail.ReadWrite.Shared'] });
  grants.push({ id: 'exchange', resource: 'exchange', scopes: ['SMTP.Send'] });
  simulator.tenant.exchange.sendAs = [{ mailbox: alice, as: reports }];
  const { userPassword: password } = simulator.tenant;
  config.connections.contoso = { tenantId, clientId, cloud, grant: 'password', username: alice, password };
  expect(await hopOf(setup)).toMatchObject({ target, status: 'ok', detail: 'may be removed by Graph' });
});
