import { expect, test } from 'vitest';
import { brief, firstFailure, type Setup, workingSetup } from './setup.ts';

const alice = 'alice@contoso.example';
const reports = 'reports@contoso.example';
const lost =
  'large messages, which go up as drafts, go by SMTP if that is open and otherwise come back (message-not-sendable-by-graph), and Sent Items cannot be looked at before a message is sent again.';

/** An app that only sends as reports through Graph. */
async function sender(): Promise<Setup> {
  const setup = await workingSetup();
  setup.config.accounts = setup.config.accounts.filter(({ send }) => send === 'graph');
  return setup;
}

/** Alice, who signs in with her password and sends through Graph. */
async function person(mailbox: string, scopes: readonly string[]): Promise<Setup> {
  const setup = await sender();
  const { simulator, config } = setup;
  const { tenantId, clientId, cloud } = config.connections.contoso;
  simulator.tenant.app.delegatedGrants.push({ id: 'consent', resource: 'graph', scopes: [...scopes] });
  simulator.tenant.exchange.sendAs = [{ mailbox: alice, as: reports }];
  const { userPassword: password } = simulator.tenant;
  config.connections.contoso = { tenantId, clientId, cloud, grant: 'password', username: alice, password, scopes };
  config.accounts = [{ username: 'alice', password: 'ganz-geheim-7', connection: 'contoso', mailbox, send: 'graph' }];
  return setup;
}

/** What the check warns of when it tries the mailbox; nothing fails. */
async function warningOf(setup: Setup): Promise<string | undefined> {
  const hops = await setup.check();
  expect(firstFailure(hops)).toBeUndefined();
  const mailbox = hops.find(({ hop }) => hop === 'mailbox')!;
  expect(brief(mailbox)).toMatch(/^✓ mailbox \S+ by Graph, sending$/);
  return mailbox.warning;
}

test('Mail.Send and Mail.ReadWrite in the token: nothing to warn of', async () => {
  expect(await warningOf(await sender())).toBeUndefined();
});

test('Mail.Send alone in the token: what is lost, and both ways to mend it', async () => {
  const setup = await sender();
  setup.simulator.tenant.app.roles.graph = ['Mail.Send'];
  const warning = await warningOf(setup);
  expect(warning).toContain(`Mail.ReadWrite is missing for ${reports}: ${lost}`);
  expect(warning).toContain('The Exchange role "Application Mail.ReadWrite" gives it for these mailboxes only');
  expect(warning).toContain('mailbridge exchange-script contoso');
  expect(warning).toContain('Add the application permission Mail.ReadWrite (Microsoft Graph)');
  setup.simulator.tenant.app.roles.graph = ['Mail.Send', 'Mail.ReadWrite'];
  expect(await warningOf(setup)).toBeUndefined();
});

test('roles in Exchange, of which no token says anything', async () => {
  const setup = await sender();
  const { tenant, clientId } = setup.simulator;
  tenant.app.roles.graph = [];
  const known = tenant.exchangeApp(clientId);
  known.graphRbac = { 'Application Mail.Send': [reports] };
  expect(await warningOf(setup)).toContain(lost);
  known.graphRbac = { 'Application Mail.Send': [reports], 'Application Mail.ReadWrite': [alice] };
  expect(await warningOf(setup)).toContain(lost);
  known.graphRbac = { 'Application Mail.Send': [reports], 'Application Mail.ReadWrite': [alice, reports] };
  expect(await warningOf(setup)).toBeUndefined();
});

test('where Graph has trouble with the drafts nothing is said of permissions', async () => {
  const setup = await sender();
  setup.simulator.faults.add({ target: 'graph', kind: 'status', status: 503, at: 'listMessages' }, 100);
  expect(await warningOf(setup)).toBeUndefined();
});

test('a person who consented to sending alone, even to reading: the scope to add', async () => {
  for (const scopes of [['Mail.Send'], ['Mail.Send', 'Mail.Read']]) {
    const warning = await warningOf(await person(alice, scopes));
    expect(warning).toContain(`Mail.ReadWrite is missing for ${alice}: ${lost}`);
    expect(warning).toContain('Add the delegated permission Mail.ReadWrite (Microsoft Graph)');
    expect(warning).toContain('mailbridge login contoso If scopes of the connection is set, name it there too.');
  }
  expect(await warningOf(await person(alice, ['Mail.Send', 'Mail.ReadWrite']))).toBeUndefined();
});

test('a person who may send as another mailbox and not open it: the right to add', async () => {
  const scopes = ['Mail.Send', 'Mail.Send.Shared', 'Mail.ReadWrite', 'Mail.ReadWrite.Shared'];
  const setup = await person(reports, scopes);
  expect(await warningOf(setup)).toContain(
    `${lost} Add-MailboxPermission -Identity ${reports} -User ${alice} -AccessRights FullAccess`,
  );
  setup.simulator.tenant.exchange.fullAccess = [{ user: alice, mailbox: reports }];
  expect(await warningOf(setup)).toBeUndefined();
});
