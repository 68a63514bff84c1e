import { expect, test } from 'vitest';
import { FormBrowser, signIn, signInAtDevicePage } from './entra-browser.ts';
import { claimsOf, publicClient } from './entra-msal.ts';
import { type Microsoft365, microsoft365 } from './harness.ts';

const exchangeScopes = ['https://outlook.office.com/IMAP.AccessAsUser.All', 'https://outlook.office.com/SMTP.Send'];

interface DeviceCode {
  readonly user_code: string;
  readonly device_code: string;
  readonly verification_uri: string;
  readonly expires_in: number;
  readonly interval: number;
  readonly message: string;
}

async function deviceCode(m365: Microsoft365, form: Record<string, string> = {}, tenant = m365.tenantId) {
  const response = await m365.get(`${m365.endpoints.authority}/${tenant}/oauth2/v2.0/devicecode`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: m365.clientId, scope: 'Mail.Send offline_access openid', ...form }),
  });
  return (await response.json()) as DeviceCode & { readonly error?: string; readonly error_codes?: number[] };
}

async function poll(m365: Microsoft365, code: { readonly device_code: string }, form: Record<string, string> = {}) {
  const response = await m365.tokenRequest({
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    client_id: m365.clientId,
    device_code: code.device_code,
    ...form,
  });
  return (await response.json()) as Record<string, unknown> & { error?: string; error_codes?: number[] };
}

test('msal-node signs a person in by device code, and gets tokens for Exchange and, after consent, for Graph', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { deviceCodeIntervalSeconds: 0.01 });
  const client = publicClient(m365);
  const pages: string[] = [];
  const result = await client.acquireTokenByDeviceCode({
    scopes: exchangeScopes,
    deviceCodeCallback: ({ userCode, verificationUri, message }) => {
      expect(verificationUri).toBe(`${m365.endpoints.authority}/deviceauth`);
      expect(message).toContain(userCode);
      void signInAtDevicePage(m365, userCode).then((page) => pages.push(page.text('done')!));
    },
  });
  expect(pages).toEqual([
    'You have signed in to the Mail bridge application on your device. You may now close this window.',
  ]);
  expect(result?.account?.username).toBe('alice@contoso.example');
  expect(result?.tenantId).toBe(m365.tenantId);
  expect(result?.scopes).toEqual(exchangeScopes);
  expect(claimsOf(result!.accessToken)).toMatchObject({
    aud: 'https://outlook.office.com',
    scp: 'IMAP.AccessAsUser.All SMTP.Send',
    upn: 'alice@contoso.example',
    oid: m365.tenant.users.get('alice@contoso.example')?.objectId,
    tid: m365.tenantId,
    idtyp: 'user',
    appidacr: '0',
  });
  expect(claimsOf(result!.idToken)).toMatchObject({
    aud: m365.clientId,
    iss: `${m365.endpoints.authority}/${m365.tenantId}/v2.0`,
    preferred_username: 'alice@contoso.example',
    ver: '2.0',
  });

  // Another resource with the same sign-in: refused until consented to.
  const silent = { account: result!.account!, scopes: ['https://graph.microsoft.com/Mail.Send'] };
  await expect(client.acquireTokenSilent(silent)).rejects.toMatchObject({
    errorNo: 65001,
    subError: 'consent_required',
  });
  await m365.control('PATCH', '/state', { graphScopes: ['Mail.Send', 'User.Read'] });
  const graph = await client.acquireTokenSilent(silent);
  expect(claimsOf(graph.accessToken)).toMatchObject({ aud: 'https://graph.microsoft.com', scp: 'Mail.Send User.Read' });
});

test('a device code is for a page of this host, has a time to live, and is not for long', async () => {
  const m365 = await microsoft365();
  const code = await deviceCode(m365);
  expect(code).toEqual({
    user_code: expect.stringMatching(/^[B-Z2-9]{9}$/),
    device_code: expect.any(String),
    verification_uri: `${m365.endpoints.authority}/deviceauth`,
    expires_in: 900,
    interval: 5,
    message: `To sign in, use a web browser to open the page ${m365.endpoints.authority}/deviceauth and enter the code ${code.user_code} to authenticate.`,
  });
});

test('polling: pending, too fast, signed in, used up', async () => {
  const m365 = await microsoft365();
  const code = await deviceCode(m365);
  expect(await poll(m365, code)).toMatchObject({ error: 'authorization_pending', error_codes: [70016] });
  expect(await poll(m365, code, { grant_type: 'device_code' })).toMatchObject({ error: 'slow_down' });
  await m365.control('PATCH', '/state', { entraClockShiftSeconds: 5 });
  expect(await poll(m365, code)).toMatchObject({ error: 'authorization_pending' });
  await signInAtDevicePage(m365, ` ${code.user_code.slice(0, 4).toLowerCase()}-${code.user_code.slice(4)} `);
  expect(await poll(m365, code, { client_info: '1' })).toEqual({
    token_type: 'Bearer',
    scope: 'Mail.Send openid',
    expires_in: 3599,
    ext_expires_in: 3599,
    access_token: expect.any(String),
    refresh_token: expect.any(String),
    id_token: expect.any(String),
    client_info: expect.any(String),
  });
  expect(await poll(m365, code)).toMatchObject({ error: 'expired_token', error_codes: [70020] });
});

test('without offline_access there is no refresh token, without openid no id token', async () => {
  const m365 = await microsoft365();
  const code = await deviceCode(m365, { scope: 'https://graph.microsoft.com/mail.send' });
  await signInAtDevicePage(m365, code.user_code);
  const answer = await poll(m365, code);
  expect(answer).toMatchObject({ scope: 'https://graph.microsoft.com/Mail.Send' });
  expect(Object.keys(answer)).toEqual(['token_type', 'scope', 'expires_in', 'ext_expires_in', 'access_token']);
});

test('a code that has expired is worth nothing, to the device and on the page', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { deviceCodeLifetimeSeconds: 60 });
  const code = await deviceCode(m365);
  expect(code.expires_in).toBe(60);
  await m365.control('PATCH', '/state', { entraClockShiftSeconds: 61 });
  expect(await poll(m365, code)).toMatchObject({ error: 'expired_token', error_codes: [70020] });
  const browser = new FormBrowser(m365);
  await browser.open('/deviceauth');
  const page = await browser.submit({ otc: code.user_code });
  expect(page.text('error')).toContain('That code has expired.');
});

test('codes that nobody gave out are refused', async () => {
  const m365 = await microsoft365();
  expect(await poll(m365, { device_code: 'rubbish' })).toMatchObject({ error: 'bad_verification_code' });
  const browser = new FormBrowser(m365);
  await browser.open('/deviceauth');
  const page = await browser.submit({ otc: '<b>BCDFGHJKL' });
  expect(page.text('error')).toBe("That code didn't work. Check the code and try again. (AADSTS70018)");
  expect(page.html).not.toContain('<b>');
});

test('a code is filled in from the address', async () => {
  const m365 = await microsoft365();
  expect((await new FormBrowser(m365).open('/deviceauth?otc=BCDF')).html).toContain('value="BCDF"');
});

test('who cancels on the consent page declines for the device', async () => {
  const m365 = await microsoft365();
  const code = await deviceCode(m365);
  const browser = new FormBrowser(m365);
  await browser.open('/deviceauth');
  await browser.submit({ otc: code.user_code });
  const consent = await signIn(m365, browser, 'bob@contoso.example');
  expect(consent.text('permissions')).toBe('Send mail as you Maintain access to data you have given it access to');
  expect(consent.text('app')).toBe('Mail bridge');
  await browser.submit({ decision: 'cancel' });
  expect(await poll(m365, code)).toMatchObject({ error: 'authorization_declined', error_codes: [65004] });
});

test('a policy that blocks the device code flow strikes when the code is redeemed', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { policies: { deviceCodeBlocked: true } });
  const code = await deviceCode(m365);
  expect(await poll(m365, code)).toMatchObject({ error: 'authorization_pending' });
  await signInAtDevicePage(m365, code.user_code);
  expect(await poll(m365, code)).toMatchObject({
    error: 'invalid_grant',
    error_codes: [53003],
    suberror: 'message_only',
  });
});

test('a policy that blocks the person shows on the page, and the device learns of it', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { policies: { usersBlocked: true } });
  const code = await deviceCode(m365);
  const page = await signInAtDevicePage(m365, code.user_code);
  expect(page.text('error')).toContain('AADSTS53003: Access has been blocked by Conditional Access policies.');
  expect(await poll(m365, code)).toMatchObject({ error: 'invalid_grant', error_codes: [53003] });
});

test('an app that allows no public client flows learns of it when it polls', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { publicClientFlows: false });
  const code = await deviceCode(m365);
  expect(code.user_code).toBeDefined();
  expect(await poll(m365, code)).toMatchObject({ error: 'invalid_client', error_codes: [7000218] });
  // With its secret it may.
  await signInAtDevicePage(m365, code.user_code);
  const answer = await poll(m365, code, { client_secret: m365.clientSecret });
  expect(claimsOf(answer.access_token as string)).toMatchObject({ appidacr: '1' });
});

const refusals: readonly [string, number, Record<string, string>, string?][] = [
  ['an unknown app', 700016, { client_id: '00000000-0000-0000-0000-00000000abcd' }],
  ['no app', 900144, { client_id: '' }],
  ['no scope', 900144, { scope: '' }],
  ['a scope that does not exist', 70011, { scope: 'https://outlook.office.com/SMTP.SendAsApp' }],
  ['scopes of two resources', 70011, { scope: 'Mail.Send https://outlook.office.com/SMTP.Send' }],
  ['an unknown resource', 500011, { scope: 'https://outlook.office.example/SMTP.Send' }],
  ['an unknown tenant', 90002, {}, 'fabrikam.example'],
  ['/common for an app of one tenant', 50194, {}, 'common'],
];

test.each(refusals)('no device code for %s: AADSTS%i', async (_, code, form, tenant) => {
  const m365 = await microsoft365();
  expect(await deviceCode(m365, form, tenant)).toMatchObject({ error_codes: [code] });
});

test('a multi-tenant app may use /organizations, and /consumers only if it serves personal accounts', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { multiTenant: true });
  expect(await deviceCode(m365, {}, 'organizations')).toMatchObject({ interval: 5 });
  expect(await deviceCode(m365, {}, 'consumers')).toMatchObject({ error_codes: [9002332] });
  await m365.control('PATCH', '/state', { personalAccounts: 'too' });
  expect(await deviceCode(m365, {}, 'consumers')).toMatchObject({ interval: 5 });
  await m365.control('PATCH', '/state', { publicClientFlows: false });
  expect(await deviceCode(m365, {}, 'consumers')).toMatchObject({ error_codes: [70002] });
  await m365.control('PATCH', '/state', { personalAccounts: 'only' });
  expect(await deviceCode(m365, {}, 'organizations')).toMatchObject({ error_codes: [9002346] });
});

test('staged failures strike the device code endpoint too', async () => {
  const m365 = await microsoft365();
  await m365.control('POST', '/faults', { target: 'entra', kind: 'status', status: 503, code: '90033' });
  expect(await deviceCode(m365)).toMatchObject({ error: 'temporarily_unavailable', error_codes: [90033] });
  expect(await deviceCode(m365)).toMatchObject({ interval: 5 });
});
