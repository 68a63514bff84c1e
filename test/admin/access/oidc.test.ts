import { Readable } from 'node:stream';
import { exportJWK, type GenerateKeyPairResult, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { OidcProvider } from '../../../src/admin/access/oidc/provider.ts';
import type { HttpClient, HttpRequest } from '../../../src/base/http/client.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const authority = 'https://login.example';
const tenantId = '11111111-2222-3333-4444-555555555500';
const issuer = `${authority}/${tenantId}/v2.0`;
const request = { state: 'x', nonce: 'nonce-1', verifier: 'verifier-1', redirectUri: 'http://localhost:1/callback' };

/** A provider whose keys and answers the test sets. */
async function provider(changes: { readonly issuer?: string } = {}) {
  const clock = new FakeClock();
  const keys = new Map<string, GenerateKeyPairResult>([['key-1', await generateKeyPair('RS256')]]);
  const asked: string[] = [];
  let idToken: unknown;
  const answers: Readonly<Record<string, () => Promise<object>>> = {
    [`/${tenantId}/v2.0/.well-known/openid-configuration`]: async () => ({
      issuer: changes.issuer ?? issuer,
      authorization_endpoint: `${authority}/authorize`,
      token_endpoint: `${authority}/token`,
      jwks_uri: `${authority}/keys`,
    }),
    '/keys': async () => ({
      keys: await Promise.all(
        [...keys].map(async ([kid, { publicKey }]) => ({ ...(await exportJWK(publicKey)), kid })),
      ),
    }),
    '/token': async () =>
      idToken === undefined
        ? { error: 'invalid_grant', error_description: 'AADSTS70008: Expired.\r\nTrace ID: 1' }
        : { id_token: idToken },
  };
  const http: HttpClient = {
    async request({ url }: HttpRequest) {
      const { pathname } = new URL(url);
      asked.push(pathname);
      const text = JSON.stringify(await answers[pathname]?.());
      return { status: 200, headers: {}, body: Readable.from([]), text: async () => text, discard: async () => {} };
    },
    renewConnections() {},
    close: async () => {},
  };
  const settings = {
    authority,
    tenantId,
    clientId: 'client-1',
    clientSecret: 'secret-of-client-1',
    operateGroup: 'g',
    http,
  };
  const opened = new OidcProvider(settings, clock);
  const seconds = Math.floor(clock.now() / 1000);
  const claims: JWTPayload = {
    iss: issuer,
    aud: 'client-1',
    sub: 'anna',
    nonce: 'nonce-1',
    iat: seconds,
    nbf: seconds,
    exp: seconds + 3600,
  };
  const sign = async (payload: JWTPayload, kid = 'key-1', by = keys.get(kid)) =>
    await new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid }).sign((by as GenerateKeyPairResult).privateKey);
  const redeem = (token: unknown) => {
    idToken = token;
    return opened.redeem('code-1', request);
  };
  return { opened, clock, keys, asked, claims, sign, redeem };
}

test('a token that is for us, of our tenant and of this sign-in is believed', async () => {
  const { claims, sign, redeem } = await provider();
  expect(await redeem(await sign(claims))).toMatchObject({ sub: 'anna' });
});

test.each<readonly [string, (claims: JWTPayload) => JWTPayload]>([
  ['for another app', (claims) => ({ ...claims, aud: 'client-2' })],
  ['of another tenant', (claims) => ({ ...claims, iss: `${authority}/99999999-2222-3333-4444-555555555500/v2.0` })],
  ['of another sign-in', (claims) => ({ ...claims, nonce: 'nonce-2' })],
  ['without a nonce', ({ nonce: _, ...claims }) => claims],
  ['that has expired', (claims) => ({ ...claims, exp: (claims.iat ?? 0) - 120 })],
  ['that never expires', ({ exp: _, ...claims }) => claims],
  ['that is not valid yet', (claims) => ({ ...claims, nbf: (claims.iat ?? 0) + 600 })],
])('a token %s is not', async (_, change) => {
  const { claims, sign, redeem } = await provider();
  await expect(redeem(await sign(change(claims)))).rejects.toMatchObject({ code: 'admin-oidc-failed' });
});

test('a token that somebody else has signed is not, nor one without a signature', async () => {
  const { claims, sign, redeem, keys } = await provider();
  const failing = expect.objectContaining({ code: 'admin-oidc-failed' });
  await expect(redeem(await sign(claims, 'key-1', await generateKeyPair('RS256')))).rejects.toEqual(failing);
  const unsigned = [{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  await expect(redeem(`${unsigned.join('.')}.`)).rejects.toEqual(failing);
  // The public key, used as a shared secret.
  const key = await exportJWK((keys.get('key-1') as GenerateKeyPairResult).publicKey);
  const shared = new TextEncoder().encode(JSON.stringify(key).padEnd(64, ' '));
  const confused = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'key-1' }).sign(shared);
  await expect(redeem(confused)).rejects.toEqual(failing);
  for (const token of ['', 'x.y.z', 5, null, 'a'.repeat(10_000)]) await expect(redeem(token)).rejects.toEqual(failing);
});

test('a new key of Entra ID is fetched when it is met, once a minute at most', async () => {
  const { claims, sign, redeem, keys, asked, clock } = await provider();
  await redeem(await sign(claims));
  keys.set('key-2', await generateKeyPair('RS256'));
  await clock.advance(61_000);
  await expect(redeem(await sign(claims, 'key-2'))).resolves.toMatchObject({ sub: 'anna' });
  const unknown = await sign(claims, 'key-3', await generateKeyPair('RS256'));
  for (let count = 0; count < 3; count++) await expect(redeem(unknown)).rejects.toThrow();
  expect(asked.filter((path) => path === '/keys').length).toBe(2);
});

test('what Entra ID refuses is told in its words, without what is behind them', async () => {
  const { redeem } = await provider();
  await expect(redeem(undefined)).rejects.toThrow('Entra ID gave no id token: AADSTS70008: Expired.');
});

test('a document of no tenant in particular is refused: everybody could sign in', async () => {
  const { opened } = await provider({ issuer: `${authority}/{tenantid}/v2.0` });
  await expect(opened.authorizeUrl(request, 'challenge')).rejects.toMatchObject({ code: 'admin-oidc-failed' });
});
