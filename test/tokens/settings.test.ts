import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import { tenantAuthority } from '../../src/tokens/entra/authority.ts';
import { readClientCertificate } from '../../src/tokens/grants/client-certificate.ts';
import { type ClientCredential, clientProof } from '../../src/tokens/grants/client-credential.ts';
import { tokenError } from '../../src/tokens/token-error.ts';
import { rsaCertificate } from './rsa-certificate.ts';

function thrown(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return expect.fail('it succeeded');
}

describe('an authority', () => {
  test('is joined with the tenant, and known by host and port', () => {
    expect(tenantAuthority('c', 'https://127.0.0.1:8443', 'contoso.com')).toEqual({
      authority: 'https://127.0.0.1:8443/contoso.com',
      knownAuthorities: ['127.0.0.1:8443'],
    });
    expect(tenantAuthority('c', 'https://login.microsoftonline.com/', 'contoso.com')).toEqual({
      authority: 'https://login.microsoftonline.com/contoso.com',
      knownAuthorities: ['login.microsoftonline.com'],
    });
  });

  test.each([
    ['http://127.0.0.1:8080', 'The authority of connection "c" is http:, not https:.'],
    ['login.microsoftonline.com', 'is not of the form https://host'],
    ['https://login.microsoftonline.com/contoso', 'is not of the form https://host'],
    ['https://user:pw@login.microsoftonline.com', 'is not of the form https://host'],
    ['', 'is not of the form https://host'],
  ])('written as "%s" is refused', (authority, message) => {
    const error = thrown(() => tenantAuthority('c', authority, 'contoso.com'));
    expect(error).toMatchObject({ code: 'authority-invalid', message: expect.stringContaining(message) });
  });

  test.each(['common', 'Organizations', 'consumers'])('takes no token of the app itself for "%s"', (tenant) => {
    const error = thrown(() => tenantAuthority('c', 'https://login.microsoftonline.com', tenant));
    expect(error).toMatchObject({
      code: 'tenant-invalid',
      message: expect.stringContaining(`"${tenant}" names no tenant`),
    });
  });

  test.each(['', 'a/b', '..', 'a?b', 'a b', 'ä.example'])('takes no tenant written as "%s"', (tenant) => {
    const error = thrown(() => tenantAuthority('c', 'https://login.microsoftonline.com', tenant));
    expect(error).toMatchObject({ code: 'tenant-invalid' });
  });
});

describe('a client certificate', () => {
  test('is refused unless it is RSA', async () => {
    const ec = await issueServerCertificate(await makeAuthority('CA', 2), ['client'], 2);
    const sec1 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' });
    for (const key of [ec.key, sec1.toString()]) {
      const error = thrown(() => readClientCertificate('c', ec.cert, key));
      expect(error).toMatchObject({
        code: 'client-certificate-invalid',
        message: expect.stringContaining('accepts only RSA keys'),
      });
    }
  });

  test('is refused with a key that is another one, encrypted, too short, or no key', async () => {
    const [one, two, short] = [await rsaCertificate(), await rsaCertificate(), await rsaCertificate(1024)];
    const cases = [
      [one.cert, two.pkcs8, 'does not belong to the certificate'],
      [one.cert, one.encrypted, 'is encrypted'],
      [short.cert, short.pkcs8, 'has 1024 bits'],
      [one.cert, 'nonsense', 'private key is not PEM'],
      ['nonsense', one.pkcs8, 'certificate is not PEM'],
    ] as const;
    for (const [cert, key, message] of cases) {
      const error = thrown(() => readClientCertificate('contoso', cert, key));
      expect(error).toMatchObject({ code: 'client-certificate-invalid', message: expect.stringContaining(message) });
      expect(String(error)).not.toContain('BEGIN');
      if (message.endsWith('is not PEM')) expect((error as Error).cause).toBeInstanceOf(Error);
    }
  });
});

test.each<[string, ClientCredential]>([
  ['client secret', { kind: 'secret', secret: () => 'hidden' }],
  ['client assertion', { kind: 'assertion', assertion: async () => 'hidden' }],
])('a %s is kept out of whatever the library may say of it', async (_, credential) => {
  const { secrets } = await clientProof('contoso', credential)();
  const thrown = new Error('unexpected: hidden');
  const error = tokenError({ connection: 'contoso', thrown, failure: undefined, secrets, nowMs: 0 });
  expect(`${error.message} ${error.remedy} ${error.stack}`).not.toContain('hidden');
});
