import { constants, createPublicKey, randomUUID, sign, verify } from 'node:crypto';
import { ConfidentialClientApplication, type Configuration, ServerError } from '@azure/msal-node';
import { expect, test } from 'vitest';
import { makeClientCertificate } from './client-certificate.ts';
import { claimsOf, msalNetwork } from './entra-msal.ts';
import { clientForm, type Microsoft365, microsoft365 } from './harness.ts';

const graphScope = 'https://graph.microsoft.com/.default';
const exchangeScope = 'https://outlook.office365.com/.default';

/** MSAL over the test's fetch. */
function msal(m365: Microsoft365, credential: Partial<Configuration['auth']>, tenant = m365.tenantId) {
  return new ConfidentialClientApplication({
    auth: {
      clientId: m365.clientId,
      authority: `${m365.endpoints.authority}/${tenant}`,
      knownAuthorities: [new URL(m365.endpoints.authority).host],
      ...credential,
    },
    system: { networkClient: msalNetwork(m365) },
  });
}

test('msal-node gets a Graph token with the secret, and its claims are those of an app-only token', async () => {
  const m365 = await microsoft365();
  const result = await msal(m365, { clientSecret: m365.clientSecret }).acquireTokenByClientCredential({
    scopes: [graphScope],
  });
  expect(result?.tokenType).toBe('Bearer');
  expect(claimsOf(result!.accessToken)).toMatchObject({
    aud: 'https://graph.microsoft.com',
    iss: `https://sts.windows.net/${m365.tenantId}/`,
    appid: m365.clientId,
    appidacr: '1',
    idtyp: 'app',
    tid: m365.tenantId,
    roles: ['Mail.Send', 'Mail.ReadWrite'],
    ver: '1.0',
  });
  const { exp } = claimsOf(result!.accessToken) as { exp: number };
  expect(exp * 1000 - Date.now()).toBeGreaterThan(3_500_000);
});

test('msal-node gets an Exchange token with a certificate, by tenant id or by domain', async () => {
  const certificate = await makeClientCertificate();
  const m365 = await microsoft365({ clientCertificatePem: certificate.cert });
  expect(m365.certificate).toEqual({ thumbprintSha256: certificate.thumbprintSha256 });
  const clientCertificate = { thumbprintSha256: certificate.thumbprintSha256, privateKey: certificate.key };
  for (const tenant of [m365.tenantId, 'contoso.example']) {
    const result = await msal(m365, { clientCertificate }, tenant).acquireTokenByClientCredential({
      scopes: [exchangeScope],
    });
    expect(claimsOf(result!.accessToken)).toMatchObject({
      aud: 'https://outlook.office365.com',
      appidacr: '2',
      roles: ['IMAP.AccessAsApp', 'POP.AccessAsApp', 'SMTP.SendAsApp'],
    });
  }
});

test('a token verifies with the key of the JWKS document', async () => {
  const m365 = await microsoft365();
  const discovery = await m365.get(
    `${m365.endpoints.authority}/${m365.tenantId}/v2.0/.well-known/openid-configuration`,
  );
  const { jwks_uri, issuer, token_endpoint } = (await discovery.json()) as Record<string, string>;
  expect(issuer).toBe(`${m365.endpoints.authority}/${m365.tenantId}/v2.0`);
  expect(token_endpoint).toBe(`${m365.endpoints.authority}/${m365.tenantId}/oauth2/v2.0/token`);
  const { keys } = (await (await m365.get(jwks_uri!)).json()) as { keys: { kid: string }[] };
  const [header, payload, signature] = (await m365.token('graph')).split('.');
  const { kid } = JSON.parse(Buffer.from(header!, 'base64url').toString());
  const jwk = keys.find((key) => key.kid === kid);
  const key = createPublicKey({ key: jwk as never, format: 'jwk' });
  expect(verify('RSA-SHA256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature!, 'base64url'))).toBe(
    true,
  );
});

test('instance discovery names this host alone', async () => {
  const m365 = await microsoft365();
  const response = await m365.get(`${m365.endpoints.authority}/common/discovery/instance?api-version=1.1`);
  const { host } = new URL(m365.endpoints.authority);
  expect(await response.json()).toMatchObject({ metadata: [{ aliases: [host], preferred_network: host }] });
});

test('the secret may come by HTTP Basic', async () => {
  const m365 = await microsoft365({ clientSecret: 'se:cret~ +%' });
  const basic = Buffer.from(`${m365.clientId}:${encodeURIComponent(m365.clientSecret)}`).toString('base64');
  const form = { grant_type: 'client_credentials', scope: graphScope };
  const response = await m365.tokenRequest(form, { headers: { Authorization: `Basic ${basic}` } });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ token_type: 'Bearer', expires_in: 3599 });
});

test("an error has Entra's form, and msal-node reads code and status from it", async () => {
  const m365 = await microsoft365();
  const correlation = randomUUID();
  const response = await m365.get(
    `${m365.endpoints.authority}/${m365.tenantId}/oauth2/v2.0/token?client-request-id=${correlation}`,
    { method: 'POST', body: new URLSearchParams({ ...clientForm(m365), client_secret: 'wrong' }) },
  );
  expect(response.status).toBe(401);
  const body = (await response.json()) as Record<string, unknown>;
  expect(Object.keys(body).sort()).toEqual(
    ['correlation_id', 'error', 'error_codes', 'error_description', 'error_uri', 'timestamp', 'trace_id'].sort(),
  );
  expect(body).toMatchObject({ error: 'invalid_client', error_codes: [7000215], correlation_id: correlation });
  expect(body.error_description).toMatch(
    /^AADSTS7000215: Invalid client secret provided\. .* Trace ID: [\da-f-]{36} Correlation ID: [\da-f-]{36} Timestamp: \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/,
  );

  const refused = msal(m365, { clientSecret: 'wrong' }).acquireTokenByClientCredential({ scopes: [graphScope] });
  const error = await refused.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ServerError);
  expect(error).toMatchObject({ errorCode: 'invalid_client', errorNo: 7000215, status: 401 });
});

const refusals: readonly [string, number, string, (m365: Microsoft365) => ReturnType<Microsoft365['tokenRequest']>][] =
  [
    [
      'the secret id in place of its value',
      7000215,
      'invalid_client',
      (m) => m.tokenRequest({ ...clientForm(m), client_secret: m.tenant.app.secrets[0]!.id }),
    ],
    [
      'an expired secret',
      7000222,
      'invalid_client',
      async (m) => {
        await m.control('PATCH', '/state', { secretExpired: true });
        return m.tokenRequest(clientForm(m));
      },
    ],
    ['no credential', 7000216, 'invalid_client', (m) => m.tokenRequest({ ...clientForm(m), client_secret: '' })],
    [
      'an unknown client id',
      700016,
      'unauthorized_client',
      (m) => m.tokenRequest({ ...clientForm(m), client_id: randomUUID() }),
    ],
    [
      'no client id',
      900144,
      'invalid_request',
      (m) => m.tokenRequest({ grant_type: 'client_credentials', scope: graphScope }),
    ],
    [
      'a disabled application',
      7000112,
      'unauthorized_client',
      async (m) => {
        await m.control('PATCH', '/state', { appDisabled: true });
        return m.tokenRequest(clientForm(m));
      },
    ],
    ['an unknown tenant id', 90002, 'invalid_request', (m) => m.tokenRequest(clientForm(m), { tenant: randomUUID() })],
    [
      'an unknown domain',
      90002,
      'invalid_request',
      (m) => m.tokenRequest(clientForm(m), { tenant: 'fabrikam.example' }),
    ],
    [
      'a tenant that is no name',
      900023,
      'invalid_request',
      (m) => m.tokenRequest(clientForm(m), { tenant: 'con_toso' }),
    ],
    [
      '/common with a single-tenant application',
      50194,
      'invalid_request',
      (m) => m.tokenRequest(clientForm(m), { tenant: 'common' }),
    ],
    [
      '/common with a multi-tenant application',
      9001023,
      'invalid_request',
      async (m) => {
        await m.control('PATCH', '/state', { multiTenant: true });
        return m.tokenRequest(clientForm(m), { tenant: 'common' });
      },
    ],
    [
      '/organizations with a multi-tenant application',
      50059,
      'invalid_request',
      async (m) => {
        await m.control('PATCH', '/state', { multiTenant: true });
        return m.tokenRequest(clientForm(m), { tenant: 'organizations' });
      },
    ],
    [
      'a scope without .default',
      1002012,
      'invalid_scope',
      (m) => m.tokenRequest({ ...clientForm(m), scope: 'https://outlook.office365.com/IMAP.AccessAsApp' }),
    ],
    [
      'two resources',
      70011,
      'invalid_scope',
      (m) => m.tokenRequest({ ...clientForm(m), scope: `${graphScope} ${exchangeScope}` }),
    ],
    [
      'an unknown resource',
      500011,
      'invalid_resource',
      (m) => m.tokenRequest({ ...clientForm(m), scope: 'https://outlook.office356.com/.default' }),
    ],
    [
      'an unknown grant',
      70003,
      'unsupported_grant_type',
      (m) => m.tokenRequest({ ...clientForm(m), grant_type: 'magic' }),
    ],
    ['no grant', 900144, 'invalid_request', (m) => m.tokenRequest({})],
  ];

test.each(refusals)('%s is refused with AADSTS%i %s', async (_, code, error, attempt) => {
  const response = await attempt(await microsoft365());
  expect(await response.json()).toMatchObject({ error, error_codes: [code] });
  expect(response.status).toBe(error === 'invalid_client' ? 401 : 400);
});

/** A hand-made client assertion. */
function assertion(
  m365: Microsoft365,
  certificate: { key: string; thumbprintSha256: string },
  changes: { header?: object; claims?: object } = {},
): Record<string, string> {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const header = {
    alg: 'PS256',
    typ: 'JWT',
    'x5t#S256': Buffer.from(certificate.thumbprintSha256, 'hex').toString('base64url'),
    ...changes.header,
  };
  const claims = {
    aud: `${m365.endpoints.authority}/${m365.tenantId}/oauth2/v2.0/token`,
    iss: m365.clientId,
    sub: m365.clientId,
    nbf: now,
    exp: now + 600,
    jti: randomUUID(),
    ...changes.claims,
  };
  const signed = `${encode(header)}.${encode(claims)}`;
  const pss = header.alg === 'PS256' ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : {};
  const signature = sign('RSA-SHA256', Buffer.from(signed), { key: certificate.key, ...pss });
  return {
    grant_type: 'client_credentials',
    client_id: m365.clientId,
    scope: graphScope,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: `${signed}.${signature.toString('base64url')}`,
  };
}

test('an RS256 assertion with the SHA-1 thumbprint is taken, and one with the certificate itself', async () => {
  const certificate = await makeClientCertificate();
  const m365 = await microsoft365({ clientCertificatePem: certificate.cert });
  const registered = m365.tenant.app.certificates[0]?.certificate;
  const x5t = Buffer.from(registered!.fingerprint.replaceAll(':', ''), 'hex').toString('base64url');
  const x5c = [registered!.raw.toString('base64')];
  for (const header of [
    { alg: 'RS256', x5t },
    { alg: 'RS256', x5c },
  ]) {
    const form = assertion(m365, certificate, { header: { 'x5t#S256': undefined, ...header } });
    expect((await m365.tokenRequest(form)).status).toBe(200);
  }
});

test('client assertions are refused for the reason that is wrong with them', async () => {
  const certificate = await makeClientCertificate();
  const stranger = await makeClientCertificate();
  const m365 = await microsoft365({ clientCertificatePem: certificate.cert });
  const now = Math.floor(Date.now() / 1000);
  const code = async (form: Record<string, string>) => {
    const response = await m365.tokenRequest(form);
    return ((await response.json()) as { error_codes?: number[] }).error_codes?.[0] ?? response.status;
  };
  expect(await code(assertion(m365, certificate))).toBe(200);
  expect(await code(assertion(m365, stranger))).toBe(700027);
  // The right thumbprint, the wrong key.
  expect(await code(assertion(m365, { ...certificate, key: stranger.key }))).toBe(700027);
  expect(await code(assertion(m365, certificate, { header: { alg: 'none' } }))).toBe(700027);
  expect(await code(assertion(m365, certificate, { claims: { aud: 'https://elsewhere.example/token' } }))).toBe(700023);
  expect(await code(assertion(m365, certificate, { claims: { iss: randomUUID() } }))).toBe(700021);
  expect(await code(assertion(m365, certificate, { claims: { exp: now - 3600 } }))).toBe(700024);
  expect(await code(assertion(m365, certificate, { claims: { nbf: now + 3600, exp: now + 7200 } }))).toBe(700024);
  expect(await code({ ...assertion(m365, certificate), client_assertion: 'rubbish' })).toBe(50027);
});

test('an expired certificate is refused', async () => {
  const certificate = await makeClientCertificate({
    notBefore: new Date(Date.now() - 7_200_000),
    notAfter: new Date(Date.now() - 3_600_000),
  });
  const m365 = await microsoft365({ clientCertificatePem: certificate.cert });
  const response = await m365.tokenRequest(assertion(m365, certificate));
  expect(await response.json()).toMatchObject({
    error_codes: [700027],
    error_description: expect.stringContaining('The key used is expired.'),
  });
});

test('permissions that were not granted are missing from the token; without any it has no roles', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { graphRoles: ['Mail.Read'], exchangeRoles: [] });
  expect(claimsOf(await m365.token('graph')).roles).toEqual(['Mail.Read']);
  expect(claimsOf(await m365.token('exchange'))).not.toHaveProperty('roles');
});

test('the audience is the resource as the scope spelled it', async () => {
  const m365 = await microsoft365();
  const response = await m365.tokenRequest({ ...clientForm(m365), scope: 'https://outlook.office.com/.default' });
  const { access_token } = (await response.json()) as { access_token: string };
  expect(claimsOf(access_token).aud).toBe('https://outlook.office.com');
});

test('introspection knows a good token from an expired and a forged one', async () => {
  const m365 = await microsoft365();
  const introspect = async (token: string) => {
    const response = await m365.get(`${m365.endpoints.authority}/introspect?username=alice@contoso.example`, {
      method: 'POST',
      body: new URLSearchParams({ token }),
    });
    return response.json();
  };
  const token = await m365.token('exchange');
  expect(await introspect(token)).toMatchObject({
    active: true,
    client_id: m365.clientId,
    aud: 'https://outlook.office365.com',
    username: 'alice@contoso.example',
    scope: 'IMAP.AccessAsApp POP.AccessAsApp SMTP.SendAsApp',
  });
  await m365.control('PATCH', '/state', { tokenLifetimeSeconds: -10 });
  expect(await introspect(await m365.token('exchange'))).toEqual({ active: false });
  const other = await microsoft365({ tenantId: m365.tenantId, clientId: m365.clientId });
  expect(await introspect(await other.token('exchange'))).toEqual({ active: false });
  expect(await introspect('rubbish')).toEqual({ active: false });
});

test('staged: the next two token requests fail, the third is served', async () => {
  const m365 = await microsoft365();
  await m365.control('POST', '/faults', {
    target: 'entra',
    kind: 'status',
    status: 503,
    code: '90033',
    retryAfterSeconds: 7,
    count: 2,
  });
  for (let i = 0; i < 2; i++) {
    const response = await m365.tokenRequest(clientForm(m365));
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '7']);
    expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable', error_codes: [90033] });
  }
  expect((await m365.tokenRequest(clientForm(m365))).status).toBe(200);
});

test('staged: the connection is cut in place of a token', async () => {
  const m365 = await microsoft365();
  await m365.control('POST', '/faults', { target: 'entra', kind: 'cut-before' });
  await expect(m365.tokenRequest(clientForm(m365))).rejects.toThrow('fetch failed');
  expect((await m365.tokenRequest(clientForm(m365))).status).toBe(200);
});

test('an address nobody serves is 404, a method nobody takes 405', async () => {
  const m365 = await microsoft365();
  expect((await m365.get(`${m365.endpoints.authority}/nowhere`)).status).toBe(404);
  expect((await m365.get(`${m365.endpoints.authority}/${m365.tenantId}/oauth2/v2.0/token`)).status).toBe(405);
});
