import { expect, test } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import type { UsePermission } from '../../../src/couriers/descriptor.ts';
import { certificateHop } from '../../../src/onboarding/check/hops/credential.ts';
import { type Finding, type Hop, type HopResult, runHops } from '../../../src/onboarding/check/hops/hop.ts';
import { grantRemedy } from '../../../src/onboarding/check/permissions.ts';
import { proxyFor } from '../../../src/onboarding/check/probes/proxy.ts';
import { type CheckedConnection, usesOf } from '../../../src/onboarding/check/subject.ts';
import { readClaims } from '../../../src/onboarding/check/token-claims.ts';
import { brief, firstFailure, workingSetup } from './setup.ts';

const server = { host: 'outlook.office365.com', port: 993, security: 'tls' } as const;
const contoso: CheckedConnection = {
  name: 'contoso',
  actsAs: 'app',
  grant: 'client-credentials',
  authority: 'https://login.microsoftonline.com',
  graph: 'https://graph.microsoft.com',
  imap: server,
  pop3: server,
  smtp: server,
  graphScope: 'https://graph.microsoft.com/.default',
  exchangeScope: 'https://outlook.office365.com/.default',
  accounts: [],
};

const hop = (key: string, needs: readonly string[], run: Hop['run'] = async () => ({})): Hop => ({
  key,
  name: 'reach',
  target: key,
  accounts: [],
  needs,
  run,
});

async function ran(hops: readonly Hop[]): Promise<HopResult[]> {
  const results: HopResult[] = [];
  for await (const result of runHops('contoso', hops)) results.push(result);
  return results;
}

test('a hop is not tried when one that it needs failed, however far back, and the first cause is named', async () => {
  const fail = async (): Promise<Finding> => {
    throw new BridgeError('upstream-timeout', 'No answer.');
  };
  const results = await ran([hop('a', [], fail), hop('b', ['a']), hop('c', ['b']), hop('d', [])]);
  expect(results.map(brief)).toEqual(['✗ reach a', '– reach b', '– reach c', '✓ reach d']);
  expect(results[2]?.detail).toBe('not tried: reach a failed');
});

test('whoever looks on is told of each hop before it is tried, and not of those left out', async () => {
  const told: string[] = [];
  const says = (key: string, end: () => Promise<Finding>) => async () => {
    told.push(`${key} is tried`);
    return await end();
  };
  const fails = () => Promise.reject(new BridgeError('upstream-timeout', 'No answer.'));
  const hops = [
    hop('a', [], says('a', fails)),
    hop('b', ['a']),
    hop(
      'c',
      [],
      says('c', async () => ({})),
    ),
  ];
  const results = runHops('contoso', hops, ({ target }) => told.push(`${target} begins`));
  for await (const { target, status } of results) told.push(`${target} ${status}`);
  expect(told).toEqual(['a begins', 'a is tried', 'a failed', 'b skipped', 'c begins', 'c is tried', 'c ok']);
});

test('a hop that does not apply stops nothing', async () => {
  const results = await ran([hop('a', [], async () => ({ notApplicable: 'no need' })), hop('b', ['a'])]);
  expect(results.map(brief)).toEqual(['– reach a', '✓ reach b']);
});

test('a failure nobody foresaw is told as well', async () => {
  const [result] = await ran([hop('a', [], () => Promise.reject(new Error('strange')))]);
  expect(result).toMatchObject({ status: 'failed', cause: 'strange' });
});

test('accounts that share a mailbox and a way are tried once', () => {
  const accounts = [
    { username: 'a', mailbox: 'Reports@contoso.com', send: ['graph'] as const },
    { username: 'b', mailbox: 'reports@contoso.com', send: ['graph'] as const, read: 'imap' as const },
  ];
  expect(usesOf(accounts)).toEqual([
    { kind: 'send', by: 'graph', mailbox: 'Reports@contoso.com', accounts: ['a', 'b'] },
    { kind: 'read', by: 'imap', mailbox: 'reports@contoso.com', accounts: ['b'] },
  ]);
});

test('claims are read of app tokens, of version 2 tokens, and of nothing that is no JWT', () => {
  const token = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;
  expect(readClaims(token({ aud: 'x', roles: ['Mail.Send', 7], appid: 'a', tid: 't', exp: 5 }))).toEqual({
    aud: 'x',
    roles: ['Mail.Send'],
    scopes: [],
    appid: 'a',
    tid: 't',
    exp: 5,
  });
  expect(readClaims(token({ aud: 'x', scp: 'A B', azp: 'a', preferred_username: 'jo@x.y' }))).toMatchObject({
    scopes: ['A', 'B'],
    appid: 'a',
    upn: 'jo@x.y',
  });
  for (const opaque of ['', 'EwBgA8l6BAAU', 'a.b.c', 'e30.bnVsbA.x']) expect(readClaims(opaque)).toBeUndefined();
});

test.each<[string, string, boolean]>([
  ['', 'https://graph.microsoft.com', true],
  ['*', 'https://graph.microsoft.com', false],
  ['graph.microsoft.com', 'https://graph.microsoft.com', false],
  ['microsoft.com', 'https://graph.microsoft.com', true],
  ['.microsoft.com', 'https://graph.microsoft.com', false],
  ['*.microsoft.com', 'https://graph.microsoft.com', false],
  ['localhost, 127.0.0.1', 'https://127.0.0.1:8443', false],
  ['127.0.0.1:443', 'https://127.0.0.1:8443', true],
  ['graph.microsoft.com:443', 'https://graph.microsoft.com', false],
])('NO_PROXY %j: %s goes through the proxy: %j', (noProxy, origin, through) => {
  const settings = { httpProxy: '', httpsProxy: 'http://proxy:3128', noProxy };
  expect(proxyFor(origin, settings)).toBe(through ? 'http://proxy:3128' : undefined);
});

test.each([
  [31.5, undefined],
  [
    29.5,
    /^The client certificate ends in 29 days\. Run mailbridge register-app --name contoso --rotate\. Or by hand: Make a new/,
  ],
  [1.5, /ends in 1 day\./],
  [0.5, /ends today or tomorrow\./],
])('a certificate with %d days left', async (days, warning) => {
  const now = Date.UTC(2026, 0, 5);
  const credential = { kind: 'certificate' as const, expiresAtMs: now + days * 86_400_000 };
  const found = await certificateHop(contoso, { now: () => now, credential: async () => credential }, []).run();
  if (warning === undefined) expect(found).not.toHaveProperty('warning');
  else expect(found).toMatchObject({ warning: expect.stringMatching(warning) });
});

test('the end of a client secret is read where the app may, and otherwise passed over', async () => {
  const setup = await workingSetup();
  const { app } = setup.simulator.tenant;
  const secretHop = (hops: readonly HopResult[]) => hops.find(({ target }) => target === 'end of the client secret');
  expect(secretHop(await setup.check())).toMatchObject({ status: 'skipped' });

  app.roles.graph = [...app.roles.graph, 'Application.Read.All'];
  app.secrets[0]!.expiresAt = Date.now() + 10.5 * 86_400_000;
  const hops = await setup.check();
  expect(secretHop(hops)).toMatchObject({
    status: 'ok',
    warning: expect.stringMatching(
      /The client secret ends in 10 days\. Run mailbridge register-app --name contoso --rotate\. Or by hand: Make a new secret/,
    ),
  });
  expect(firstFailure(hops)).toBeUndefined();
});

test('a connection that no account uses is tried as far as that goes', async () => {
  const setup = await workingSetup();
  setup.config.accounts = setup.config.accounts.slice(0, 1);
  const { contoso } = setup.config.connections;
  Object.assign(setup.config.connections, { spare: contoso });
  const spare = (await setup.check()).filter(({ connection }) => connection === 'spare');
  expect(spare[0]?.warning).toContain('No account uses this connection');
  expect(spare.map(({ hop: name }) => name)).toEqual([
    'configuration',
    'credential',
    'reach',
    'tls',
    'discovery',
    'clock',
  ]);
});

test('how to grant a permission: the command first, where there is an app that it could register', () => {
  const graph = { resource: 'graph', anyOf: ['Mail.Send'], rbacRole: 'Application Mail.Send' } as const;
  const smtp = { resource: 'exchange', anyOf: ['SMTP.SendAsApp'], rbacRole: 'Application SMTP.SendAsApp' } as const;
  const command = (connection: Partial<CheckedConnection>, needed: UsePermission) =>
    /^Run (mailbridge .*?): it adds .* Or by hand: Add /.exec(grantRemedy({ ...contoso, ...connection }, needed))?.[1];
  const person = { actsAs: 'person', grant: 'device-code' } as const;
  expect(command({}, graph)).toBe('mailbridge register-app --name contoso --tenant-wide');
  expect(command({}, smtp)).toBe('mailbridge register-app --name contoso --classic');
  expect(command(person, graph)).toBe('mailbridge register-app --name contoso, then mailbridge login contoso');
  expect(command({ grant: 'managed-identity' }, graph)).toBeUndefined();
  expect(command({ ...person, tenantId: 'consumers' }, graph)).toBeUndefined();
});
