import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { graphCommandLineToolsId } from '../../src/simulator/tenant/tenant.ts';
import { makeClientCertificate } from './client-certificate.ts';
import { type Microsoft365, microsoft365 } from './harness.ts';

const admin = 'admin@contoso.example';
const alice = 'alice@contoso.example';
const graphAppId = '00000003-0000-0000-c000-000000000000';
const exchangeAppId = '00000002-0000-0ff1-ce00-000000000000';
const everything =
  'User.Read Application.ReadWrite.All AppRoleAssignment.ReadWrite.All DelegatedPermissionGrant.ReadWrite.All';

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what the answers hold is what the tests are about
  readonly body: any;
}

/** Graph with one token: `directory('GET', '/applications')`. */
async function directory(m365: Microsoft365, options: { upn?: string; scp?: string; token?: string } = {}) {
  const { upn = admin, scp = everything } = options;
  const aud = 'https://graph.microsoft.com';
  const oid = m365.tenant.users.get(upn)?.objectId ?? 'x';
  const token =
    options.token ??
    (await m365.signer.issue({ aud, appid: graphCommandLineToolsId, idtyp: 'user', oid, upn, scp }, 600));
  return async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await m365.get(`${m365.endpoints.graph}/v1.0${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, ...(body ? { 'Content-Type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  };
}

const refusal = ({ status, body }: Answer) => [status, body.error.code];

test('an app is registered, granted its permissions and given a secret, and its tokens carry the roles', async () => {
  const m365 = await microsoft365();
  const graph = await directory(m365);
  const created = await graph('POST', '/applications', {
    displayName: 'Scanner bridge',
    signInAudience: 'AzureADMyOrg',
    isFallbackPublicClient: true,
    publicClient: { redirectUris: ['http://localhost'] },
  });
  expect(created.status).toBe(201);
  expect(created.body).toMatchObject({
    '@odata.context': expect.stringMatching(/\$metadata#applications\/\$entity$/),
    displayName: 'Scanner bridge',
    publicClient: { redirectUris: ['http://localhost'] },
    passwordCredentials: [],
  });
  const { id, appId } = created.body;

  const principal = await graph('POST', '/servicePrincipals', { appId });
  expect(principal.status).toBe(201);
  expect(principal.body.id).not.toBe(id);

  const resource = await graph(
    'GET',
    `/servicePrincipals(appId='${exchangeAppId}')?$select=id,appRoles,oauth2PermissionScopes`,
  );
  expect(Object.keys(resource.body)).toEqual(['@odata.context', 'id', 'appRoles', 'oauth2PermissionScopes']);
  const role = resource.body.appRoles.find(({ value }: { value: string }) => value === 'IMAP.AccessAsApp');
  expect(role).toMatchObject({ id: '5e5addcd-3e8d-4e90-baf5-964efab2b20a', allowedMemberTypes: ['Application'] });

  const required = [{ resourceAppId: exchangeAppId, resourceAccess: [{ id: role.id, type: 'Role' }] }];
  expect(await graph('PATCH', `/applications/${id}`, { requiredResourceAccess: required })).toEqual({ status: 204 });
  expect((await graph('GET', `/applications/${id}`)).body.requiredResourceAccess).toEqual(required);

  const assignment = { principalId: principal.body.id, resourceId: resource.body.id, appRoleId: role.id };
  const assigned = await graph('POST', `/servicePrincipals/${resource.body.id}/appRoleAssignedTo`, assignment);
  expect(assigned).toMatchObject({
    status: 201,
    body: { ...assignment, principalDisplayName: 'Scanner bridge', resourceDisplayName: 'Office 365 Exchange Online' },
  });

  const secret = await graph('POST', `/applications/${id}/addPassword`, {
    passwordCredential: { displayName: 'first', endDateTime: '2027-01-01T00:00:00Z' },
  });
  expect(secret.status).toBe(200);
  const { secretText, keyId } = secret.body;
  expect(secretText).toHaveLength(40);
  const token = await m365.tokenRequest({
    grant_type: 'client_credentials',
    client_id: appId,
    client_secret: secretText,
    scope: 'https://outlook.office365.com/.default',
  });
  const { access_token } = (await token.json()) as { access_token: string };
  expect(await m365.signer.verify(access_token)).toMatchObject({ appid: appId, roles: ['IMAP.AccessAsApp'] });

  // Shown once: afterwards only its beginning and its end date.
  const shown = (await graph('GET', `/applications?$filter=appId eq '${appId}'`)).body.value[0];
  expect(shown.passwordCredentials).toEqual([
    {
      customKeyIdentifier: null,
      displayName: 'first',
      endDateTime: '2027-01-01T00:00:00.000Z',
      hint: secretText.slice(0, 3),
      keyId,
      secretText: null,
      startDateTime: expect.any(String),
    },
  ]);
  expect((await graph('POST', `/applications/${id}/removePassword`, { keyId })).status).toBe(204);
  expect(refusal(await graph('POST', `/applications/${id}/removePassword`, { keyId }))).toEqual([
    400,
    'Request_BadRequest',
  ]);
  expect((await graph('GET', `/applications/${id}?$select=passwordCredentials`)).body.passwordCredentials).toEqual([]);

  expect((await graph('DELETE', `/applications/${id}`)).status).toBe(204);
  expect(refusal(await graph('GET', `/servicePrincipals/${principal.body.id}`))).toEqual([
    404,
    'Request_ResourceNotFound',
  ]);
});

test('a list of certificates replaces the one before; what is there already may come without its content', async () => {
  const m365 = await microsoft365();
  const graph = await directory(m365);
  const path = `/applications/${m365.tenant.app.objectId}`;
  const [first, second] = await Promise.all([makeClientCertificate(), makeClientCertificate()]);
  const der = (pem: string) => new X509Certificate(pem).raw.toString('base64');
  const entry = (key: string) => ({ type: 'AsymmetricX509Cert', usage: 'Verify', key, displayName: 'mailbridge' });
  expect((await graph('PATCH', path, { keyCredentials: [entry(der(first.cert))] })).status).toBe(204);
  const [known] = (await graph('GET', `${path}?$select=keyCredentials`)).body.keyCredentials;
  expect(known).toEqual({
    customKeyIdentifier: new X509Certificate(first.cert).fingerprint.replaceAll(':', ''),
    displayName: 'mailbridge',
    endDateTime: new Date(new X509Certificate(first.cert).validTo).toISOString(),
    key: null,
    keyId: expect.any(String),
    startDateTime: expect.any(String),
    type: 'AsymmetricX509Cert',
    usage: 'Verify',
  });
  expect((await graph('PATCH', path, { keyCredentials: [known, entry(der(second.cert))] })).status).toBe(204);
  expect(m365.tenant.app.certificates.map(({ certificate }) => certificate.raw.toString('base64'))).toEqual([
    der(first.cert),
    der(second.cert),
  ]);
  const refused = async (...keyCredentials: object[]) =>
    (await graph('PATCH', path, { keyCredentials })).body.error.message;
  expect(await refused({ ...known, key: der(second.cert) })).toBe(
    `Update to existing credential with KeyId '${known.keyId}' is not allowed.`,
  );
  expect(await refused({ ...known, keyId: crypto.randomUUID() })).toMatch(/must have the property 'key'/);
  expect(await refused(entry(Buffer.from(first.cert).toString('base64')))).toMatch(/^Invalid value .*keyCredentials/);
  expect(await refused({ ...entry(der(first.cert)), endDateTime: '2999-01-01T00:00:00Z' })).toBe(
    'Key credential end date is invalid.',
  );
  expect(m365.tenant.app.certificates).toHaveLength(2);
  await graph('PATCH', path, { keyCredentials: [] });
  expect(m365.tenant.app.certificates).toEqual([]);
});

test('lists are filtered, and Microsoft’s own apps are registered elsewhere', async () => {
  const m365 = await microsoft365();
  const graph = await directory(m365);
  await graph('POST', '/applications', { displayName: "Bob's" });
  const names = async (path: string) =>
    (await graph('GET', path)).body.value.map(({ displayName }: { displayName: string }) => displayName);
  expect(await names('/applications')).toEqual(['Mail bridge', "Bob's"]);
  expect(await names(`/applications?$filter=${encodeURIComponent("displayName eq 'Bob''s'")}`)).toEqual(["Bob's"]);
  expect(await names(`/applications?$filter=appId eq '${m365.clientId}' and displayName eq 'other'`)).toEqual([]);
  expect(await names(`/servicePrincipals?$filter=appId eq '${graphAppId}'`)).toEqual(['Microsoft Graph']);
  expect(await names(`/servicePrincipals?$filter=appId eq '${graphCommandLineToolsId}'`)).toHaveLength(1);
  for (const query of ["$filter=startswith(displayName,'M')", "$filter=appId eq 'x", '$orderby=displayName']) {
    expect(refusal(await graph('GET', `/applications?${query}`))).toEqual([400, 'Request_UnsupportedQuery']);
  }
  expect(refusal(await graph('GET', '/applications?$select=colour'))).toEqual([400, 'BadRequest']);
});

test('what is there already is refused: a service principal, an assignment, a grant', async () => {
  const m365 = await microsoft365();
  const graph = await directory(m365);
  const { app, resourcePrincipalIds } = m365.tenant;
  const again = await graph('POST', '/servicePrincipals', { appId: app.clientId });
  expect(refusal(again)).toEqual([409, 'Request_MultipleObjectsWithSameKeyValue']);
  const path = `/servicePrincipals/${app.servicePrincipalId}`;
  const [first] = (await graph('GET', `${path}/appRoleAssignments`)).body.value;
  const { principalId, resourceId, appRoleId } = first;
  const twice = await graph('POST', `/servicePrincipals/${resourceId}/appRoleAssignedTo`, {
    principalId,
    resourceId,
    appRoleId,
  });
  expect(refusal(twice)).toEqual([400, 'Request_BadRequest']);
  expect(twice.body.error.message).toMatch(/^Permission being assigned already exists on the object/);
  const grant = {
    clientId: principalId,
    consentType: 'AllPrincipals',
    resourceId: resourcePrincipalIds.graph,
    scope: 'x',
  };
  expect((await graph('POST', '/oauth2PermissionGrants', grant)).status).toBe(201);
  expect(refusal(await graph('POST', '/oauth2PermissionGrants', grant))).toEqual([
    409,
    'Request_MultipleObjectsWithSameKeyValue',
  ]);
});

test('an assignment is seen from both ends, and taken back', async () => {
  const m365 = await microsoft365();
  const graph = await directory(m365);
  const { app, resourcePrincipalIds } = m365.tenant;
  const granted = `/servicePrincipals/${resourcePrincipalIds.exchange}/appRoleAssignedTo`;
  const held = (await graph('GET', `/servicePrincipals/${app.servicePrincipalId}/appRoleAssignments`)).body.value;
  expect(held).toHaveLength(5);
  const seen = (await graph('GET', granted)).body.value;
  expect(seen).toEqual(
    held.filter(({ resourceId }: { resourceId: string }) => resourceId === resourcePrincipalIds.exchange),
  );
  expect((await graph('DELETE', `${granted}/${seen[0].id}`)).status).toBe(204);
  expect(app.roles.exchange).toEqual(['POP.AccessAsApp', 'SMTP.SendAsApp']);
  expect(refusal(await graph('DELETE', `${granted}/${seen[0].id}`))).toEqual([404, 'Request_ResourceNotFound']);
  const unknownRole = {
    principalId: app.servicePrincipalId,
    resourceId: resourcePrincipalIds.graph,
    appRoleId: seen[0].appRoleId,
  };
  expect(
    refusal(await graph('POST', `/servicePrincipals/${unknownRole.resourceId}/appRoleAssignedTo`, unknownRole)),
  ).toEqual([400, 'Request_BadRequest']);
});

test('delegated permissions are granted for everybody or for one person, widened and withdrawn', async () => {
  const m365 = await microsoft365();
  const graph = await directory(m365);
  const { app, resourcePrincipalIds, users } = m365.tenant;
  const body = { clientId: app.servicePrincipalId, resourceId: resourcePrincipalIds.exchange };
  const forAll = await graph('POST', '/oauth2PermissionGrants', {
    ...body,
    consentType: 'AllPrincipals',
    scope: 'IMAP.AccessAsUser.All SMTP.Send',
  });
  const principalId = users.get(alice)?.objectId;
  await graph('POST', '/oauth2PermissionGrants', {
    ...body,
    consentType: 'Principal',
    principalId,
    scope: 'SMTP.Send',
  });
  expect(app.delegatedGrants).toMatchObject([
    { resource: 'exchange', scopes: ['IMAP.AccessAsUser.All', 'SMTP.Send'] },
    { resource: 'exchange', scopes: ['SMTP.Send'], principalId },
  ]);
  const path = `/oauth2PermissionGrants/${forAll.body.id}`;
  expect((await graph('PATCH', path, { scope: 'SMTP.Send POP.AccessAsUser.All' })).status).toBe(204);
  const listed = await graph('GET', `/oauth2PermissionGrants?$filter=clientId eq '${app.servicePrincipalId}'`);
  expect(listed.body.value).toMatchObject([
    { consentType: 'AllPrincipals', principalId: null, scope: 'SMTP.Send POP.AccessAsUser.All' },
    { consentType: 'Principal', principalId, scope: 'SMTP.Send' },
  ]);
  expect(
    (await graph('GET', `/servicePrincipals/${app.servicePrincipalId}/oauth2PermissionGrants`)).body.value,
  ).toEqual(listed.body.value);
  expect((await graph('DELETE', path)).status).toBe(204);
  expect(refusal(await graph('GET', path))).toEqual([404, 'Request_ResourceNotFound']);
});

test('it takes the scope and an administrator; an app sees others with Application.Read.All alone', async () => {
  const m365 = await microsoft365();
  const own = `/applications/${m365.tenant.app.objectId}`;
  const denied = [403, 'Authorization_RequestDenied'];
  const readsOnly = await directory(m365, { scp: 'Application.Read.All' });
  expect((await readsOnly('GET', own)).status).toBe(200);
  expect(refusal(await readsOnly('PATCH', own, { displayName: 'x' }))).toEqual(denied);
  expect(refusal(await (await directory(m365, { scp: 'User.Read' }))('GET', own))).toEqual(denied);
  const notAdmin = await directory(m365, { upn: alice });
  expect((await notAdmin('GET', own)).status).toBe(200);
  expect(refusal(await notAdmin('POST', '/applications', { displayName: 'x' }))).toEqual(denied);

  expect(refusal(await (await directory(m365, { token: await m365.token('graph') }))('GET', own))).toEqual(denied);
  await m365.control('PATCH', '/state', { graphRoles: ['Application.Read.All'] });
  const app = await directory(m365, { token: await m365.token('graph') });
  expect((await app('GET', `/applications(appId='${m365.clientId}')?$select=passwordCredentials`)).body).toMatchObject({
    passwordCredentials: [{ endDateTime: expect.any(String), secretText: null }],
  });
  expect(refusal(await app('POST', `${own}/addPassword`, { passwordCredential: {} }))).toEqual(denied);
});

test('an app that may manage its own registration changes no other', async () => {
  const m365 = await microsoft365();
  const other = m365.tenant.register('Other');
  await m365.control('PATCH', '/state', { graphRoles: ['Application.ReadWrite.OwnedBy'] });
  const app = await directory(m365, { token: await m365.token('graph') });
  const added = await app('POST', `/applications/${m365.tenant.app.objectId}/addPassword`, {
    passwordCredential: null,
  });
  expect(added.status).toBe(200);
  expect(refusal(await app('POST', `/applications/${other.objectId}/addPassword`, {}))).toEqual([
    403,
    'Authorization_RequestDenied',
  ]);
});

test('who asks: the organization and the people in it', async () => {
  const m365 = await microsoft365();
  const graph = await directory(m365);
  expect((await graph('GET', '/organization')).body.value).toMatchObject([
    { id: m365.tenantId, displayName: 'Contoso', verifiedDomains: [{ name: 'contoso.example', isDefault: true }] },
  ]);
  expect((await graph('GET', '/me')).body).toMatchObject({ userPrincipalName: admin, mail: null });
  expect(refusal(await graph('GET', `/users/${alice}`))).toEqual([403, 'Authorization_RequestDenied']);
  const alices = await directory(m365, { upn: alice });
  expect((await alices('GET', `/users/${alice}`)).body).toMatchObject({ mail: alice, displayName: 'alice' });
  const reader = await directory(m365, { scp: 'User.Read.All' });
  expect(refusal(await reader('GET', '/users/nobody@contoso.example'))).toEqual([404, 'Request_ResourceNotFound']);
});

test('what was just made stays unseen until it has spread', async () => {
  const m365 = await microsoft365();
  const graph = await directory(m365);
  m365.tenant.replicationMs = 3_600_000;
  const { id, appId } = (await graph('POST', '/applications', { displayName: 'New' })).body;
  const unseen = [404, 'Request_ResourceNotFound'];
  expect(refusal(await graph('GET', `/applications/${id}`))).toEqual(unseen);
  expect(refusal(await graph('PATCH', `/applications/${id}`, { displayName: 'x' }))).toEqual(unseen);
  expect((await graph('GET', `/applications?$filter=appId eq '${appId}'`)).body.value).toEqual([]);
  const early = await graph('POST', '/servicePrincipals', { appId });
  expect(refusal(early)).toEqual([400, 'Request_BadRequest']);
  expect(early.body.error.message).toMatch(/does not reference a valid application object/);

  m365.tenant.replicationMs = 0;
  const principalId = (await graph('POST', '/servicePrincipals', { appId })).body.id;
  m365.tenant.replicationMs = 3_600_000;
  const resourceId = m365.tenant.resourcePrincipalIds.graph;
  const appRoleId = 'b633e1c5-b582-4048-a93e-9f11b44c7e96';
  const assign = () =>
    graph('POST', `/servicePrincipals/${resourceId}/appRoleAssignedTo`, { principalId, resourceId, appRoleId });
  expect(refusal(await assign())).toEqual(unseen);
  m365.tenant.replicationMs = 0;
  expect((await assign()).status).toBe(201);
});

test('bodies that are no JSON, lack something or say something unknown are refused with the property', async () => {
  const m365 = await microsoft365();
  const graph = await directory(m365);
  const message = async (body: unknown) => (await graph('POST', '/applications', body)).body.error.message;
  expect(await message({})).toBe("A value is required for property 'displayName' of resource 'Application'.");
  expect(await message({ displayName: 'x', colour: 'red' })).toBe("Invalid property 'colour'.");
  expect(await message({ displayName: 'x', web: { redirectUris: ['no url'] } })).toBe(
    "Invalid value specified for property 'web' of resource 'Application'.",
  );
  expect(await message(undefined)).toMatch(/^Unable to read JSON request payload/);
  expect(m365.tenant.apps.size).toBe(2);
});

test('the directory fails as it is told to', async () => {
  const m365 = await microsoft365();
  const graph = await directory(m365);
  await m365.control('POST', '/faults', { target: 'graph', kind: 'status', status: 429, retryAfterSeconds: 7 });
  expect((await graph('POST', '/applications', { displayName: 'x' })).status).toBe(429);
  expect((await graph('POST', '/applications', { displayName: 'x' })).status).toBe(201);
});

test('RBAC for Applications: a role of Exchange opens the mailboxes in its scope to a token without roles', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { graphRoles: [] });
  const messages = async (mailbox: string) => {
    const app = await directory(m365, { token: await m365.token('graph') });
    return (await app('GET', `/users/${mailbox}/mailFolders/inbox/messages`)).status;
  };
  expect(await messages(alice)).toBe(403);
  const app = m365.tenant.exchangeApp(m365.clientId);
  app.graphRbac = { 'Application Mail.Read': [alice], 'Application Mail.Send': 'all' };
  expect([await messages(alice), await messages('bob@contoso.example')]).toEqual([200, 403]);
  // Grants add up: a grant in Entra ID reaches every mailbox that no access policy excludes.
  await m365.control('PATCH', '/state', { graphRoles: ['Mail.ReadWrite'] });
  expect(await messages('bob@contoso.example')).toBe(200);
  await m365.control('PATCH', '/state', { graphMailboxes: [] });
  expect([await messages(alice), await messages('bob@contoso.example')]).toEqual([200, 403]);
  await m365.control('PATCH', '/state', { servicePrincipalRegistered: false });
  expect(await messages(alice)).toBe(403);
});
