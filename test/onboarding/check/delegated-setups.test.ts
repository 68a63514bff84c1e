import { expect, test } from 'vitest';
import { openConnectionStore } from '../../../src/app/connections/tokens.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import { resolveCloud } from '../../../src/config/clouds.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { HopResult } from '../../../src/onboarding/check/hops/hop.ts';
import { firstFailure, workingSetup } from './setup.ts';

const alice = 'alice@contoso.example';
const reports = 'reports@contoso.example';

/**
 * A connection that acts for alice, who reads a mailbox over IMAP or sends as it over SMTP, checked as the command
 * does.
 */
async function person(mailbox = alice, uses: object = { read: 'imap' }) {
  const setup = await workingSetup();
  const { simulator, config } = setup;
  simulator.tenant.app.delegatedGrants.push({
    id: 'consent',
    resource: 'exchange',
    scopes: ['read' in uses ? 'IMAP.AccessAsUser.All' : 'SMTP.Send'],
  });
  config.accounts = [{ username: 'alice', password: 'ganz-geheim-7', connection: 'contoso', mailbox, ...uses }];
  const { tenantId, clientId, cloud } = config.connections.contoso;
  const app = { tenantId, clientId, cloud };
  const world = {
    simulator,
    password: simulator.tenant.userPassword,
    async check(grant: 'device-code' | 'password', options: { sendTestTo?: readonly string[] } = {}) {
      const byPassword = { username: alice, password: world.password };
      config.connections.contoso = { ...app, grant, ...(grant === 'password' ? byPassword : {}) };
      return await setup.check(options);
    },
    /** Signs in by password; the stored sign-in is the same for every grant. */
    signIn: () => world.check('password'),
    /** The sign-in was last used some days ago. */
    async unusedFor(days: number) {
      const { config: loaded } = await loadConfig(setup.write(), { env: {} });
      const connection = loaded.connections.contoso!;
      if (connection.grant !== 'password') throw new Error('not a person');
      const parts = { endpoints: resolveCloud(connection.cloud), clock: systemClock, log: silentLog, env: {} };
      await (await openConnectionStore('contoso', connection, loaded, parts)).update(async (current) => ({
        signIn: { ...current!, renewedAtMs: Date.now() - days * 86_400_000 },
        result: undefined,
      }));
    },
  };
  return world;
}

const mailboxHop = (hops: readonly HopResult[]) => hops.find(({ hop }) => hop === 'mailbox');

test('a sign-in that works: who, since when, and the mailbox', async () => {
  const world = await person();
  await world.signIn();
  const hops = await world.check('device-code');
  expect(firstFailure(hops)).toBeUndefined();
  expect(hops.find(({ hop }) => hop === 'sign-in')?.detail).toMatch(/^alice@contoso\.example, signed in \d{4}-/);
  expect(hops.find(({ hop }) => hop === 'token')?.detail).toBe('alice@contoso.example: IMAP.AccessAsUser.All');
  expect(hops.flatMap(({ warning }) => warning ?? [])).toEqual([]);
});

test('nobody has signed in yet', async () => {
  const world = await person();
  expect(firstFailure(await world.check('device-code'))).toMatchObject({
    hop: 'sign-in',
    code: 'sign-in-needed',
    remedy: 'Sign in: mailbridge login contoso',
  });
  await world.signIn();
  expect(firstFailure(await world.check('device-code'))).toBeUndefined();
});

test('a sign-in that was revoked: at first the token is refused, then the sign-in is known to have ended', async () => {
  const world = await person();
  // Shorter than what counts as good enough: every use renews it.
  world.simulator.tenant.tokenLifetimeSeconds = 60;
  await world.signIn();
  world.simulator.tenant.endSignIns(world.simulator.tenant.users.get(alice)!);
  const refused = firstFailure(await world.check('device-code'));
  expect(refused).toMatchObject({ hop: 'token', code: 'sign-in-ended', aadsts: 'AADSTS50173' });
  expect(refused?.remedy).toContain('mailbridge login contoso');
  expect(firstFailure(await world.check('device-code'))).toMatchObject({
    hop: 'sign-in',
    code: 'sign-in-ended',
    aadsts: 'AADSTS50173',
    remedy: 'Sign in: mailbridge login contoso',
  });
});

test('a sign-in that is hardly used will end', async () => {
  const world = await person();
  await world.signIn();
  await world.unusedFor(70);
  const signIn = (await world.check('device-code')).find(({ hop }) => hop === 'sign-in');
  expect(signIn).toMatchObject({ status: 'ok', warning: expect.stringContaining('not been used for 70 days') });
});

test('a password that is wrong', async () => {
  const world = await person();
  world.password = 'wrong';
  expect(firstFailure(await world.check('password'))).toMatchObject({
    hop: 'token',
    aadsts: 'AADSTS50126',
    cause: expect.stringContaining('username or password'),
    remedy: expect.stringContaining('Correct username and password'),
  });
  world.password = world.simulator.tenant.userPassword;
  expect(firstFailure(await world.check('password'))).toBeUndefined();
});

test('a person whose sign-in demands a second factor, which no password gives', async () => {
  const world = await person();
  const user = world.simulator.tenant.users.get(alice)!;
  user.multiFactor = true;
  expect(firstFailure(await world.check('password'))).toMatchObject({
    hop: 'token',
    aadsts: 'AADSTS50076',
    cause: expect.stringContaining('multifactor'),
    remedy: expect.stringContaining('client-credentials'),
  });
  user.multiFactor = false;
  expect(firstFailure(await world.check('password'))).toBeUndefined();
});

test('nobody has consented', async () => {
  const world = await person();
  const { app, policies } = world.simulator.tenant;
  policies.userConsent = false;
  const [grant] = app.delegatedGrants.splice(0);
  expect(firstFailure(await world.check('password'))).toMatchObject({
    hop: 'token',
    aadsts: 'AADSTS65001',
    remedy: expect.stringContaining('"mailbridge consent contoso"'),
    spreading: true,
  });
  app.delegatedGrants.push(grant!);
  expect(firstFailure(await world.check('password'))).toBeUndefined();
});

test("somebody else's mailbox: a warning, and where it does not open, who lacks which right", async () => {
  const world = await person(reports);
  await world.signIn();
  const hops = await world.check('device-code');
  expect(hops.find(({ hop }) => hop === 'token')?.warning).toMatch(/alice@.* signed in, and not the owner of reports@/);
  expect(mailboxHop(hops)).toMatchObject({
    status: 'failed',
    cause: expect.stringContaining('(1) alice@contoso.example has no access to the mailbox'),
    remedy: expect.stringContaining(
      'Add-MailboxPermission -Identity reports@contoso.example -User alice@contoso.example',
    ),
  });
  world.simulator.tenant.exchange.fullAccess = [{ user: alice, mailbox: reports }];
  expect(mailboxHop(await world.check('device-code'))).toMatchObject({ status: 'ok' });
});

test('SMTP as a shared mailbox: the person logs in, and a test message shows that SendAs is missing', async () => {
  const world = await person(reports, { send: 'smtp' });
  const sendTestTo = [alice];
  const hops = await world.check('password', { sendTestTo });
  expect(mailboxHop(hops)).toMatchObject({
    status: 'ok',
    detail: expect.stringMatching(/^logged in as alice@contoso\.example, who needs SendAs on reports@contoso\.example/),
  });
  expect(firstFailure(hops)).toMatchObject({
    hop: 'test-message',
    remedy: expect.stringContaining(
      "Add-RecipientPermission 'reports@contoso.example' -Trustee 'alice@contoso.example' -AccessRights SendAs",
    ),
  });
  world.simulator.tenant.exchange.sendAs = [{ mailbox: alice, as: reports }];
  expect(firstFailure(await world.check('password', { sendTestTo }))).toBeUndefined();
});

test('SMTP AUTH that is off for the person who signed in', async () => {
  const world = await person(reports, { send: 'smtp' });
  world.simulator.tenant.exchange.smtpAuthDisabledFor = [alice];
  expect(firstFailure(await world.check('password'))).toMatchObject({
    hop: 'mailbox',
    code: 'smtp-auth-disabled',
    remedy: expect.stringContaining(`Set-CASMailbox ${alice} -SmtpClientAuthenticationDisabled $false`),
  });
});
