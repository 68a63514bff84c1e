import { beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createHttpClient } from '../../../src/base/http/client.ts';
import { clouds } from '../../../src/config/clouds.ts';
import { delegatedNames } from '../../../src/onboarding/permissions.ts';
import { delegatedScopes } from '../../../src/tokens/entra/scopes.ts';
import { beginAuthorization } from '../../../src/tokens/grants/authorization-code.ts';
import { type DelegatedGrantOptions, delegatedGrant } from '../../../src/tokens/grants/delegated.ts';
import { type DeviceCode, requestDeviceCode, signInByDeviceCode } from '../../../src/tokens/grants/device-code.ts';
import { storeSignIn, type UserClientOptions } from '../../../src/tokens/sign-ins/user-sign-in.ts';
import { signIn as enterNameAndPassword, FormBrowser, signInAtDevicePage } from '../../simulator/entra-browser.ts';
import { claimsOf } from '../../simulator/entra-msal.ts';
import { afterTest, type Microsoft365, microsoft365 } from '../../simulator/harness.ts';
import { MemorySignInStore } from '../sign-ins/memory-store.ts';

const person = 'alice@contoso.example';
const uses = { read: ['imap'], send: ['smtp', 'graph'] } as const;
const { exchange = [], graph = [] } = delegatedScopes(delegatedNames(uses, { shared: false }), clouds.global);

let m365: Microsoft365;
let store: MemorySignInStore;
let options: UserClientOptions;

beforeEach(async () => {
  m365 = await microsoft365();
  const http = createHttpClient({ ca: m365.ca, env: {} });
  afterTest(() => http.close());
  store = new MemorySignInStore();
  const { tenantId, clientId } = m365;
  options = { name: 'contoso', tenantId, clientId, authority: m365.endpoints.authority, http, clock: systemClock };
  await set({ deviceCodeIntervalSeconds: 0.01 });
});

const set = (state: object) => m365.control('PATCH', '/state', state);

const grant = (changes: Partial<DelegatedGrantOptions> = {}) =>
  delegatedGrant({
    ...options,
    kind: 'device-code',
    store,
    scopes: { exchange, graph },
    ...changes,
  } as DelegatedGrantOptions);

/** Signs in by device code with a person at the page. */
async function signIn(
  act: (code: DeviceCode) => Promise<unknown> = ({ userCode }) => signInAtDevicePage(m365, userCode),
) {
  let acting: Promise<unknown> = Promise.resolve();
  const onCode = (code: DeviceCode) => {
    acting = act(code);
  };
  try {
    const signedIn = await signInByDeviceCode({ ...options, scopes: exchange, onCode });
    await storeSignIn(store, options, signedIn, 'exchange');
    return signedIn;
  } finally {
    await acting;
  }
}

const codeOf = (asking: Promise<unknown>) =>
  asking.then(
    () => expect.fail('it succeeded'),
    (error: { code: string; details: { aadsts?: string } }) => [error.code, error.details.aadsts],
  );

describe('by device code, at the simulator', () => {
  test('a person signs in for Exchange, and the refresh token serves for Graph once that is consented to', async () => {
    const signedIn = await signIn();
    expect(signedIn).toMatchObject({ username: person, homeTenantId: m365.tenantId, scopes: exchange });
    expect(claimsOf(signedIn.accessToken.value)).toMatchObject({ scp: 'IMAP.AccessAsUser.All SMTP.Send', upn: person });

    const refused = await grant().redeem('graph');
    expect(refused).toMatchObject({ granted: [], missing: graph, refusal: { details: { aadsts: 'AADSTS65001' } } });
    await set({ graphScopes: ['Mail.Send', 'Mail.ReadWrite', 'User.Read'] });
    expect((await grant().redeem('graph')).missing).toEqual([]);
    const token = await grant().acquire(graph, { forceRenew: true });
    expect(claimsOf(token.value)).toMatchObject({
      aud: 'https://graph.microsoft.com',
      scp: 'Mail.Send Mail.ReadWrite User.Read',
    });
  });

  test('renewal goes on although each refresh token works but once', async () => {
    await set({ refreshTokenReuse: 'forbid' });
    await signIn();
    const tokens = [];
    for (let i = 0; i < 3; i++) tokens.push((await grant().acquire(exchange, { forceRenew: true })).value);
    expect(new Set(tokens).size).toBe(3);
  });

  test('a policy blocks it, and Microsoft’s code comes through', async () => {
    await set({ policies: { deviceCodeBlocked: true } });
    expect(await codeOf(signIn())).toEqual(['token-refused', 'AADSTS53003']);
  });

  test('the code expires', async () => {
    await set({ deviceCodeLifetimeSeconds: 0 });
    expect((await codeOf(signIn(async () => {})))[0]).toBe('device-code-expired');
  });

  test('a code alone can be asked for', async () => {
    const code = await requestDeviceCode({ ...options, scopes: exchange });
    expect(code.verificationUri).toBe(`${m365.endpoints.authority}/deviceauth`);
  });

  test.each([
    ['the sign-ins are revoked', { revokeSignIns: true }, 'AADSTS50173'],
    ['the password is changed', { users: [{ upn: person, password: 'Another-1' }] }, 'AADSTS50173'],
    ['nobody used it for 91 days', { entraClockShiftSeconds: 91 * 86_400 }, 'AADSTS700082'],
  ])('it ends when %s, and lives again after a new sign-in', async (_name, state, aadsts) => {
    await signIn();
    await set(state);
    expect(await codeOf(grant().acquire(exchange, { forceRenew: true }))).toEqual(['sign-in-ended', aadsts]);
    expect(await codeOf(grant().acquire(exchange, { forceRenew: false }))).toEqual(['sign-in-ended', aadsts]);
    await signIn();
    expect((await grant().acquire(exchange, { forceRenew: true })).value).toMatch(/^ey/);
  });

  test('Conditional Access stops it for as long as it is there', async () => {
    await signIn();
    await set({ policies: { usersBlocked: true } });
    expect(await codeOf(grant().acquire(exchange, { forceRenew: true }))).toEqual(['token-refused', 'AADSTS53003']);
    await set({ policies: { usersBlocked: false } });
    expect((await grant().acquire(exchange, { forceRenew: true })).value).toMatch(/^ey/);
  });
});

describe('in a browser, at the simulator', () => {
  const redirectUri = 'http://localhost:8400/';

  beforeEach(async () => {
    await set({ publicRedirectUris: ['http://localhost'] });
  });

  const begin = () => beginAuthorization({ ...options, scopes: graph, redirectUri });

  test('a person signs in, and consents', async () => {
    const request = await begin();
    const browser = new FormBrowser(m365);
    await browser.open(request.url);
    await browser.submit({ username: person });
    await browser.submit({ password: m365.userPassword });
    const signedIn = await request.redeem(await browser.submitAndLeave({ decision: 'accept' }));
    expect(signedIn.username).toBe(person);
    await storeSignIn(store, options, signedIn, 'graph');
    const token = await grant({ kind: 'authorization-code' }).acquire(graph, { forceRenew: true });
    expect(claimsOf(token.value)).toMatchObject({ aud: 'https://graph.microsoft.com', upn: person });
  });

  test('a person declines', async () => {
    const request = await begin();
    const browser = new FormBrowser(m365);
    await browser.open(request.url);
    await enterNameAndPassword(m365, browser, person);
    const redirect = await browser.submitAndLeave({ decision: 'cancel' });
    expect((await codeOf(request.redeem(redirect)))[0]).toBe('sign-in-declined');
  });

  test('prompt none finds nobody signed in', async () => {
    const request = await beginAuthorization({ ...options, scopes: graph, redirectUri, prompt: 'none' });
    const redirect = await new FormBrowser(m365).leave(request.url);
    expect(await codeOf(request.redeem(redirect))).toEqual(['token-refused', 'AADSTS50058']);
  });
});

describe('by password, at the simulator', () => {
  const byPassword = (password = m365.userPassword) =>
    grant({ kind: 'password', username: person, password: () => password } as Partial<DelegatedGrantOptions>);

  beforeEach(async () => {
    await set({ exchangeScopes: ['IMAP.AccessAsUser.All', 'SMTP.Send'] });
  });

  test('it signs in by itself, and again after the sign-ins were revoked', async () => {
    const bridge = byPassword();
    expect(claimsOf((await bridge.acquire(exchange, { forceRenew: false })).value)).toMatchObject({ upn: person });
    await set({ revokeSignIns: true });
    expect((await bridge.acquire(exchange, { forceRenew: true })).value).toMatch(/^ey/);
  });

  test.each([
    ['a wrong password', {}, 'wrong', 'AADSTS50126'],
    ['a second factor', { users: [{ upn: person, multiFactor: true }] }, undefined, 'AADSTS50076'],
    ['a disabled user', { users: [{ upn: person, disabled: true }] }, undefined, 'AADSTS50057'],
    ['an expired password', { users: [{ upn: person, passwordExpired: true }] }, undefined, 'AADSTS50055'],
    ['an app that is no public client', { publicClientFlows: false }, undefined, 'AADSTS7000218'],
  ])('it is refused for %s', async (_name, state, password, aadsts) => {
    await set(state);
    expect(await codeOf(byPassword(password).acquire(exchange, { forceRenew: false }))).toEqual([
      'token-refused',
      aadsts,
    ]);
  });
});
