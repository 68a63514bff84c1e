import { expect, test } from 'vitest';
import { signInAtDevicePage } from '../../simulator/entra-browser.ts';
import { alice, loginWorld, signInAtLink } from './login-world.ts';

const maria = 'maria@outlook.example';

/** A configuration for maria's personal account, and an app registration that supports such accounts. */
async function personalWorld(accounts: readonly Record<string, unknown>[] = [{}]) {
  const world = await loginWorld(accounts.map((account) => ({ mailbox: maria, ...account })));
  const { tenant, directory } = world.m365;
  tenant.addUser(maria, true);
  directory.add(maria);
  tenant.app.personalAccounts = 'too';
  world.connection.tenantId = 'consumers';
  return world;
}

const everyUse = [{ read: 'imap' }, { read: 'pop3' }, { send: 'smtp' }, { send: 'graph' }];

test('a personal account signs in by device code, and reads and sends whichever way', {
  timeout: 120_000,
}, async () => {
  const world = await personalWorld(everyUse);
  const login = world.start(['login', '--no-check']);
  // A code for Exchange, and one for Graph, which asks for a separate consent.
  for (const nth of [0, 1]) await signInAtDevicePage(world.m365, await login.userCode(nth), maria);
  expect(await login.ended).toMatchObject({ code: 0 });
  const { code, out } = await world.start(['check', '--send-test', alice, '--json']).ended;
  expect({ code, out }).toMatchObject({ code: 0 });
  expect(out).toContain('not a readable token');
  const subjects = world.m365.directory.messages(alice, 'INBOX').map(({ content }) => content.toString());
  expect(subjects).toHaveLength(2);
  expect(subjects.every((content) => content.includes(`<${maria}>`))).toBe(true);
  expect(
    world.m365.transport.journal
      .entries()
      .map(({ via }) => via)
      .sort(),
  ).toEqual(['graph', 'smtp']);
});

test('a personal account signs in in a browser', async () => {
  const world = await personalWorld();
  Object.assign(world.connection, { grant: 'authorization-code' });
  const running = world.start(['login', '--browser', '--no-check']);
  await fetch(await signInAtLink(world, await running.link(), maria));
  expect(await running.ended).toMatchObject({ code: 0, out: expect.stringContaining(`Signed in as ${maria}`) });
});

test('a work account where a personal one is asked for, and the other way round', async () => {
  const world = await personalWorld();
  const atConsumers = world.start(['login']);
  await signInAtDevicePage(world.m365, await atConsumers.userCode(), alice);
  expect(await atConsumers.ended).toMatchObject({ code: 1, err: expect.stringContaining('AADSTS50034') });
  world.connection.tenantId = world.m365.tenantId;
  const atTenant = world.start(['login']);
  await signInAtDevicePage(world.m365, await atTenant.userCode(), maria);
  const { err } = await atTenant.ended;
  expect(err).toContain('AADSTS500200');
  expect(err).toContain('set tenantId to "consumers"');
});

test('an app registration that serves no personal accounts is told so', async () => {
  const world = await personalWorld();
  world.m365.tenant.app.personalAccounts = 'none';
  const { code, err } = await world.start(['login']).ended;
  expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('AADSTS9002332') });
  expect(err).toContain('Supported account types');
});

test.each([
  ['consent', 'mailbridge login contoso'],
  ['exchange-script', 'Forwarding and IMAP'],
  ['register-app', 'mailbridge help onboarding personal'],
])('%s has nothing to do for a personal account, and says what takes its place', async (command, instead) => {
  const world = await personalWorld();
  const { code, err } = await world.start([command]).ended;
  expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('which have no administrator') });
  expect(err).toContain(instead);
});

test.each([
  ['nils@outlook.example', 'nils@outlook.example'],
  [maria, 'nils@outlook.example'],
])('check of %s for the mailbox %s names no PowerShell, which a personal account has not', async (person, mailbox) => {
  const world = await personalWorld([{ mailbox, read: 'imap', send: 'smtp' }]);
  world.m365.tenant.addUser('nils@outlook.example', true);
  const login = world.start(['login', '--no-check']);
  await signInAtDevicePage(world.m365, await login.userCode(), person);
  expect(await login.ended).toMatchObject({ code: 0 });
  const { code, out } = await world.start(['check']).ended;
  expect({ code, out }).toMatchObject({ code: 1 });
  expect(out).toContain('Settings > Mail > Forwarding and IMAP');
  expect(out).toContain('has to be the address of the personal account that signed in');
  expect(out).not.toMatch(/\b(Get|Set|Add|New|Test)-[A-Z]/);
});
