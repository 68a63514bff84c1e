import { describe, expect, test } from 'vitest';
import { knownSecrets, scrub } from '../../../src/tokens/entra/scrub.ts';

describe('the secrets of a token request', () => {
  test.each([
    'client_secret',
    'client_assertion',
    'assertion',
    'password',
    'refresh_token',
    'code',
    'code_verifier',
    'device_code',
  ])('%s is one', (field) => {
    expect(knownSecrets(`client_id=app&${field}=a%2Bb+c&grant_type=x`)).toEqual(['a+b c']);
  });

  test('what is public or empty is none, and there may be no body', () => {
    expect(knownSecrets('client_id=app&scope=x&password=&username=u')).toEqual([]);
    expect(knownSecrets(undefined)).toEqual([]);
  });

  test('all of them, where there are several', () => {
    expect(knownSecrets('code=1&code_verifier=2&code=3')).toEqual(['1', '3', '2']);
  });
});

describe('a text from elsewhere', () => {
  const secret = 'p+ä /=*';

  test.each([
    ['as it is', secret],
    ['as a part of a URL', encodeURIComponent(secret)],
    ['as a form has it', new URLSearchParams({ s: secret }).toString().slice(2)],
  ])('holds no secret %s', (_, written) => {
    expect(scrub(`said "${written}", and ${written} again`, ['other', secret])).toBe(
      'said "[secret]", and [secret] again',
    );
  });

  test.each([
    ['eyJhbGciOiJS.eyJhdWQi.c2ln-_', 'x [token] y'],
    ['eyJhbGciOiJS.eyJhdWQi', 'x [token] y'],
    ['eyJhbGciOiJS.eyJhdWQi.', 'x [token] y'],
    ['eyJ.short.one', 'x eyJ.short.one y'],
    ['eyJhbGciOiJS', 'x eyJhbGciOiJS y'],
  ])('holds no token: %s', (token, expected) => {
    expect(scrub(`x ${token} y`, [])).toBe(expected);
  });

  test('is otherwise left alone', () => {
    expect(scrub('AADSTS7000215: Invalid client secret.', ['none of it'])).toBe(
      'AADSTS7000215: Invalid client secret.',
    );
  });
});
