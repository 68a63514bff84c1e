import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createHttpClient } from '../../../src/base/http.ts';
import { silentLog } from '../../../src/base/log.ts';
import { openImapUpstream } from '../../../src/exchange/imap-upstream.ts';
import { type HopResult, runHops } from '../../../src/onboarding/check/hop.ts';
import type { CheckOperations } from '../../../src/onboarding/check/operations.ts';
import { planHops } from '../../../src/onboarding/check/plan.ts';
import type { CheckedConnection } from '../../../src/onboarding/check/subject.ts';
import { type Simulator, startSimulator } from '../../../src/simulator/simulator.ts';
import { delegatedGrant } from '../../../src/tokens/delegated-grant.ts';
import { tokenSourceOf } from '../../../src/tokens/token-source.ts';
import { MemorySignInStore } from '../../tokens/memory-sign-in-store.ts';
import { firstFailure } from './setup.ts';

const alice = 'alice@contoso.example';
const reports = 'reports@contoso.example';
const scopes = { exchange: ['https://outlook.office.com/IMAP.AccessAsUser.All'] };

/** A connection in the name of alice, who reads a mailbox by IMAP. */
async function person(mailbox = alice) {
  const simulator = await startSimulator();
  const http = createHttpClient({ ca: readFileSync(simulator.endpoints.caFile, 'utf8'), env: {} });
  onTestFinished(async () => {
    await http.close();
    await simulator.close();
  });
  simulator.tenant.app.delegatedGrants.push({
    id: 'consent',
    resource: 'exchange',
    scopes: ['IMAP.AccessAsUser.All'],
  });
  const world = {
    simulator,
    store: new MemorySignInStore(),
    password: simulator.tenant.userPassword,
    clockAheadMs: 0,
    /** Signs in by password where nothing is kept; `check` works on what is kept alone. */
    signIn: () => grantOf('password').acquire(scopes.exchange, { forceRenew: false }),
    check: (kind: 'device-code' | 'password') => hopsOf(kind, mailbox),
  };
  const clock = { ...systemClock, now: () => Date.now() + world.clockAheadMs };
  const grantOf = (kind: 'device-code' | 'password') =>
    delegatedGrant({
      ...(kind === 'password' ? { kind, username: alice, password: () => world.password } : { kind }),
      name: 'contoso',
      tenantId: simulator.tenantId,
      clientId: simulator.clientId,
      authority: simulator.endpoints.authority,
      http,
      clock,
      store: world.store,
      scopes,
    });
  const hopsOf = async (kind: 'device-code' | 'password', box: string) => {
    const source = tokenSourceOf({
      name: 'contoso',
      grant: grantOf(kind),
      scopes: { graph: [], ...scopes },
      clock,
      log: silentLog,
    });
    const getToken = async () => (await source.getToken('exchange')).value;
    const hops: HopResult[] = [];
    const plan = planHops(connectionOf(simulator, kind, box), operations(simulator, getToken, world), {
      proxyFor: () => undefined,
      sendTestTo: [],
      tested: new Set(),
    });
    for await (const hop of runHops('contoso', plan)) hops.push(hop);
    return hops;
  };
  return world;
}

function connectionOf(simulator: Simulator, grant: string, mailbox: string): CheckedConnection {
  return {
    ...simulator.endpoints,
    name: 'contoso',
    actsAs: 'person',
    grant,
    tenantId: simulator.tenantId,
    clientId: simulator.clientId,
    graphScope: 'https://graph.microsoft.com/.default',
    exchangeScope: 'https://outlook.office365.com/.default',
    accounts: [{ username: 'alice', mailbox, read: 'imap' }],
  };
}

/** The network is taken for sound: what is looked at is the person. */
function operations(
  simulator: Simulator,
  getToken: () => Promise<string>,
  world: { readonly store: MemorySignInStore; clockAheadMs: number },
): CheckOperations {
  const unused = () => Promise.reject(new Error('not needed here'));
  const ca = readFileSync(simulator.endpoints.caFile, 'utf8');
  return {
    now: () => Date.now() + world.clockAheadMs,
    open: async () => {},
    reach: async () => '',
    secure: async () => '',
    discover: async () => ({ status: 200, body: '{"token_endpoint":"https://x"}', date: undefined }),
    credential: async () => undefined,
    signIn: () => world.store.read(),
    getToken,
    openMailbox: (_, mailbox) =>
      openImapUpstream({ ...simulator.endpoints.imap, ca, mailbox, getToken, connectTimeoutMs: 10_000 }),
    openSubmission: unused,
    graph: unused,
    sendTest: unused,
  };
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
  await world.signIn();
  world.simulator.tenant.endSignIns(world.simulator.tenant.users.get(alice)!);
  world.clockAheadMs = 2 * 3_600_000;
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
  world.clockAheadMs = 70 * 86_400_000;
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
