import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { signInByPassword } from '../../../src/tokens/grants/password.ts';
import { secret } from '../fake-entra.ts';
import { alice, refused } from '../fake-entra-people.ts';
import { type PeopleWorld, scopes, startPeopleWorld } from '../people-world.ts';

let world: PeopleWorld;

beforeEach(async () => {
  world = await startPeopleWorld();
});

afterEach(async () => await world.close());

const signIn = (changes: Partial<Parameters<typeof signInByPassword>[0]> = {}) =>
  signInByPassword({
    ...world.options,
    scopes: scopes.exchange,
    username: alice.username,
    password: () => alice.password,
    ...changes,
  });

describe('a sign-in by password', () => {
  test('gets the tokens', async () => {
    const signedIn = await signIn();
    expect(signedIn).toMatchObject({ username: alice.username, objectId: alice.objectId });
    expect(signedIn.accessToken.value).toBe(world.entra.tokens[0]);
    const [form] = world.entra.posts;
    expect(form!.get('grant_type')).toBe('password');
    expect(form!.get('scope')!.split(' ').sort()).toEqual([...scopes.exchange, 'offline_access', 'openid', 'profile']);
  });

  test('of a confidential client sends its secret along', async () => {
    await signIn({ credential: { kind: 'secret', secret: () => secret } });
    expect(world.entra.posts[0]!.get('client_secret')).toBe(secret);
  });

  test('with a wrong password is refused, and the echo of the password goes nowhere', async () => {
    const error = await world.failure(signIn({ password: () => 'wr0ng/päss+word' }));
    expect(error).toMatchObject({ code: 'token-refused', kind: 'needs-admin', details: { aadsts: 'AADSTS50126' } });
    expect(error.message).toContain('Error validating credentials: [secret].');
    expect(error.remedy).toContain('never works for federated users, personal accounts');
  });

  test('with an empty password is not sent', async () => {
    expect((await world.failure(signIn({ password: () => '' }))).code).toBe('secret-unavailable');
    expect(world.entra.requests).toEqual([]);
  });

  test.each([50072, 50074, 50076, 50078, 50079, 50158])(
    'that meets a second factor (AADSTS%i) says what works in its place',
    async (number) => {
      const text = 'Due to a configuration change you must use multi-factor authentication.';
      world.people.refusals.push(refused(number, 'invalid_grant', text, { suberror: 'basic_action' }));
      const error = await world.failure(signIn());
      expect(error).toMatchObject({
        code: 'token-refused',
        kind: 'needs-admin',
        details: { suberror: 'basic_action' },
      });
      expect(error.remedy).toBe(
        'The password grant cannot answer a second factor, which Microsoft requires more and more often. ' +
          'Use the grant client-credentials, which has no user, or device-code or authorization-code.',
      );
    },
  );

  test.each([
    [53003, 'Conditional Access'],
    [50055, 'Reset the password'],
    [65001, 'admin consent'],
    [7000218, 'Allow public client flows'],
  ])('that is refused with AADSTS%i has the remedy for that', async (number, remedy) => {
    world.people.refusals.push(refused(number, 'invalid_grant', 'No.'));
    expect((await world.failure(signIn())).toString()).toContain(remedy);
  });
});
