import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../../../src/base/clock.ts';
import { type DeviceCode, requestDeviceCode, signInByDeviceCode } from '../../../src/tokens/grants/device-code.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { clientId, entraErrorAnswer, secret, sendJson } from '../fake-entra.ts';
import { alice, refused } from '../fake-entra-people.ts';
import { type PeopleWorld, scopes, startPeopleWorld } from '../people-world.ts';

let world: PeopleWorld;
let shown: DeviceCode[];

beforeEach(async () => {
  world = await startPeopleWorld();
  shown = [];
});

afterEach(async () => await world.close());

function signIn(changes: { signal?: AbortSignal; clock?: Clock; onCode?: (code: DeviceCode) => void } = {}) {
  const onCode = (code: DeviceCode) => shown.push(code);
  return signInByDeviceCode({ ...world.options, scopes: scopes.exchange, onCode, ...changes });
}

const polls = () =>
  world.entra.posts.filter((form) => form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:device_code').length;

describe('a sign-in by device code', () => {
  test('shows the code, asks at the interval given until the person is done, and gets the tokens', async () => {
    const { entra, people, clock } = world;
    const begunAtMs = clock.now();
    people.polls.push('authorization_pending', 'authorization_pending');
    const signedIn = await signIn();
    expect(shown).toEqual([
      {
        userCode: 'ABCD-1234',
        verificationUri: 'https://microsoft.com/devicelogin',
        message: 'To sign in, open https://microsoft.com/devicelogin and enter the code ABCD-1234.',
        expiresAtMs: begunAtMs + 900_000,
        intervalMs: 5000,
      },
    ]);
    expect(clock.waits).toEqual([5000, 5000, 5000]);
    expect(signedIn).toMatchObject({
      username: alice.username,
      homeTenantId: alice.homeTenantId,
      objectId: alice.objectId,
      scopes: [...scopes.exchange, 'openid', 'profile'],
    });
    expect(signedIn.accessToken.value).toBe(entra.tokens[0]);
  });

  test('has a quarter of an hour, and asks every five seconds, where the answer says neither', async () => {
    world.people.answersWithoutLifetime = true;
    world.people.interval = undefined;
    const begunAtMs = world.clock.now();
    await signIn();
    expect(shown).toMatchObject([{ expiresAtMs: begunAtMs + 15 * 60_000, intervalMs: 5000 }]);
  });

  test('asks for its scopes and for what a sign-in needs, and sends no client secret', async () => {
    const credential = { kind: 'secret', secret: () => secret } as const;
    await signInByDeviceCode({ ...world.options, credential, scopes: scopes.exchange, onCode() {} });
    const [form] = world.entra.deviceCodePosts;
    expect(form!.get('client_id')).toBe(clientId);
    expect(form!.get('scope')!.split(' ').sort()).toEqual([...scopes.exchange, 'offline_access', 'openid', 'profile']);
    expect(world.entra.posts.some((each) => each.has('client_secret'))).toBe(false);
  });

  test('works where the tenant is that of whoever signs in', async () => {
    const signedIn = await signInByDeviceCode({
      ...world.options,
      tenantId: 'organizations',
      scopes: scopes.exchange,
      onCode() {},
    });
    expect(signedIn.homeTenantId).toBe(alice.homeTenantId);
    expect(world.entra.requests).toContain('POST /organizations/oauth2/v2.0/devicecode');
  });

  test('counts the life of the token from the answer, not from the beginning of the sign-in', async () => {
    world.people.polls.push(...Array(100).fill('authorization_pending'));
    const { accessToken } = await signIn();
    expect(accessToken.expiresAtMs).toBe(world.clock.now() + 3_599_000);
  });

  test('asks 5 seconds less often after each slow_down, and never faster again', async () => {
    world.people.polls.push('slow_down', 'authorization_pending', 'slow_down');
    await signIn();
    expect(world.clock.waits).toEqual([5000, 10_000, 10_000, 15_000]);
  });

  test('asks every 5 seconds when no interval is given', async () => {
    world.people.interval = undefined;
    await signIn();
    expect(world.clock.waits).toEqual([5000]);
  });

  test('goes on, at a slower pace, when Entra ID is busy or away for a moment', async () => {
    const { entra } = world;
    entra.next.push(
      (response) => sendJson(response, 503, entraErrorAnswer(90033, 'temporarily_unavailable', 'Busy.')),
      (response) => response.destroy(),
      (response) => sendJson(response, 429, {}),
    );
    await signIn();
    expect(world.clock.waits).toEqual([5000, 10_000, 20_000, 40_000]);
  });
});

describe('a sign-in by device code ends', () => {
  test('when the code has expired by the clock, without asking once more', async () => {
    world.people.polls.push(...Array(500).fill('authorization_pending'));
    const error = await world.failure(signIn());
    expect(error).toMatchObject({ code: 'device-code-expired', kind: 'permanent' });
    expect(error.message).toBe('Nobody signed in for connection "contoso" before the device code expired.');
    expect(polls()).toBe(900 / 5 - 1);
  });

  test('when Entra ID says that the code has expired', async () => {
    world.people.polls.push('authorization_pending', refused(70019, 'expired_token', 'The code has expired.'));
    const error = await world.failure(signIn());
    expect(error).toMatchObject({ code: 'device-code-expired', details: { aadsts: 'AADSTS70019' } });
  });

  test.each(['authorization_declined', 'access_denied'])('when the person declines (%s)', async (name) => {
    world.people.polls.push(refused(65004, name, 'User declined to consent to access the app.'));
    const error = await world.failure(signIn());
    expect(error).toMatchObject({ code: 'sign-in-declined', details: { error: name } });
  });

  test('when a policy blocks the flow, with the code and the words of Microsoft', async () => {
    const text = 'Access has been blocked by Conditional Access policies.';
    world.people.polls.push('authorization_pending', refused(53003, 'invalid_grant', text));
    const error = await world.failure(signIn());
    expect(error).toMatchObject({
      code: 'token-refused',
      kind: 'needs-admin',
      details: { aadsts: 'AADSTS53003', error: 'invalid_grant', connection: 'contoso' },
    });
    expect(error.message).toContain(`AADSTS53003: ${text}`);
    expect(error.remedy).toContain('device-code is what such policies block most often');
  });

  test('when the app is no public client', async () => {
    const text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
    world.people.polls.push(refused(7000218, 'invalid_client', text));
    const error = await world.failure(signIn());
    expect(error).toMatchObject({ code: 'token-refused', details: { aadsts: 'AADSTS7000218' } });
    expect(error.remedy).toContain('Allow public client flows');
  });

  test('before a code is shown, when there is none', async () => {
    world.people.refusals.push(refused(700016, 'unauthorized_client', 'Application was not found.'));
    const error = await world.failure(signIn());
    expect(error).toMatchObject({ code: 'token-refused', details: { aadsts: 'AADSTS700016' } });
    expect(shown).toEqual([]);
    expect(polls()).toBe(0);
  });

  test('when something else answers', async () => {
    world.entra.next.push((response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>Hello'));
    expect((await world.failure(signIn())).code).toBe('token-answer-invalid');
  });
});

describe('a sign-in by device code is cancelled', () => {
  test('before it begins', async () => {
    const error = await world.failure(signIn({ signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ code: 'sign-in-cancelled' });
    expect(world.entra.requests).toEqual([]);
  });

  test('between two polls, at once', async () => {
    const controller = new AbortController();
    // Its time does not move: a wait that is not cut short never ends.
    const clock = new FakeClock();
    const onCode = () => setImmediate(() => controller.abort());
    const error = await world.failure(signIn({ signal: controller.signal, clock, onCode }));
    expect(error.code).toBe('sign-in-cancelled');
    expect(polls()).toBe(0);
  });

  test('while Entra ID is being asked, at once', async () => {
    const controller = new AbortController();
    world.entra.next.push(() => controller.abort());
    const error = await world.failure(signIn({ signal: controller.signal }));
    expect(error.code).toBe('sign-in-cancelled');
    expect(polls()).toBe(1);
  });
});

describe('a device code alone', () => {
  test('is asked for and never polled', async () => {
    const code = await requestDeviceCode({ ...world.options, scopes: scopes.exchange });
    expect(code.userCode).toBe('ABCD-1234');
    expect(world.entra.posts).toEqual([]);
  });

  test('is refused as in a sign-in', async () => {
    world.people.refusals.push(refused(50059, 'invalid_request', 'No tenant-identifying information found.'));
    const error = await world.failure(requestDeviceCode({ ...world.options, scopes: scopes.exchange }));
    expect(error).toMatchObject({ code: 'token-refused', details: { aadsts: 'AADSTS50059' } });
  });
});
