import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AccessToken } from '../../../src/tokens/access-token.ts';
import { beginAuthorization } from '../../../src/tokens/grants/authorization-code.ts';
import { type DelegatedGrantOptions, delegatedGrant } from '../../../src/tokens/grants/delegated.ts';
import { signInByDeviceCode } from '../../../src/tokens/grants/device-code.ts';
import { storeSignIn } from '../../../src/tokens/sign-ins/user-sign-in.ts';
import { secret, sendJson } from '../fake-entra.ts';
import { alice, refused } from '../fake-entra-people.ts';
import { type PeopleWorld, scopes, startPeopleWorld } from '../people-world.ts';
import { MemorySignInStore } from '../sign-ins/memory-store.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

let world: PeopleWorld;
let store: MemorySignInStore;

beforeEach(async () => {
  world = await startPeopleWorld();
  store = new MemorySignInStore();
});

afterEach(async () => await world.close());

const grant = () => delegatedGrant({ ...world.options, kind: 'device-code', store, scopes });

async function signIn() {
  const signedIn = await signInByDeviceCode({ ...world.options, scopes: scopes.exchange, onCode() {} });
  await storeSignIn(store, world.options, signedIn, 'exchange');
  return signedIn;
}

/** The requests to the token endpoint since the sign-in. */
const refreshes = () => world.entra.posts.filter((form) => form.get('grant_type') === 'refresh_token');
const acquire = (from = grant(), wanted: readonly string[] = scopes.exchange, forceRenew = false) =>
  from.acquire(wanted, { forceRenew });

describe('a stored sign-in', () => {
  test('says who signed in, for what and when', async () => {
    await signIn();
    expect(store.signIn).toEqual({
      authority: world.entra.authority,
      tenantId: world.options.tenantId,
      clientId: world.options.clientId,
      username: alice.username,
      homeTenantId: alice.homeTenantId,
      objectId: alice.objectId,
      scopes: { exchange: [...scopes.exchange, 'openid', 'profile'] },
      signedInAtMs: world.clock.now(),
      renewedAtMs: world.clock.now(),
      msalCache: expect.stringContaining('refresh-'),
    });
  });

  test('gives the token that came with it while that lives, then renews', async () => {
    const { accessToken } = await signIn();
    expect(await acquire()).toEqual(accessToken);
    expect((await acquire()).value).toBe(accessToken.value);
    world.clock.advance(3_599_000 - 5 * minute - 1);
    expect((await acquire()).value).toBe(accessToken.value);
    expect(refreshes()).toHaveLength(0);
    world.clock.advance(1);
    expect((await acquire()).value).toBe(world.entra.tokens[1]);
    expect(refreshes()).toHaveLength(1);
  });

  test('is renewed by force although the token still lives', async () => {
    await signIn();
    expect((await acquire(grant(), scopes.exchange, true)).value).toBe(world.entra.tokens[1]);
    expect((await acquire()).value).toBe(world.entra.tokens[1]);
  });

  test('keeps the refresh token that each renewal brings', async () => {
    await signIn();
    for (let i = 1; i <= 3; i++) await acquire(grant(), scopes.exchange, true);
    const used = refreshes().map((form) => form.get('refresh_token'));
    expect(new Set(used).size).toBe(3);
    expect(store.signIn!.msalCache).toContain(world.people.secrets.at(-1));
    expect(store.signIn!.msalCache).not.toContain(used[2]);
  });

  test('gives tokens for both resources from one refresh token', async () => {
    await signIn();
    const graph = await acquire(grant(), scopes.graph);
    expect(refreshes()[0]!.get('scope')!.split(' ')).toContain(scopes.graph[0]);
    expect((await acquire(grant(), scopes.graph)).value).toBe(graph.value);
    expect((await acquire(grant(), scopes.exchange)).value).toBe(world.entra.tokens[0]);
    expect(refreshes()).toHaveLength(1);
    expect(store.signIn!.scopes).toEqual({
      exchange: [...scopes.exchange, 'openid', 'profile'],
      graph: ['Mail.Send', 'openid', 'profile'],
    });
  });

  test('drops tokens that have expired', async () => {
    await signIn();
    world.clock.advance(2 * 60 * minute);
    await acquire(grant(), scopes.graph);
    expect(store.signIn!.msalCache).not.toContain(world.entra.tokens[0]);
    expect(store.signIn!.msalCache).toContain(world.entra.tokens[1]);
  });

  test('is renewed once for two who want the same token', async () => {
    await signIn();
    world.clock.advance(60 * minute);
    const tokens = await Promise.all([acquire(), acquire(), acquire()]);
    expect(new Set(tokens.map((token) => token.value)).size).toBe(1);
    expect(refreshes()).toHaveLength(1);
  });

  test('of a confidential client is renewed with its secret, one by device code without', async () => {
    const credential = { kind: 'secret', secret: () => secret } as const;
    const options = { ...world.options, credential };
    const request = await beginAuthorization({ ...options, scopes: scopes.graph, redirectUri: 'http://localhost/' });
    await storeSignIn(store, options, await request.redeem(world.people.authorize(request.url)), 'graph');
    const all = { ...options, store, scopes } as const;
    await acquire(delegatedGrant({ ...all, kind: 'authorization-code' }), scopes.graph, true);
    await acquire(delegatedGrant({ ...all, kind: 'device-code' }), scopes.graph, true);
    expect(refreshes().map((form) => form.get('client_secret'))).toEqual([secret, null]);
  });

  test('that is missing is asked for by name', async () => {
    const error = await world.failure(acquire());
    expect(error).toMatchObject({ code: 'sign-in-needed', kind: 'needs-admin', details: { connection: 'contoso' } });
    expect(error.message).toBe('Connection "contoso" could not get a token: nobody has signed in yet.');
    expect(error.remedy).toBe('Sign in with "mailbridge login contoso".');
    expect(world.entra.requests).toEqual([]);
  });

  test.each(['{}', 'no JSON at all refresh-xyz', '{"RefreshToken":{}}', 'null'])(
    'that holds nothing to renew it with (%s) is asked for',
    async (msalCache) => {
      await signIn();
      store.signIn = { ...store.signIn!, msalCache };
      const error = await world.failure(acquire());
      expect(error.code).toBe('sign-in-needed');
      expect(error.message).toBe('Connection "contoso" could not get a token: the sign-in kept cannot be renewed.');
      expect(String(error)).not.toContain('xyz');
    },
  );
});

describe('Entra ID ends the sign-in', () => {
  const ends = (number: number, error = 'invalid_grant', more = {}) => refused(number, error, 'No more.', more);

  test.each([
    [50173, 'revoked'],
    [50132, 'revoked'],
    [50133, 'revoked'],
    [700082, '90 days'],
    [70008, 'expired'],
    [70043, 'at intervals'],
    [700084, 'single-page app'],
    [50076, 'multifactor'],
    [50079, 'multifactor'],
    [70000, 'not valid any more'],
  ])('with AADSTS%i: it is marked, told, and not asked again', async (number, cause) => {
    await signIn();
    world.people.refusals.push(ends(number));
    const first = await world.failure(acquire(grant(), scopes.exchange, true));
    expect(first).toMatchObject({
      code: 'sign-in-ended',
      kind: 'needs-admin',
      details: { aadsts: `AADSTS${number}`, error: 'invalid_grant', connection: 'contoso' },
    });
    expect(first.message).toContain(
      `The sign-in of ${alice.username} for connection "contoso" ended at 2026-01-05T08:`,
    );
    expect(first.message).toContain(cause);
    expect(first.remedy).toContain('mailbridge login contoso');
    expect(store.signIn!.ended).toMatchObject({ atMs: world.clock.now(), aadsts: `AADSTS${number}` });

    const asked = world.entra.requests.length;
    for (const wanted of [scopes.exchange, scopes.graph]) {
      const again = await world.failure(acquire(grant(), wanted));
      expect(again).toMatchObject({ code: 'sign-in-ended', details: { aadsts: `AADSTS${number}` } });
      expect(again.message).toBe(first.message);
    }
    expect(await grant().renewIfOld(0)).toBe(false);
    expect(world.entra.requests).toHaveLength(asked);
  });

  test.each([
    ['interaction_required', 16000],
    ['invalid_grant', 7654321],
    ['login_required', 50058],
  ])('with %s and AADSTS%i', async (error, number) => {
    await signIn();
    world.people.refusals.push(ends(number, error));
    expect((await world.failure(acquire(grant(), scopes.exchange, true))).code).toBe('sign-in-ended');
  });

  test('until somebody signs in again', async () => {
    await signIn();
    world.people.refusals.push(ends(50173));
    const running = grant();
    await world.failure(acquire(running, scopes.exchange, true));
    const { accessToken } = await signIn();
    expect(store.signIn!.ended).toBeUndefined();
    expect((await acquire(running)).value).toBe(accessToken.value);
    expect((await acquire(running, scopes.graph)).value).toBe(world.entra.tokens.at(-1));
  });

  test('by revoking the refresh token, of which nothing shows', async () => {
    await signIn();
    world.people.revoke();
    const error = await world.failure(acquire(grant(), scopes.graph));
    expect(error).toMatchObject({ code: 'sign-in-ended', details: { aadsts: 'AADSTS50173', suberror: 'bad_token' } });
  });
});

describe('the sign-in goes on', () => {
  test.each([
    [
      'a lost consent',
      refused(65001, 'invalid_grant', 'No consent.', { suberror: 'consent_required' }),
      'token-refused',
    ],
    ['Conditional Access', refused(53003, 'interaction_required', 'Blocked.'), 'token-refused'],
    ['a user not assigned', refused(50105, 'invalid_grant', 'Not assigned.'), 'token-refused'],
    ['an expired client secret', refused(7000222, 'invalid_client', 'Expired.'), 'token-refused'],
    ['a loop Entra ID has seen', refused(50196, 'invalid_grant', 'Loop.'), 'token-temporarily-unavailable'],
    ['a busy Entra ID', [503, {}] as const, 'token-temporarily-unavailable'],
    ['a throttle', [429, {}] as const, 'token-temporarily-unavailable'],
  ])('after %s', async (_name, answer, code) => {
    await signIn();
    const before = store.signIn;
    world.people.refusals.push(answer);
    expect((await world.failure(acquire(grant(), scopes.graph))).code).toBe(code);
    expect(store.signIn).toEqual(before);
    expect((await acquire(grant(), scopes.graph)).value).toBe(world.entra.tokens.at(-1));
  });

  test('after a network that is away', async () => {
    await signIn();
    world.entra.next.push((response) => response.destroy());
    expect((await world.failure(acquire(grant(), scopes.graph))).kind).toBe('temporary');
    expect(store.signIn!.ended).toBeUndefined();
  });

  test('after an answer that echoes the refresh token, which goes nowhere', async () => {
    await signIn();
    world.entra.next.push((response, form) =>
      sendJson(response, ...refused(90100, 'invalid_request', `You sent ${form.get('refresh_token')}.`)),
    );
    const error = await world.failure(acquire(grant(), scopes.graph));
    expect(error.message).toContain('You sent [secret].');
  });
});

describe('the other resource', () => {
  test('is redeemed after the sign-in, and says what was granted', async () => {
    await signIn();
    const wanted = { ...scopes, graph: [...scopes.graph, 'https://graph.microsoft.com/Mail.Send.Shared'] };
    const redemption = await delegatedGrant({ ...world.options, kind: 'device-code', store, scopes: wanted }).redeem(
      'graph',
    );
    expect(redemption).toEqual({
      granted: ['Mail.Send', 'openid', 'profile'],
      missing: ['https://graph.microsoft.com/Mail.Send.Shared'],
    });
    expect(store.signIn!.scopes.graph).toEqual(redemption.granted);
  });

  test('that nobody consented to is missing as a whole, and the sign-in stays', async () => {
    await signIn();
    world.people.consented.delete('Mail.Send');
    const redemption = await grant().redeem('graph');
    expect(redemption).toMatchObject({ granted: [], missing: scopes.graph });
    expect(redemption.refusal).toMatchObject({ code: 'token-refused', details: { aadsts: 'AADSTS65001' } });
    expect(store.signIn!.ended).toBeUndefined();
    expect(store.signIn!.scopes.graph).toBeUndefined();
  });

  test('cannot be asked when Entra ID is away', async () => {
    await signIn();
    world.entra.next.push((response) => sendJson(response, 503, {}));
    expect((await world.failure(grant().redeem('graph'))).kind).toBe('temporary');
  });
});

describe('a sign-in that nobody uses', () => {
  test('is renewed when it is old enough, and not before', async () => {
    await signIn();
    const signedInAtMs = world.clock.now();
    world.clock.advance(7 * day - 1);
    expect(await grant().renewIfOld(7 * day)).toBe(false);
    expect(refreshes()).toHaveLength(0);
    world.clock.advance(1);
    expect(await grant().renewIfOld(7 * day)).toBe(true);
    expect(store.signIn).toMatchObject({ signedInAtMs, renewedAtMs: signedInAtMs + 7 * day });
    expect(await grant().renewIfOld(7 * day)).toBe(false);
    expect(refreshes()).toHaveLength(1);
    expect(refreshes()[0]!.get('scope')!.split(' ')).toEqual(expect.arrayContaining(scopes.exchange));
  });

  test('lives for a year of daily calls', async () => {
    await signIn();
    const bridge = grant();
    let renewals = 0;
    for (let i = 0; i < 365; i++) {
      world.clock.advance(day);
      if (await bridge.renewIfOld(7 * day)) renewals++;
    }
    expect(renewals).toBe(52);
  });

  test('is renewed once by two who see it at the same time', async () => {
    await signIn();
    world.clock.advance(8 * day);
    expect(await Promise.all([grant().renewIfOld(7 * day), grant().renewIfOld(7 * day)])).toEqual([true, false]);
    expect(refreshes()).toHaveLength(1);
  });

  test('counts every use as a renewal', async () => {
    await signIn();
    world.clock.advance(8 * day);
    await acquire();
    expect(await grant().renewIfOld(7 * day)).toBe(false);
  });

  test('asks for what was granted where more is wanted', async () => {
    await signIn();
    world.clock.advance(8 * day);
    const wanted = { exchange: [...scopes.exchange, 'https://outlook.office.com/Calendars.Read'] };
    await delegatedGrant({ ...world.options, kind: 'device-code', store, scopes: wanted }).renewIfOld(day);
    expect(refreshes()[0]!.get('scope')).not.toContain('Calendars');
  });

  test('whose end shows then is marked', async () => {
    await signIn();
    world.clock.advance(91 * day);
    world.people.refusals.push(refused(700082, 'invalid_grant', 'The refresh token has expired due to inactivity.'));
    expect((await world.failure(grant().renewIfOld(7 * day))).code).toBe('sign-in-ended');
    expect(store.signIn!.ended).toMatchObject({ aadsts: 'AADSTS700082' });
  });

  test('does nothing where nobody has signed in', async () => {
    expect(await grant().renewIfOld(0)).toBe(false);
    expect(world.entra.requests).toEqual([]);
  });
});

describe('a password', () => {
  let password: string;
  let bridge: { acquire(): Promise<AccessToken>; force(): Promise<AccessToken> };

  beforeEach(() => {
    password = alice.password;
    const { username } = alice;
    const options: DelegatedGrantOptions = {
      ...world.options,
      kind: 'password',
      store,
      scopes,
      username,
      password: () => password,
    };
    const held = delegatedGrant(options);
    bridge = { acquire: () => acquire(held), force: () => acquire(held, scopes.exchange, true) };
  });

  const grants = () => world.entra.posts.map((form) => form.get('grant_type'));

  test('signs in by itself, once, and the refresh token serves from then on', async () => {
    expect((await bridge.acquire()).value).toBe(world.entra.tokens[0]);
    await bridge.force();
    await bridge.acquire();
    expect(grants()).toEqual(['password', 'refresh_token']);
    expect(store.signIn).toMatchObject({ username: alice.username, scopes: { exchange: expect.anything() } });
  });

  test('signs in again when the refresh token is refused', async () => {
    await bridge.acquire();
    world.people.revoke();
    expect((await bridge.force()).value).toBe(world.entra.tokens[1]);
    expect(grants()).toEqual(['password', 'refresh_token', 'password']);
    expect(store.signIn!.ended).toBeUndefined();
  });

  test('signs in again where somebody else had signed in, or the sign-in has ended', async () => {
    await bridge.acquire();
    store.signIn = { ...store.signIn!, username: 'bob@contoso.com' };
    await bridge.acquire();
    store.signIn = { ...store.signIn!, ended: { atMs: 0, cause: 'Over.' } };
    await bridge.acquire();
    expect(grants()).toEqual(['password', 'password', 'password']);
  });

  test('that is wrong is not tried again for 15 minutes, or until it is another one', async () => {
    password = 'wrong password';
    for (let i = 0; i < 3; i++) {
      const error = await world.failure(bridge.acquire());
      expect(error).toMatchObject({ code: 'token-refused', details: { aadsts: 'AADSTS50126' } });
      expect(error.toString()).not.toContain(password);
    }
    expect(grants()).toHaveLength(1);
    world.clock.advance(15 * minute);
    await world.failure(bridge.acquire());
    expect(grants()).toHaveLength(2);
    password = alice.password;
    expect((await bridge.acquire()).value).toBe(world.entra.tokens[0]);
  });

  test('that is right is tried again at once after anything else', async () => {
    world.people.refusals.push(refused(50076, 'invalid_grant', 'Multifactor.'));
    expect((await world.failure(bridge.acquire())).remedy).toContain('cannot answer a second factor');
    expect((await bridge.acquire()).value).toBe(world.entra.tokens[0]);
  });

  test('is not tried when Entra ID is busy with the refresh token', async () => {
    await bridge.acquire();
    world.entra.next.push((response) => sendJson(response, 503, {}));
    expect((await world.failure(bridge.force())).kind).toBe('temporary');
    expect(grants()).toEqual(['password', 'refresh_token']);
  });
});

describe('a delegated grant is refused when made', () => {
  test('with an authority that is not https, or a tenant that is none', () => {
    const make = (changes: object) => () =>
      delegatedGrant({ ...world.options, kind: 'device-code', store, scopes, ...changes });
    expect(make({ authority: 'http://127.0.0.1' })).toThrow('is http:');
    expect(make({ tenantId: 'a/b' })).toThrow('neither a GUID nor a domain');
    expect(make({ tenantId: 'organizations' })).not.toThrow();
  });
});
