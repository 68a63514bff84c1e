import { CryptoProvider } from '@azure/msal-node';
import { expect, test } from 'vitest';
import { FormBrowser, signIn } from './entra-browser.ts';
import { claimsOf, publicClient } from './entra-msal.ts';
import { type Microsoft365, microsoft365 } from './harness.ts';

const redirectUri = 'http://localhost:53682/';

function authorizeUrl(m365: Microsoft365, changes: Record<string, string | undefined> = {}, tenant = m365.tenantId) {
  const parameters = {
    client_id: m365.clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid offline_access Mail.Send',
    state: 'st&te',
    ...changes,
  };
  const query = Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return `${m365.endpoints.authority}/${tenant}/oauth2/v2.0/authorize?${new URLSearchParams(query)}`;
}

/** Signs in with consent, and returns the redirect. */
async function authorize(
  m365: Microsoft365,
  changes: Record<string, string | undefined> = {},
  browser = new FormBrowser(m365),
) {
  await browser.open(authorizeUrl(m365, changes));
  await signIn(m365, browser, 'alice@contoso.example');
  return browser.submitAndLeave({ decision: 'accept' });
}

async function redeem(m365: Microsoft365, redirect: URL, form: Record<string, string> = {}) {
  const response = await m365.tokenRequest({
    grant_type: 'authorization_code',
    client_id: m365.clientId,
    code: redirect.searchParams.get('code')!,
    redirect_uri: redirectUri,
    ...form,
  });
  return (await response.json()) as Record<string, string> & { error_codes?: number[] };
}

function errorOf(redirect: URL) {
  const { searchParams } = redirect;
  return {
    error: searchParams.get('error'),
    code: Number(/^AADSTS(\d+): /.exec(searchParams.get('error_description') ?? '')?.[1]),
    state: searchParams.get('state'),
  };
}

test('msal-node signs a person in by authorization code with PKCE, state and nonce', async () => {
  const m365 = await microsoft365();
  const client = publicClient(m365);
  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const scopes = ['https://outlook.office.com/IMAP.AccessAsUser.All'];
  const url = await client.getAuthCodeUrl({
    scopes,
    redirectUri,
    codeChallenge: challenge,
    codeChallengeMethod: 'S256',
    state: 'abc',
    nonce: 'once',
    loginHint: 'alice@contoso.example',
  });
  const browser = new FormBrowser(m365);
  const first = await browser.open(url);
  expect([first.title, first.text('user')]).toEqual(['Enter password', 'alice@contoso.example']);
  const consent = await browser.submit({ password: m365.userPassword });
  expect(consent.text('permissions')).toContain('Read and write access to your mail');
  const redirect = await browser.submitAndLeave({ decision: 'accept' });
  expect(redirect.origin + redirect.pathname).toBe(redirectUri);
  expect(redirect.searchParams.get('state')).toBe('abc');
  const result = await client.acquireTokenByCode(
    { scopes, redirectUri, code: redirect.searchParams.get('code')!, codeVerifier: verifier },
    { code: redirect.searchParams.get('code')!, nonce: 'once' },
  );
  expect(result.scopes).toEqual(scopes);
  expect(result.account?.username).toBe('alice@contoso.example');
  expect(claimsOf(result.accessToken)).toMatchObject({ scp: 'IMAP.AccessAsUser.All', upn: 'alice@contoso.example' });

  // The refresh token is renewed with each use, and MSAL continues with the new one.
  for (let i = 0; i < 2; i++) {
    const silent = await client.acquireTokenSilent({ account: result.account!, scopes, forceRefresh: true });
    expect(silent.fromCache).toBe(false);
  }
});

test('a code may be for several resources, and is redeemed for one: the other comes with the refresh token', async () => {
  const m365 = await microsoft365();
  const scope = 'offline_access https://outlook.office.com/SMTP.Send https://graph.microsoft.com/Mail.Send';
  const redirect = await authorize(m365, { scope });
  const first = await redeem(m365, redirect);
  expect(first.scope).toBe('https://outlook.office.com/SMTP.Send');
  const refresh = { grant_type: 'refresh_token', client_id: m365.clientId, refresh_token: first.refresh_token! };
  const both = await m365.tokenRequest({ ...refresh, scope });
  expect(await both.json()).toMatchObject({ error: 'invalid_request', error_codes: [28000] });
  const graph = await m365.tokenRequest({ ...refresh, scope: 'https://graph.microsoft.com/.default' });
  const { access_token } = (await graph.json()) as { access_token: string };
  expect(claimsOf(access_token)).toMatchObject({ aud: 'https://graph.microsoft.com', scp: 'Mail.Send' });
});

test('a code is good once, at its redirect URI, with its verifier, for ten minutes', async () => {
  const m365 = await microsoft365();
  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const pkce = { code_challenge: challenge, code_challenge_method: 'S256' };
  const redirect = await authorize(m365, pkce);
  expect(await redeem(m365, redirect)).toMatchObject({ error: 'invalid_grant', error_codes: [501481] });
  expect(await redeem(m365, redirect, { code_verifier: `${verifier}x` })).toMatchObject({ error_codes: [501481] });
  const elsewhere = { code_verifier: verifier, redirect_uri: 'http://localhost:1/' };
  expect(await redeem(m365, redirect, elsewhere)).toMatchObject({ error_codes: [500112] });
  expect(await redeem(m365, redirect, { code_verifier: verifier })).toMatchObject({ token_type: 'Bearer' });
  expect(await redeem(m365, redirect, { code_verifier: verifier })).toMatchObject({
    error: 'invalid_grant',
    error_codes: [54005],
  });
  expect(await redeem(m365, new URL('http://localhost/?code=rubbish'))).toMatchObject({ error_codes: [70000] });

  const browser = new FormBrowser(m365);
  await browser.open(authorizeUrl(m365, { login_hint: 'alice@contoso.example' }));
  const later = await browser.submitAndLeave({ password: m365.userPassword });
  await m365.control('PATCH', '/state', { entraClockShiftSeconds: 601 });
  expect(await redeem(m365, later)).toMatchObject({ error: 'invalid_grant', error_codes: [70008] });
});

test('a web redirect URI wants the secret, one of a desktop app wants none', async () => {
  const m365 = await microsoft365();
  const secret = { client_secret: m365.clientSecret };
  const desktop = await authorize(m365);
  expect(await redeem(m365, desktop, secret)).toMatchObject({ error: 'invalid_client', error_codes: [700025] });

  const web = 'https://bridge.example/callback?x=1';
  await m365.control('PATCH', '/state', { webRedirectUris: [web] });
  const browser = new FormBrowser(m365);
  await browser.open(authorizeUrl(m365, { redirect_uri: web, login_hint: 'alice@contoso.example' }));
  const redirect = await browser.submitAndLeave({ password: m365.userPassword });
  expect(redirect.href).toMatch(/^https:\/\/bridge\.example\/callback\?x=1&code=.+&state=st%26te$/);
  const atWeb = { redirect_uri: web };
  expect(await redeem(m365, redirect, atWeb)).toMatchObject({ error: 'invalid_client', error_codes: [7000218] });
  const tokens = await redeem(m365, redirect, { ...atWeb, ...secret });
  expect(claimsOf(tokens.access_token!)).toMatchObject({ appidacr: '1' });
  const refresh = { grant_type: 'refresh_token', client_id: m365.clientId, refresh_token: tokens.refresh_token! };
  expect(await (await m365.tokenRequest(refresh)).json()).toMatchObject({ error_codes: [7000218] });
  expect((await m365.tokenRequest({ ...refresh, ...secret })).status).toBe(200);
});

const untrusted: readonly [string, number, Record<string, string | undefined>, string?][] = [
  ['a redirect URI that is not registered', 50011, { redirect_uri: 'https://evil.example/' }],
  ['another path on the loopback address', 50011, { redirect_uri: 'http://localhost:1/elsewhere' }],
  ['https on the loopback address', 50011, { redirect_uri: 'https://localhost:1/' }],
  ['an unknown app', 700016, { client_id: '00000000-0000-0000-0000-00000000abcd' }],
  ['no app', 900144, { client_id: undefined }],
  ['an unknown tenant', 90002, {}, 'fabrikam.example'],
  ['/common for an app of one tenant', 50194, {}, 'common'],
];

test.each(untrusted)('%s is told on a page, without a redirect: AADSTS%i', async (_, code, changes, tenant) => {
  const m365 = await microsoft365();
  const page = await new FormBrowser(m365).open(authorizeUrl(m365, changes, tenant));
  expect(page.text('error')).toContain(`AADSTS${code}: `);
  expect(page.status).toBe(400);
});

const refused: readonly [string, string, number, Record<string, string | undefined>][] = [
  ['a token in place of a code', 'unsupported_response_type', 70005, { response_type: 'token' }],
  ['another response mode', 'unsupported_response_mode', 70007, { response_mode: 'form_post' }],
  ['no scope', 'invalid_request', 900144, { scope: undefined }],
  ['a scope that does not exist', 'invalid_client', 650053, { scope: 'Mail.Sned' }],
  ['an unknown resource', 'invalid_resource', 500011, { scope: 'https://mail.example/Send' }],
  ['an unknown prompt', 'invalid_request', 90023, { prompt: 'maybe' }],
  ['prompt=none without a session', 'login_required', 50058, { prompt: 'none' }],
];

test.each(refused)('%s comes back to the app as %s, AADSTS%i', async (_, error, code, changes) => {
  const m365 = await microsoft365();
  const redirect = await new FormBrowser(m365).leave(authorizeUrl(m365, changes));
  expect(errorOf(redirect)).toEqual({ error, code, state: 'st&te' });
});

test('.default asks for all that the registration lists, of every resource; where that is nothing it means nothing', async () => {
  const m365 = await microsoft365();
  const scope = 'https://outlook.office.com/.default offline_access';
  const url = authorizeUrl(m365, { scope, login_hint: 'alice@contoso.example' });
  const browser = new FormBrowser(m365);
  await browser.open(url);
  const page = await browser.submit({ password: m365.userPassword });
  expect(page.text('permissions')).toContain('Access to sending emails from your mailbox');
  expect(page.text('permissions')).not.toContain('as any user');
  const tokens = await redeem(m365, await browser.submitAndLeave({ decision: 'accept' }));
  expect(tokens.scope!.split(' ')).toEqual(
    ['IMAP.AccessAsUser.All', 'POP.AccessAsUser.All', 'SMTP.Send'].map((name) => `https://outlook.office.com/${name}`),
  );

  await m365.control('PATCH', '/state', { graphScopes: [], exchangeScopes: [] });
  m365.tenant.app.requiredPermissions = [];
  expect(errorOf(await browser.leave(url))).toMatchObject({ error: 'invalid_client', code: 650056 });
});

test('the registered redirect URI need not be named, and a loopback address may have any port', async () => {
  const m365 = await microsoft365();
  const redirect = await authorize(m365, { redirect_uri: undefined });
  expect(redirect.origin).toBe('http://localhost');
  expect(await redeem(m365, redirect, { redirect_uri: 'http://localhost' })).toMatchObject({ token_type: 'Bearer' });
});

test('a session signs in without a page; prompt=login and select_account ask all the same', async () => {
  const m365 = await microsoft365();
  const browser = new FormBrowser(m365);
  await authorize(m365, {}, browser);
  expect((await browser.leave(authorizeUrl(m365))).searchParams.get('code')).toBeTruthy();
  const silent = await browser.leave(authorizeUrl(m365, { prompt: 'none', client_info: '1' }));
  expect(JSON.parse(Buffer.from(silent.searchParams.get('client_info')!, 'base64url').toString())).toEqual({
    uid: m365.tenant.users.get('alice@contoso.example')?.objectId,
    utid: m365.tenantId,
  });
  expect((await browser.open(authorizeUrl(m365, { prompt: 'login' }))).title).toBe('Sign in');

  const picker = await browser.open(authorizeUrl(m365, { prompt: 'select_account' }));
  expect(picker.title).toBe('Pick an account');
  expect(picker.html).toContain('value="alice@contoso.example"');
  expect((await browser.submit({ account: '' })).title).toBe('Sign in');
  await browser.open(authorizeUrl(m365, { prompt: 'select_account' }));
  expect((await browser.submitAndLeave({ account: 'alice@contoso.example' })).searchParams.get('code')).toBeTruthy();

  // A second person: now the app must say which one it means.
  await browser.open(authorizeUrl(m365, { prompt: 'select_account' }));
  await browser.submit({ account: '' });
  await signIn(m365, browser, 'bob@contoso.example');
  await browser.submitAndLeave({ decision: 'accept' });
  expect(errorOf(await browser.leave(authorizeUrl(m365, { prompt: 'none' })))).toMatchObject({ code: 16000 });
  const hinted = await browser.leave(authorizeUrl(m365, { prompt: 'none', login_hint: 'Bob@contoso.example' }));
  const { access_token } = await redeem(m365, hinted);
  expect(claimsOf(access_token!)).toMatchObject({ upn: 'bob@contoso.example' });

  // A sign-in frequency policy ends sessions, and so does an administrator.
  await m365.control('PATCH', '/state', { policies: { signInFrequencySeconds: 3600 }, entraClockShiftSeconds: 3600 });
  expect(errorOf(await browser.leave(authorizeUrl(m365, { prompt: 'none' })))).toMatchObject({ code: 50058 });
  await m365.control('PATCH', '/state', { policies: { signInFrequencySeconds: 0 } });
  expect(errorOf(await browser.leave(authorizeUrl(m365, { prompt: 'none' })))).toMatchObject({ code: 16000 });
  await m365.control('PATCH', '/state', { revokeSignIns: true });
  expect(errorOf(await browser.leave(authorizeUrl(m365, { prompt: 'none' })))).toMatchObject({ code: 50058 });
});

test('consent: asked for once, again with prompt=consent, for more scopes, never silently; for all by an administrator', async () => {
  const m365 = await microsoft365();
  const browser = new FormBrowser(m365);
  await authorize(m365, {}, browser);
  expect((await browser.open(authorizeUrl(m365, { prompt: 'consent' }))).title).toBe('Permissions requested');
  const more = { scope: 'Mail.Send Mail.ReadWrite' };
  expect(errorOf(await browser.leave(authorizeUrl(m365, { ...more, prompt: 'none' })))).toEqual({
    error: 'consent_required',
    code: 65001,
    state: 'st&te',
  });
  const page = await browser.open(authorizeUrl(m365, more));
  expect(page.text('permissions')).toBe('Read and write access to your mail');
  expect(page.html).not.toContain('id="organization"');
  const declined = await browser.submitAndLeave({ decision: 'cancel' });
  expect(errorOf(declined)).toEqual({ error: 'access_denied', code: 65004, state: 'st&te' });
  expect(declined.searchParams.get('error_subcode')).toBe('cancel');

  const admin = new FormBrowser(m365);
  await admin.open(authorizeUrl(m365, more));
  await signIn(m365, admin, m365.adminUser);
  await admin.submitAndLeave({ decision: 'accept', organization: 'yes' });
  expect((await browser.leave(authorizeUrl(m365, more))).searchParams.get('code')).toBeTruthy();
});

test('where only administrators may consent, others are told so and may go back', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { policies: { userConsent: false } });
  const browser = new FormBrowser(m365);
  await browser.open(authorizeUrl(m365));
  const page = await signIn(m365, browser, 'alice@contoso.example');
  expect(page.title).toBe('Need admin approval');
  expect(page.text('details')).toContain('AADSTS90094: ');
  expect(errorOf(await browser.submitAndLeave({}))).toMatchObject({ error: 'access_denied', code: 90094 });
  // A permission that itself needs an administrator.
  await m365.control('PATCH', '/state', { policies: { userConsent: true } });
  const graphTools = { client_id: '14d82eec-204b-4c2f-b7e8-296a70dab67e', scope: 'Application.ReadWrite.All' };
  expect((await browser.open(authorizeUrl(m365, graphTools))).title).toBe('Need admin approval');
});

test('a second factor is asked for where the account has one', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', {
    users: [{ upn: 'alice@contoso.example', multiFactor: true }],
    graphScopes: ['Mail.Send'],
  });
  const browser = new FormBrowser(m365);
  await browser.open(authorizeUrl(m365));
  expect((await signIn(m365, browser, 'alice@contoso.example')).title).toBe('Enter code');
  expect((await browser.submit({ code: '000000' })).text('error')).toContain('AADSTS500121');
  const tokens = await redeem(m365, await browser.submitAndLeave({ code: '123456' }));
  expect(claimsOf(tokens.access_token!)).toMatchObject({ amr: ['pwd', 'mfa'] });
});

const troubles: readonly [string, Record<string, unknown>, string, string][] = [
  ['a wrong password', { password: 'another' }, 'Sim-wrong', 'Your account or password is incorrect. (AADSTS50126)'],
  ['a locked account', { locked: true }, '', '(AADSTS50053)'],
  ['a disabled account', { disabled: true }, '', 'The user account is disabled. (AADSTS50057)'],
  ['an expired password', { passwordExpired: true }, '', 'The password is expired. (AADSTS50055)'],
];

test.each(troubles)('%s is told beside the form', async (_, changes, password, text) => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { users: [{ upn: 'alice@contoso.example', ...changes }] });
  const browser = new FormBrowser(m365);
  await browser.open(authorizeUrl(m365));
  await browser.submit({ username: 'alice@contoso.example' });
  const page = await browser.submit({ password: password || m365.userPassword });
  expect(page.title).toBe('Enter password');
  expect(page.text('error')).toContain(text);
});

test('a name that nobody has is told beside the form', async () => {
  const m365 = await microsoft365();
  const browser = new FormBrowser(m365);
  await browser.open(authorizeUrl(m365));
  const page = await browser.submit({ username: '"><script>@contoso.example' });
  expect(page.text('error')).toContain("We couldn't find an account with that username.");
  expect(page.html).not.toContain('<script>');
});

test('policies come back to the app', async () => {
  const m365 = await microsoft365();
  const attempt = async () => {
    const browser = new FormBrowser(m365);
    await browser.open(authorizeUrl(m365, { login_hint: 'alice@contoso.example' }));
    return errorOf(await browser.submitAndLeave({ password: m365.userPassword }));
  };
  await m365.control('PATCH', '/state', { assignmentRequired: true, graphScopes: ['Mail.Send'] });
  expect(await attempt()).toMatchObject({ error: 'interaction_required', code: 50105 });
  await m365.control('PATCH', '/state', { assignedUsers: ['alice@contoso.example'], policies: { usersBlocked: true } });
  expect(await attempt()).toMatchObject({ error: 'access_denied', code: 53003 });
  await m365.control('PATCH', '/state', { policies: { usersBlocked: false } });
  expect(await attempt()).toMatchObject({ error: null });
});

test('a form of a sign-in that is over says so', async () => {
  const m365 = await microsoft365();
  const browser = new FormBrowser(m365);
  await authorize(m365, {}, browser);
  // The page with the consent form is still open.
  expect((await browser.submit({ decision: 'accept' })).text('error')).toContain('AADSTS50089');
});
