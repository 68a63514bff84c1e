import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { ConfidentialClientApplication, ManagedIdentityApplication } from '@azure/msal-node';
import { afterEach, expect, test, vi } from 'vitest';
import { permissions } from '../../src/simulator/tenant/permissions.ts';
import type { RequiredPermission } from '../../src/simulator/tenant/required-permission.ts';
import { resources } from '../../src/simulator/tenant/resources.ts';
import { FormBrowser, signIn } from './entra-browser.ts';
import { claimsOf, msalNetwork } from './entra-msal.ts';
import { clientForm, type Microsoft365, microsoft365 } from './harness.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const redirectUri = 'http://localhost:8400/consent';

/** Makes an app that lists permissions but has none. */
function registerApp(m365: Microsoft365) {
  const app = m365.tenant.register('Scanner');
  app.publicRedirectUris = ['http://localhost/consent'];
  app.secrets.push({ id: randomUUID(), value: 'scanner-secret', expiresAt: Date.now() + 60_000 });
  const listed: readonly [RequiredPermission['type'], string][] = [
    ['Role', 'IMAP.AccessAsApp'],
    ['Role', 'Mail.Send'],
    ['Scope', 'Mail.ReadWrite'],
  ];
  app.requiredPermissions = listed.map(([type, value]) => {
    const permission = permissions.find((one) => one.type === type && one.value === value)!;
    const resource = resources.find(({ key }) => key === permission.resource)!;
    return { resourceAppId: resource.appId, id: permission.id, type };
  });
  return app;
}

function consentUrl(m365: Microsoft365, path: string, query: Record<string, string>) {
  return `${m365.endpoints.authority}/${m365.tenantId}/${path}?${new URLSearchParams({ redirect_uri: redirectUri, ...query })}`;
}

test('an administrator consents to all that the registration lists', async () => {
  const m365 = await microsoft365();
  const app = registerApp(m365);
  const browser = new FormBrowser(m365);
  const scope = 'https://graph.microsoft.com/.default';
  await browser.open(consentUrl(m365, 'v2.0/adminconsent', { client_id: app.clientId, scope, state: 'x' }));
  const page = await signIn(m365, browser, m365.adminUser);
  expect(page.title).toBe('Permissions requested: Review for your organization');
  expect(page.text('permissions')).toBe(
    'IMAP.AccessAsApp (without a signed-in user) Send mail as any user (without a signed-in user) Read and write access to your mail',
  );
  const redirect = await browser.submitAndLeave({ decision: 'accept' });
  expect(redirect.origin + redirect.pathname).toBe(redirectUri);
  expect(Object.fromEntries(redirect.searchParams)).toEqual({
    admin_consent: 'True',
    tenant: m365.tenantId,
    scope:
      'https://outlook.office365.com/IMAP.AccessAsApp https://graph.microsoft.com/Mail.Send https://graph.microsoft.com/Mail.ReadWrite',
    state: 'x',
  });
  expect(app.roles).toEqual({ graph: ['Mail.Send'], exchange: ['IMAP.AccessAsApp'] });
  expect(app.delegatedGrants).toEqual([{ id: expect.any(String), resource: 'graph', scopes: ['Mail.ReadWrite'] }]);
  const token = await m365.tokenRequest({
    ...clientForm(m365),
    client_id: app.clientId,
    client_secret: 'scanner-secret',
  });
  expect(claimsOf(((await token.json()) as { access_token: string }).access_token).roles).toEqual(['Mail.Send']);
});

test('the older endpoint takes no scope and tells none', async () => {
  const m365 = await microsoft365();
  const app = registerApp(m365);
  const browser = new FormBrowser(m365);
  await browser.open(consentUrl(m365, 'adminconsent', { client_id: app.clientId, state: 'x' }));
  await signIn(m365, browser, m365.adminUser);
  const redirect = await browser.submitAndLeave({ decision: 'accept' });
  expect(Object.fromEntries(redirect.searchParams)).toEqual({
    admin_consent: 'True',
    tenant: m365.tenantId,
    state: 'x',
  });
  expect(app.roles.exchange).toEqual(['IMAP.AccessAsApp']);
});

test('an administrator who cancels grants nothing', async () => {
  const m365 = await microsoft365();
  const app = registerApp(m365);
  const browser = new FormBrowser(m365);
  await browser.open(consentUrl(m365, 'adminconsent', { client_id: app.clientId, state: 'x' }));
  await signIn(m365, browser, m365.adminUser);
  const { searchParams } = await browser.submitAndLeave({ decision: 'cancel' });
  expect(Object.fromEntries(searchParams)).toMatchObject({
    error: 'access_denied',
    error_subcode: 'cancel',
    error_description: expect.stringContaining('AADSTS65004: User declined to consent to access the app.'),
    state: 'x',
  });
  expect(app.roles).toEqual({ graph: [], exchange: [] });
});

test('somebody who administers nothing cannot consent for the tenant', async () => {
  const m365 = await microsoft365();
  const app = registerApp(m365);
  const browser = new FormBrowser(m365);
  await browser.open(consentUrl(m365, 'adminconsent', { client_id: app.clientId }));
  const page = await signIn(m365, browser, 'alice@contoso.example');
  expect(page.title).toBe('Need admin approval');
  expect(page.text('details')).toContain('AADSTS90094');
});

test('an admin consent request that cannot be answered is told on a page', async () => {
  const m365 = await microsoft365();
  const app = registerApp(m365);
  const browser = new FormBrowser(m365);
  const errorAt = async (query: Record<string, string>) =>
    (await browser.open(consentUrl(m365, 'v2.0/adminconsent', { client_id: app.clientId, ...query }))).text('error');
  expect(await errorAt({ scope: '.default', redirect_uri: 'https://evil.example/' })).toContain('AADSTS50011');
  expect(await errorAt({})).toContain('AADSTS900144');
  expect(await errorAt({ scope: '.default', client_id: randomUUID() })).toContain('AADSTS700016');
});

test('.default of a user asks for what the registration lists, and only that', async () => {
  const m365 = await microsoft365();
  const app = registerApp(m365);
  const url = `${m365.endpoints.authority}/${m365.tenantId}/oauth2/v2.0/authorize`;
  const query = { client_id: app.clientId, response_type: 'code', redirect_uri: redirectUri, scope: '.default' };
  const browser = new FormBrowser(m365);
  await browser.open(`${url}?${new URLSearchParams(query)}`);
  const page = await signIn(m365, browser, 'alice@contoso.example');
  expect(page.text('permissions')).toBe('Read and write access to your mail');
});

test('an app stays unknown for as long as the directory takes to replicate', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { replicationMs: 60_000 });
  const app = registerApp(m365);
  const form = { ...clientForm(m365), client_id: app.clientId, client_secret: 'scanner-secret' };
  expect(await (await m365.tokenRequest(form)).json()).toMatchObject({ error_codes: [700016] });
  expect((await m365.tokenRequest(clientForm(m365))).status).toBe(200);
  await m365.control('PATCH', '/state', { replicationMs: 0 });
  expect((await m365.tokenRequest(form)).status).toBe(200);
});

const issuer = 'https://token.actions.example';
const subject = 'repo:contoso/bridge:ref:refs/heads/main';
const audience = 'api://AzureADTokenExchange';

function federated(m365: Microsoft365) {
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicKeyPem = keys.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  m365.tenant.app.federatedCredentials.push({ issuer, subject, audience, publicKeyPem });
  return (changes: Record<string, unknown> = {}, key = keys.privateKey) => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer, sub: subject, aud: audience, iat: now, exp: now + 300, ...changes };
    const signed = `${encode({ alg: 'RS256', typ: 'JWT', kid: 'k' })}.${encode(claims)}`;
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`;
  };
}

test("msal-node gets a token with another issuer's assertion", async () => {
  const m365 = await microsoft365();
  const assertion = federated(m365);
  const client = new ConfidentialClientApplication({
    auth: {
      clientId: m365.clientId,
      authority: `${m365.endpoints.authority}/${m365.tenantId}`,
      knownAuthorities: [new URL(m365.endpoints.authority).host],
      clientAssertion: async () => assertion(),
    },
    system: { networkClient: msalNetwork(m365) },
  });
  const result = await client.acquireTokenByClientCredential({ scopes: ['https://graph.microsoft.com/.default'] });
  expect(claimsOf(result!.accessToken)).toMatchObject({ appid: m365.clientId, appidacr: '2' });
});

test('federated assertions are refused for what does not match', async () => {
  const m365 = await microsoft365();
  const code = async (client_assertion: string) => {
    const { client_secret: _, ...form } = clientForm(m365);
    const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    const response = await m365.tokenRequest({ ...form, client_assertion_type, client_assertion });
    return ((await response.json()) as { error_codes?: number[] }).error_codes?.[0] ?? response.status;
  };
  const assertion = federated(m365);
  expect(await code(assertion())).toBe(200);
  expect(await code(assertion({ iss: 'https://elsewhere.example' }))).toBe(700211);
  expect(await code(assertion({ sub: 'repo:contoso/bridge:pull_request' }))).toBe(700213);
  expect(await code(assertion({ aud: 'api://another' }))).toBe(700212);
  expect(await code(assertion({ exp: 1 }))).toBe(700024);
  expect(await code(assertion({}, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey))).toBe(50013);
  m365.tenant.app.federatedCredentials.splice(0);
  expect(await code(assertion())).toBe(70021);
});

test('msal-node gets tokens as a managed identity, assigned by the system or by a user', async () => {
  const m365 = await microsoft365();
  vi.stubEnv('IDENTITY_ENDPOINT', m365.managedIdentity.endpoint);
  vi.stubEnv('IDENTITY_HEADER', m365.managedIdentity.header);
  for (const managedIdentityIdParams of [undefined, { userAssignedClientId: m365.clientId }]) {
    const identity = new ManagedIdentityApplication(managedIdentityIdParams ? { managedIdentityIdParams } : {});
    const result = await identity.acquireToken({ resource: 'https://outlook.office365.com/', forceRefresh: true });
    expect(claimsOf(result.accessToken)).toMatchObject({
      appid: m365.clientId,
      roles: ['IMAP.AccessAsApp', 'POP.AccessAsApp', 'SMTP.SendAsApp'],
    });
  }
});

test('the managed identity endpoint wants its header, and knows its own identity alone', async () => {
  const m365 = await microsoft365();
  const { endpoint, header } = m365.managedIdentity;
  const ask = (query: Record<string, string>, headers: Record<string, string> = { 'X-IDENTITY-HEADER': header }) =>
    m365.get(`${endpoint}?${new URLSearchParams({ 'api-version': '2019-08-01', ...query })}`, { headers });
  const resource = 'https://graph.microsoft.com';
  const good = await ask({ resource });
  expect(await good.json()).toEqual({
    access_token: expect.any(String),
    expires_on: expect.stringMatching(/^\d{10}$/),
    resource,
    token_type: 'Bearer',
    client_id: m365.clientId,
  });
  expect((await ask({ resource }, {})).status).toBe(401);
  expect((await ask({ resource, client_id: randomUUID() })).status).toBe(400);
  expect((await ask({ resource: 'https://elsewhere.example' })).status).toBe(400);
  expect((await ask({ resource, 'api-version': '2017-09-01' })).status).toBe(400);
});
