import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AuthorizationOptions, beginAuthorization } from '../../../src/tokens/grants/authorization-code.ts';
import { clientId, entraErrorAnswer, secret, sendJson, tenant } from '../fake-entra.ts';
import { alice, refused } from '../fake-entra-people.ts';
import { type PeopleWorld, scopes, startPeopleWorld } from '../people-world.ts';

const redirectUri = 'http://localhost:8400/signed-in';

let world: PeopleWorld;

beforeEach(async () => {
  world = await startPeopleWorld();
});

afterEach(async () => await world.close());

const begin = (changes: Partial<AuthorizationOptions> = {}) =>
  beginAuthorization({ ...world.options, scopes: scopes.graph, redirectUri, ...changes });

describe('a sign-in in a browser', () => {
  test('leads to the authorization endpoint, always with PKCE and a state', async () => {
    const { url, state } = await begin();
    const asked = new URL(url);
    expect(asked.origin + asked.pathname).toBe(`${world.entra.authority}/${tenant}/oauth2/v2.0/authorize`);
    expect(Object.fromEntries(asked.searchParams)).toMatchObject({
      client_id: clientId,
      response_type: 'code',
      response_mode: 'query',
      redirect_uri: redirectUri,
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      state,
    });
    expect(state).toMatch(/^[\w-]{43}$/);
    const wanted = [...scopes.graph, 'offline_access', 'openid', 'profile'];
    expect(asked.searchParams.get('scope')!.split(' ').sort()).toEqual(wanted);
    expect(asked.searchParams.has('prompt')).toBe(false);
    expect(world.entra.posts).toEqual([]);
  });

  test('says what the page shall insist on, and who is expected', async () => {
    const { url } = await begin({ prompt: 'login', loginHint: alice.username });
    const asked = new URL(url).searchParams;
    expect(asked.get('prompt')).toBe('login');
    expect(asked.get('login_hint')).toBe(alice.username);
    const choosing = await begin({ prompt: 'select_account', loginHint: alice.username });
    expect(new URL(choosing.url).searchParams.has('login_hint')).toBe(false);
  });

  test('gets the tokens for the code, with the verifier that belongs to the challenge', async () => {
    const request = await begin();
    const signedIn = await request.redeem(world.people.authorize(request.url));
    expect(signedIn).toMatchObject({
      username: alice.username,
      homeTenantId: alice.homeTenantId,
      objectId: alice.objectId,
      scopes: ['Mail.Send', 'openid', 'profile'],
    });
    expect(signedIn.accessToken.value).toBe(world.entra.tokens[0]);
    const [form] = world.entra.posts;
    const challenge = createHash('sha256').update(form!.get('code_verifier')!).digest('base64url');
    expect(new URL(request.url).searchParams.get('code_challenge')).toBe(challenge);
    expect(form!.has('client_secret')).toBe(false);
  });

  test('of a confidential client sends its secret along', async () => {
    const request = await begin({ credential: { kind: 'secret', secret: () => secret } });
    await request.redeem(world.people.authorize(request.url));
    expect(world.entra.posts[0]!.get('client_secret')).toBe(secret);
  });

  test('is another one each time', async () => {
    const [one, two] = [await begin(), await begin()];
    expect(one.state).not.toBe(two.state);
    const challenge = (url: string) => new URL(url).searchParams.get('code_challenge');
    expect(challenge(one.url)).not.toBe(challenge(two.url));
  });

  test('shows its verifier in no form', async () => {
    const request = await begin();
    const shown = inspect(request, { depth: 9, showHidden: true }) + JSON.stringify(request);
    await request.redeem(world.people.authorize(request.url));
    expect(shown).not.toContain(world.entra.posts[0]!.get('code_verifier'));
  });
});

describe('a redirect', () => {
  test.each([
    ['of another sign-in', async () => world.people.authorize((await begin()).url)],
    ['without a state', async () => new URL(`${redirectUri}?code=a`)],
    ['with a state that goes on', async (state: string) => new URL(`${redirectUri}?code=a&state=${state}x`)],
    ['with an error and no state', async () => new URL(`${redirectUri}?error=access_denied`)],
    ['with neither code nor error', async (state: string) => new URL(`${redirectUri}?state=${state}`)],
  ])('%s is refused, and nothing is sent', async (_name, redirect) => {
    const request = await begin();
    const error = await world.failure(request.redeem(await redirect(request.state)));
    expect(error).toMatchObject({ code: 'sign-in-redirect-invalid', kind: 'permanent' });
    expect(world.entra.posts).toEqual([]);
  });

  const description = (number: number, text: string) =>
    `${entraErrorAnswer(number, 'x', text).error_description}`.replaceAll(' ', '\r\n ');

  test.each([
    [{ error: 'access_denied', error_subcode: 'cancel' }, undefined],
    [
      { error: 'access_denied', error_description: description(65004, 'User declined to consent to access the app.') },
      'AADSTS65004',
    ],
  ])('after the person declined (%j)', async (answer, aadsts) => {
    const request = await begin();
    const error = await world.failure(request.redeem(world.people.authorize(request.url, answer)));
    expect(error).toMatchObject({ code: 'sign-in-declined', kind: 'permanent' });
    expect(error.details.aadsts).toBe(aadsts);
  });

  test.each([
    ['consent_required', 65001, 'needs-admin', 'Grant admin consent'],
    ['access_denied', 50105, 'needs-admin', 'assign the user'],
    ['interaction_required', 50058, 'needs-admin', 'without prompt "none"'],
    ['invalid_request', 900144, 'needs-admin', 'Fill in what it names'],
    ['invalid_request', 7654321, 'needs-admin', 'Entra admin center'],
  ])('with %s and AADSTS%i is told as what it is', async (name, number, kind, remedy) => {
    const request = await begin();
    const answer = { error: name, error_description: description(number, 'Something is wrong.') };
    const error = await world.failure(request.redeem(world.people.authorize(request.url, answer)));
    expect(error).toMatchObject({ code: 'token-refused', kind, details: { aadsts: `AADSTS${number}`, error: name } });
    expect(error.message).toContain(`Microsoft says: AADSTS${number}: Something is wrong.`);
    expect(error.remedy).toContain(remedy);
  });

  test.each([
    ['consent_required', 'Grant admin consent'],
    ['login_required', 'without prompt "none"'],
    ['interaction_required', 'without prompt "none"'],
  ])('with %s and no number has a remedy all the same', async (name, remedy) => {
    const request = await begin({ prompt: 'none' });
    const error = await world.failure(request.redeem(world.people.authorize(request.url, { error: name })));
    expect(error).toMatchObject({ code: 'token-refused', kind: 'needs-admin', details: { error: name } });
    expect(error.remedy).toContain(remedy);
  });

  test.each(['server_error', 'temporarily_unavailable'])('with %s is temporary', async (name) => {
    const request = await begin();
    const answer = { error: name, error_description: 'The service is down.' };
    const error = await world.failure(request.redeem(world.people.authorize(request.url, answer)));
    expect(error).toMatchObject({ code: 'token-temporarily-unavailable', kind: 'temporary' });
    expect(error.message).toBe(
      'Microsoft Entra ID has no token for connection "contoso" just now. Microsoft says: ' +
        `${name}: The service is down.`,
    );
  });
});

describe('the code', () => {
  test('that was used before is refused, and its echo goes nowhere', async () => {
    const request = await begin();
    const redirect = world.people.authorize(request.url);
    await request.redeem(redirect);
    const error = await world.failure(request.redeem(redirect));
    expect(error).toMatchObject({ code: 'token-refused', kind: 'permanent', details: { aadsts: 'AADSTS54005' } });
    expect(error.message).toContain('already redeemed: [secret].');
  });

  test('of somebody else cannot be redeemed with this verifier', async () => {
    const [mine, theirs] = [await begin(), await begin()];
    const redirect = world.people.authorize(theirs.url);
    redirect.searchParams.set('state', mine.state);
    const error = await world.failure(mine.redeem(redirect));
    expect(error).toMatchObject({ code: 'token-refused', details: { aadsts: 'AADSTS501481' } });
  });

  test('of an app registered as a single-page app', async () => {
    const request = await begin();
    const text =
      "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests.";
    world.people.refusals.push(refused(9002327, 'invalid_request', text));
    const error = await world.failure(request.redeem(world.people.authorize(request.url)));
    expect(error.remedy).toContain('not as a single-page app');
  });

  test('is not lost to a busy Entra ID: the same redirect can be redeemed again', async () => {
    const request = await begin();
    const redirect = world.people.authorize(request.url);
    world.entra.next.push((response) => sendJson(response, 503, {}));
    expect((await world.failure(request.redeem(redirect))).kind).toBe('temporary');
    expect((await request.redeem(redirect)).username).toBe(alice.username);
  });
});

describe('a redirect URI', () => {
  test.each([
    'http://localhost:1/',
    'http://127.0.0.1:8400/x',
    'http://[::1]/',
    'https://bridge.contoso.com/signed-in',
  ])('may be %s', async (uri) => {
    expect(new URL((await begin({ redirectUri: uri })).url).searchParams.get('redirect_uri')).toBe(uri);
  });

  test.each([
    'http://bridge.contoso.com/',
    'http://localhost.evil.example/',
    'ftp://localhost/',
    'https://a/#b',
    'x',
    '',
  ])('may not be "%s"', async (uri) => {
    expect(await world.failure(begin({ redirectUri: uri }))).toMatchObject({ code: 'redirect-uri-invalid' });
    expect(world.entra.requests).toEqual([]);
  });
});
