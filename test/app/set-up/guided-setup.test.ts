import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import { usualPorts } from '../../../src/onboarding/free-ports.ts';
import type { SetupView } from '../../../src/onboarding/guided-setup/view.ts';
import { ExchangeAdministration } from '../../../src/simulator/exchange-admin/exchange-administration.ts';
import { afterTest } from '../../simulator/harness.ts';
import { type GuidedWorld, guidedWorld } from './guided-world.ts';

const mailbox = 'reports@contoso.example';
const answers = { use: 'both', from: 'here', mailbox, name: 'contoso', send: 'graph', tenant: 'contoso.example' };
const administrator = 'admin@contoso.example';

const written = (world: GuidedWorld) => JSON.parse(readFileSync(world.configFile, 'utf8'));

async function register(world: GuidedWorld, given: object = {}): Promise<void> {
  await world.setup.answer({ ...answers, ...given }, world.cloud);
  await world.setup.register('device-code');
  const { registration } = await world.when('a code', ({ registration }) => registration.shown.code !== undefined);
  await world.enters(registration.shown.code?.userCode, administrator);
  await world.when('the app', ({ step }) => step === 'account');
}

async function runScript(world: GuidedWorld): Promise<void> {
  const { script } = await world.setup.view();
  const exchange = new ExchangeAdministration(world.m365.tenant, world.m365.directory);
  expect(exchange.run(script?.text ?? '').errors).toEqual([]);
  await world.setup.scriptDone();
}

test('from an empty folder to a delivered message', async () => {
  const world = await guidedWorld();
  expect(await world.setup.view()).toMatchObject({ step: 'answers', adds: false, connections: [] });
  await register(world);
  const registered = await world.setup.view();
  expect(registered.registration.shown.steps.map(({ outcome, text }) => `${outcome} ${text.split(' (')[0]}`)).toEqual([
    'created app registration "mailbridge contoso"',
    'created enterprise application',
    'added admin consent to the application permissions IMAP.AccessAsApp',
    'added certificate of this connection',
    'found the app gets a token that names IMAP.AccessAsApp',
  ]);
  expect(registered.registered).toEqual(registered.registration.shown.steps);
  const login = await world.setup.write();
  expect(login.username).toBe('reports');
  world.setup.apply();
  const started = await world.when('the bridge', ({ start }) => start.state === 'done');
  expect(started.step).toBe('exchange');
  expect(started.settings.map(({ protocol }) => protocol)).toEqual(['smtp', 'imap', 'pop3']);
  await runScript(world);
  await world.setup.check();
  const checked = await world.when('the check', ({ step }) => step === 'test');
  expect(checked.check.shown.hops.length).toBeGreaterThan(5);
  await world.setup.test('alice@contoso.example');
  const { test: sent } = await world.when('the message', ({ step }) => step === 'done');
  expect(sent.shown.detail).toMatch(/^Microsoft has accepted it, as message \w+ of the queue$/);
  expect(world.m365.transport.journal.count).toBe(1);
});

test('a set-up that is left is taken up where it was, and nothing of it is secret', async () => {
  const world = await guidedWorld();
  await register(world);
  await world.reopen();
  const reopened = await world.setup.view();
  expect(reopened).toMatchObject({ step: 'account', app: { clientId: expect.any(String) } });
  expect(reopened.registered[0]).toMatchObject({ outcome: 'created' });
  const { password } = await world.setup.write();
  await world.reopen();
  world.setup.apply();
  expect(await world.when('the bridge', ({ start }) => start.state === 'done')).toMatchObject({
    step: 'exchange',
    username: 'reports',
  });
  const kept = join(world.folder, 'data/set-up.json');
  expect(statSync(kept).mode & 0o777).toBe(0o600);
  expect(readFileSync(kept, 'utf8')).not.toContain(password);
  expect(readFileSync(kept, 'utf8')).not.toContain('PRIVATE KEY');
  const before = written(world).accounts[0].password;
  const renewed = await world.setup.renewPassword();
  expect(renewed).toMatchObject({ username: 'reports' });
  expect(written(world).accounts[0].password).not.toBe(before);
});

test('a registration that was cut short is found again, and made once', async () => {
  const world = await guidedWorld();
  await register(world);
  const { app } = await world.setup.view();
  await world.setup.startOver();
  await register(world);
  const again = await world.setup.view();
  expect(again.app).toEqual(app);
  expect(again.registered[0]).toEqual({
    outcome: 'found',
    text: `app registration "mailbridge contoso" (client id ${app?.clientId})`,
  });
  expect(
    [...world.m365.tenant.apps.values()].filter(({ displayName }) => displayName === 'mailbridge contoso'),
  ).toHaveLength(1);
});

test('a configuration that is there gets another account over the same connection', async () => {
  const world = await guidedWorld();
  await register(world);
  await world.setup.write();
  world.setup.apply();
  await world.when('the bridge', ({ start }) => start.state === 'done');
  await world.setup.startOver();
  expect(await world.setup.view()).toMatchObject({ adds: true, connections: ['contoso'] });
  const taken = await world.setup.questions({ ...answers });
  expect(taken.find(({ key }) => key === 'username')).toMatchObject({ problem: 'is already an account' });
  expect(taken.map(({ key }) => key)).not.toContain('tenant');
  await register(world, { mailbox: 'alice@contoso.example', use: 'send', username: 'alice' });
  await world.setup.write();
  world.setup.apply();
  await world.when('the bridge', ({ start }) => start.state === 'done');
  const { accounts, connections, listeners } = written(world);
  expect(accounts.map(({ username }: { username: string }) => username)).toEqual(['reports', 'alice']);
  expect(Object.keys(connections)).toEqual(['contoso']);
  expect(listeners).toHaveLength(3);
});

test('an app that nothing but its name leads to is announced by it', async () => {
  const world = await guidedWorld();
  await world.setup.answer(answers, world.cloud);
  expect((await world.setup.view()).appNamed).toBe('mailbridge contoso');
  await world.setup.answer({ ...answers, 'client-id': world.m365.clientId }, world.cloud);
  expect(await world.setup.view()).not.toHaveProperty('appNamed');
});

test('a usual port that another program has is named, with the one that was written', async () => {
  const other = createServer().listen(usualPorts.smtp, '127.0.0.1');
  // If something else already has the port, that serves as well.
  await Promise.race([once(other, 'listening'), once(other, 'error')]).catch(() => undefined);
  afterTest(async () => void other.close());
  const world = await guidedWorld();
  await world.setup.answer({ ...answers, use: 'send' }, world.cloud);
  await world.setup.useApp({ clientId: world.m365.clientId, clientSecret: world.m365.clientSecret });
  expect((await world.setup.view()).listeners).toEqual([]);
  await world.setup.write();
  const [smtp] = (await world.setup.view()).listeners;
  expect(smtp).toEqual({ protocol: 'smtp', port: written(world).listeners[0].port, usualPort: 2525 });
  expect(smtp?.port).toBeGreaterThan(2525);

  // An existing one does not belong to this set-up.
  await world.setup.startOver();
  await world.setup.answer({ ...answers, mailbox: 'alice@contoso.example' }, undefined);
  await world.setup.useApp({ clientId: world.m365.clientId, clientSecret: world.m365.clientSecret });
  await world.setup.write();
  expect((await world.setup.view()).listeners.map(({ protocol }) => protocol)).toEqual(['imap', 'pop3']);
});

/** A configuration whose connection has a secret, and no cloud: the global one. */
async function withSecret(world: GuidedWorld): Promise<void> {
  const connection = {
    tenantId: world.m365.tenantId,
    clientId: world.m365.clientId,
    grant: 'client-credentials',
    clientSecret: world.m365.clientSecret,
  };
  const account = { username: 'reports', password: 'wonderland-7', connection: 'contoso', mailbox, send: 'graph' };
  const listeners = [{ protocol: 'smtp', port: 0 }];
  writeFileSync(
    world.configFile,
    JSON.stringify({ listeners, connections: { contoso: connection }, accounts: [account] }),
    {
      mode: 0o600,
    },
  );
}

test("the secret of a connection that is there goes to no server of somebody's choice", async () => {
  const world = await guidedWorld();
  await withSecret(world);
  const given = { ...answers, username: 'alice', mailbox: 'alice@contoso.example' };
  await expect(world.setup.answer(given, world.cloud)).rejects.toMatchObject({ code: 'usage' });
  await world.setup.answer(given, 'global');
  expect(await world.setup.subjectOf(given, undefined)).toEqual({
    name: 'contoso',
    authority: 'https://login.microsoftonline.com',
  });
  // Even if an earlier set-up kept another cloud.
  await world.setup.startOver();
  const text = readFileSync(world.configFile, 'utf8');
  rmSync(world.configFile);
  await world.setup.answer({ ...given, tenant: world.m365.tenantId }, world.cloud);
  writeFileSync(world.configFile, text, { mode: 0o600 });
  expect(await openedFor(world)).toBe('https://login.microsoftonline.com');
});

/** The authority that a registration goes to. */
async function openedFor({ setup, ports }: GuidedWorld): Promise<string> {
  const opened = new Promise<string>((resolve) => {
    ports.openHttp = async ({ authority }) => {
      resolve(authority);
      throw new BridgeError('cancelled', 'Nothing is sent.');
    };
  });
  await setup.register('device-code');
  return await opened;
}

test('the app of a connection that is there is not replaced by another', async () => {
  const world = await guidedWorld();
  await withSecret(world);
  await world.setup.answer({ ...answers, username: 'alice', mailbox: 'alice@contoso.example' }, undefined);
  const other = { clientId: '11111111-2222-4333-8444-555555555555', clientSecret: 'given~by~hand~8Q~4711' };
  await expect(world.setup.useApp(other)).rejects.toMatchObject({ code: 'usage' });
  expect(existsSync(join(world.folder, 'data/contoso.secret'))).toBe(false);
  await world.setup.useApp({ ...other, clientId: world.m365.clientId });
  const text = readFileSync(world.configFile, 'utf8');
  writeFileSync(world.configFile, text.replace(world.m365.clientId, other.clientId));
  await expect(world.setup.write()).rejects.toMatchObject({ code: 'usage' });
  writeFileSync(world.configFile, text);
  await world.setup.write();
  expect(written(world).accounts).toHaveLength(2);
});

test('a registration goes through the proxy of the configuration, and trusts the CA that it names beside itself', async () => {
  const world = await guidedWorld();
  await withSecret(world);
  const config = written(world);
  writeFileSync(world.configFile, JSON.stringify({ ...config, proxy: 'ftp://proxy.contoso.example' }));
  const endpoints = world.ports.cloudOf({ caFile: 'cloud/ca.crt' }, '');
  expect(endpoints.caFile).toBe(join(world.folder, 'cloud/ca.crt'));
  await expect(world.ports.openHttp(world.ports.cloudOf(undefined, ''))).rejects.toMatchObject({
    code: 'proxy-invalid',
  });
});

/** A bridge with the mailbox of a person, who has not signed in yet. */
async function withPerson(mailbox: string): Promise<GuidedWorld> {
  const world = await guidedWorld();
  await register(world, { mailbox, 'sign-in': 'person', send: 'smtp' });
  await world.setup.write();
  world.setup.apply();
  expect(await world.when('the bridge', ({ start }) => start.state === 'done')).toMatchObject({ step: 'sign-in' });
  return world;
}

/** Signs in for the connection. */
async function signIn(world: GuidedWorld, username: string): Promise<SetupView> {
  await world.setup.signIn();
  const { signIn } = await world.when('a code', ({ signIn }) => signIn.shown.code !== undefined);
  await world.enters(signIn.shown.code?.userCode, username);
  return await world.when('the sign-in', ({ signIn }) => signIn.state === 'done');
}

test('a person signs in to the connection, after an administrator has registered the app', async () => {
  const world = await withPerson('Alice@contoso.example');
  const after = await signIn(world, 'alice@contoso.example');
  expect(after).toMatchObject({ signedInAs: 'alice@contoso.example', asksWhetherMeant: false });
  expect(after.step).not.toBe('sign-in');
});

test('who signed in is not the mailbox: nothing is offered until somebody says that this is meant', async () => {
  const world = await withPerson(mailbox);
  const doubtful = { step: 'sign-in', signedInAs: 'alice@contoso.example', asksWhetherMeant: true };
  await expect(world.setup.personMeant()).rejects.toMatchObject({ code: 'set-up-step-missing' });
  const after = await signIn(world, 'alice@contoso.example');
  expect(after).toMatchObject(doubtful);
  expect(after.script).toBeUndefined();
  await world.reopen();
  expect(await world.setup.view()).toMatchObject(doubtful);
  await world.setup.personMeant();
  const meant = await world.setup.view();
  expect(meant).toMatchObject({ step: 'exchange', asksWhetherMeant: false });
  expect(meant.script?.text).toContain("$user = 'alice@contoso.example'");

  // Another person later: answers and steps of the first no longer hold.
  await world.setup.scriptDone();
  expect(await signIn(world, 'alice@contoso.example')).toMatchObject({ step: 'check', asksWhetherMeant: false });
  expect(await signIn(world, 'admin@contoso.example')).toMatchObject({ step: 'sign-in', asksWhetherMeant: true });
  expect(await signIn(world, mailbox)).toMatchObject({ asksWhetherMeant: false, signedInAs: mailbox });
});

test('another mailbox over a connection that a person has signed in to: nobody signs in again, and the script knows who', async () => {
  const world = await withPerson('alice@contoso.example');
  const { clientId = '' } = (await world.setup.view()).app ?? {};
  await signIn(world, 'alice@contoso.example');

  await world.setup.startOver();
  await world.setup.answer({ use: 'send', from: 'here', mailbox, name: 'contoso', username: 'shared' }, undefined);
  await world.setup.useApp({ clientId });
  await world.setup.write();
  expect(await world.setup.view()).toMatchObject({ step: 'sign-in', asksWhetherMeant: true });
  await world.setup.personMeant();
  const { step, steps, script } = await world.setup.view();
  expect(step).toBe('exchange');
  expect(steps.find((each) => each.step === 'sign-in')?.state).toBe('done');
  expect(script?.text).toContain("$user = 'alice@contoso.example'");
  expect(script?.text).toContain(mailbox);
});

test('where nobody has signed in to that connection yet, its sign-in is a step', async () => {
  const world = await guidedWorld();
  await register(world, { mailbox: 'alice@contoso.example', 'sign-in': 'person', send: 'smtp' });
  const { clientId = '' } = (await world.setup.view()).app ?? {};
  await world.setup.write();
  await world.setup.startOver();
  await world.setup.answer({ use: 'send', from: 'here', mailbox, name: 'contoso', username: 'shared' }, undefined);
  await world.setup.useApp({ clientId });
  await world.setup.write();
  expect((await world.setup.view()).step).toBe('sign-in');
});

test('a connection with the grant password has no sign-in: its username is in the configuration', async () => {
  const world = await guidedWorld();
  await withSecret(world);
  const { clientSecret: _, ...app } = written(world).connections.contoso;
  const connection = { ...app, grant: 'password', username: 'alice@contoso.example', password: 'correct horse 42' };
  const config = { ...written(world), connections: { contoso: connection } };
  writeFileSync(world.configFile, JSON.stringify(config), { mode: 0o600 });
  await world.setup.answer({ ...answers, mailbox: 'info@contoso.example', username: 'info', send: 'smtp' }, undefined);
  await world.setup.useApp({ clientId: world.m365.clientId });
  await world.setup.write();
  const { step, steps, asksWhetherMeant, script } = await world.setup.view();
  expect(steps.map((each) => each.step)).not.toContain('sign-in');
  expect({ step, asksWhetherMeant }).toEqual({ step: 'exchange', asksWhetherMeant: false });
  expect(script?.text).toContain("$user = 'alice@contoso.example'");
});

test('an app registered by hand is taken with its secret, which goes into a file of its own', async () => {
  const world = await guidedWorld();
  await world.setup.answer(answers, world.cloud);
  const secret = 'given~by~hand~8Q~4711';
  await world.setup.useApp({ clientId: '11111111-2222-4333-8444-555555555555', clientSecret: secret });
  await world.setup.write();
  expect(written(world).connections.contoso).toMatchObject({ clientSecret: { file: 'data/contoso.secret' } });
  expect(readFileSync(join(world.folder, 'data/contoso.secret'), 'utf8')).toBe(`${secret}\n`);
  expect(statSync(join(world.folder, 'data/contoso.secret')).mode & 0o777).toBe(0o600);
  expect(readFileSync(world.configFile, 'utf8')).not.toContain(secret);
});

test.each([
  [{ ...answers, mailbox: 'nobody' }, undefined, 'set-up-answer-invalid'],
  [{ ...answers, name: '../x' }, undefined, 'set-up-answer-invalid'],
  [answers, { authority: 'nothing' }, 'config-invalid'],
])('answers that do not hold are refused', async (given, cloud, code) => {
  const world = await guidedWorld();
  await expect(world.setup.answer(given, cloud)).rejects.toMatchObject({ code });
  expect((await world.setup.view()).step).toBe('answers');
});

test('no step is taken before the one that it builds on, nor after it is in force', async () => {
  const world = await guidedWorld();
  await expect(world.setup.register('device-code')).rejects.toMatchObject({ code: 'set-up-step-missing' });
  await expect(world.setup.write()).rejects.toMatchObject({ code: 'set-up-step-missing' });
  await expect(world.setup.check()).rejects.toMatchObject({ code: 'set-up-step-missing' });
  await register(world);
  await world.setup.write();
  await expect(world.setup.write()).rejects.toMatchObject({ code: 'set-up-step-done' });
  await expect(world.setup.answer(answers, world.cloud)).rejects.toMatchObject({ code: 'set-up-step-done' });
});
