import { InteractionRequiredAuthError } from '@azure/msal-node';
import { expect, test } from 'vitest';
import { claimsOf, publicClient } from './entra-msal.ts';
import { type Microsoft365, microsoft365 } from './harness.ts';

const exchangeScope = 'https://outlook.office365.com/SMTP.Send';

/** A tenant whose administrator has consented for everybody. */
async function consented(): Promise<Microsoft365> {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { graphScopes: ['Mail.Send'], exchangeScopes: ['SMTP.Send'] });
  return m365;
}

function form(m365: Microsoft365, changes: Record<string, string> = {}) {
  return {
    grant_type: 'password',
    client_id: m365.clientId,
    username: 'alice@contoso.example',
    password: m365.userPassword,
    scope: `${exchangeScope} offline_access`,
    ...changes,
  };
}

test('msal-node signs in with a password, and renews', async () => {
  const m365 = await consented();
  const client = publicClient(m365);
  const scopes = [exchangeScope];
  const result = await client.acquireTokenByUsernamePassword({
    scopes,
    username: 'Alice@contoso.example',
    password: m365.userPassword,
  });
  expect(claimsOf(result!.accessToken)).toMatchObject({
    aud: 'https://outlook.office365.com',
    scp: 'SMTP.Send',
    upn: 'alice@contoso.example',
    amr: ['pwd'],
  });
  const renewed = await client.acquireTokenSilent({ account: result!.account!, scopes, forceRefresh: true });
  expect(renewed.fromCache).toBe(false);
});

test('msal-node learns that a second factor is needed, and what to ask for', async () => {
  const m365 = await consented();
  await m365.control('PATCH', '/state', { users: [{ upn: 'alice@contoso.example', multiFactor: true }] });
  const attempt = publicClient(m365).acquireTokenByUsernamePassword({
    scopes: [exchangeScope],
    username: 'alice@contoso.example',
    password: m365.userPassword,
  });
  const error = await attempt.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InteractionRequiredAuthError);
  expect(error).toMatchObject({ errorCode: 'invalid_grant', errorNo: 50076, subError: 'basic_action' });
  expect(JSON.parse((error as InteractionRequiredAuthError).claims)).toHaveProperty('access_token.capolids');
});

type Change = (m365: Microsoft365) => Record<string, unknown>;
const alice = (changes: Record<string, unknown>): Change => {
  return () => ({ users: [{ upn: 'alice@contoso.example', ...changes }] });
};
const nothing: Change = () => ({});

const refusals: readonly [string, number, string, Change, Record<string, string>, string?][] = [
  ['a wrong password', 50126, 'invalid_grant', nothing, { password: 'wrong' }],
  ['an unknown name', 50034, 'invalid_grant', nothing, { username: 'nobody@contoso.example' }],
  ['a locked account', 50053, 'invalid_grant', alice({ locked: true }), {}],
  ['an expired password', 50055, 'invalid_grant', alice({ passwordExpired: true }), {}],
  ['a disabled account', 50057, 'invalid_grant', alice({ disabled: true }), {}],
  ['no password', 900144, 'invalid_request', nothing, { password: '' }],
  ['an app without public client flows', 7000218, 'invalid_client', () => ({ publicClientFlows: false }), {}],
  ['scopes nobody consented to', 65001, 'invalid_grant', nothing, { scope: 'Mail.ReadWrite' }],
  ['scopes of two resources', 28000, 'invalid_request', nothing, { scope: `${exchangeScope} Mail.Send` }],
  ['a scope that does not exist', 70011, 'invalid_scope', nothing, { scope: 'Mail.Sned' }],
  ['a policy that blocks people', 53003, 'invalid_grant', () => ({ policies: { usersBlocked: true } }), {}],
  ['an app that people are assigned to', 50105, 'interaction_required', () => ({ assignmentRequired: true }), {}],
  ['/common', 9001023, 'invalid_request', () => ({ multiTenant: true }), {}, 'common'],
  ['/organizations for an app of one tenant', 50194, 'invalid_request', nothing, {}, 'organizations'],
];

test.each(refusals)('%s: AADSTS%i %s', async (_, code, error, state, changes, tenant) => {
  const m365 = await consented();
  await m365.control('PATCH', '/state', state(m365));
  const response = await m365.tokenRequest(form(m365, changes), tenant ? { tenant } : {});
  expect(await response.json()).toMatchObject({ error, error_codes: [code] });
});

test('a client with a secret needs no public client flows; a multi-tenant one may use /organizations', async () => {
  const m365 = await consented();
  await m365.control('PATCH', '/state', { publicClientFlows: false, multiTenant: true });
  const changes = { client_secret: m365.clientSecret };
  const response = await m365.tokenRequest(form(m365, changes), { tenant: 'organizations' });
  expect(await response.json()).toMatchObject({ scope: exchangeScope, refresh_token: expect.any(String) });
});

async function refreshToken(m365: Microsoft365): Promise<string> {
  const response = await m365.tokenRequest(form(m365));
  return ((await response.json()) as { refresh_token: string }).refresh_token;
}

async function refresh(m365: Microsoft365, token: string, changes: Record<string, string> = {}) {
  const response = await m365.tokenRequest({
    grant_type: 'refresh_token',
    client_id: m365.clientId,
    refresh_token: token,
    ...changes,
  });
  return (await response.json()) as Record<string, unknown> & { refresh_token?: string };
}

test('each use of a refresh token issues another; the old one stays good unless reuse is forbidden', async () => {
  const m365 = await consented();
  const first = await refreshToken(m365);
  const second = (await refresh(m365, first)).refresh_token!;
  expect(second).not.toBe(first);
  expect(await refresh(m365, first)).toMatchObject({ scope: exchangeScope });
  await m365.control('PATCH', '/state', { refreshTokenReuse: 'forbid' });
  expect(await refresh(m365, second)).toMatchObject({ scope: exchangeScope });
  expect(await refresh(m365, second)).toMatchObject({ error: 'invalid_grant', error_codes: [70000] });
});

test('a refresh token is for any resource that was consented to', async () => {
  const m365 = await consented();
  const token = await refreshToken(m365);
  expect(await refresh(m365, token, { scope: 'https://graph.microsoft.com/Mail.Send' })).toMatchObject({
    scope: 'https://graph.microsoft.com/Mail.Send',
  });
  expect(await refresh(m365, token, { scope: 'Mail.Read' })).toMatchObject({
    error: 'invalid_grant',
    suberror: 'consent_required',
    error_codes: [65001],
  });
});

const month = 30 * 24 * 3600;
const endings: readonly [string, number, string | undefined, readonly Record<string, unknown>[]][] = [
  ['unused for 90 days', 700082, 'bad_token', [{ entraClockShiftSeconds: 3 * month }]],
  [
    'unused for as long as is set',
    700082,
    'bad_token',
    [{ refreshTokenInactivityDays: 1 }, { entraClockShiftSeconds: 86_400 }],
  ],
  ['all sign-ins ended', 50173, 'bad_token', [{ revokeSignIns: true }]],
  ['a new password', 50173, 'bad_token', [{ users: [{ upn: 'alice@contoso.example', password: 'New-1' }] }]],
  [
    'a sign-in frequency',
    70043,
    'token_expired',
    [{ policies: { signInFrequencySeconds: 3600 }, entraClockShiftSeconds: 3600 }],
  ],
  [
    'a second factor demanded since',
    50076,
    'basic_action',
    [{ users: [{ upn: 'alice@contoso.example', multiFactor: true }] }],
  ],
  ['a disabled account', 50057, undefined, [{ users: [{ upn: 'alice@contoso.example', disabled: true }] }]],
  ['a policy', 53003, 'message_only', [{ policies: { usersBlocked: true } }]],
  ['consent taken back', 65001, 'consent_required', [{ exchangeScopes: [] }]],
];

test.each(endings)('what ends a refresh token: %s, AADSTS%i', async (_, code, suberror, states) => {
  const m365 = await consented();
  const token = await refreshToken(m365);
  for (const state of states) await m365.control('PATCH', '/state', state);
  const answer = await refresh(m365, token);
  expect(answer).toMatchObject({ error: 'invalid_grant', error_codes: [code] });
  expect(answer.suberror).toBe(suberror);
});

test('a refresh token in use does not grow old', async () => {
  const m365 = await consented();
  let token = await refreshToken(m365);
  for (const months of [2, 4, 6]) {
    await m365.control('PATCH', '/state', { entraClockShiftSeconds: months * month });
    token = (await refresh(m365, token)).refresh_token!;
    expect(token).toBeDefined();
  }
});

test('a refresh token is of one app, and no invention', async () => {
  const m365 = await consented();
  const other = m365.tenant.register('Another');
  other.publicClientFlows = true;
  const token = await refreshToken(m365);
  expect(await refresh(m365, token, { client_id: other.clientId })).toMatchObject({ error_codes: [70000] });
  expect(await refresh(m365, 'rubbish')).toMatchObject({ error: 'invalid_grant', error_codes: [9002313] });
});

test('the mail protocols may be listed under Graph and asked of Exchange', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { graphScopes: ['IMAP.AccessAsUser.All', 'Mail.Send'] });
  const response = await m365.tokenRequest(form(m365, { scope: 'https://outlook.office.com/.default' }));
  const { access_token } = (await response.json()) as { access_token: string };
  expect(claimsOf(access_token)).toMatchObject({ aud: 'https://outlook.office.com', scp: 'IMAP.AccessAsUser.All' });
});
