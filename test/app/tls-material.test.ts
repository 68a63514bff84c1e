import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { localCertificate, readTlsFiles } from '../../src/app/tls-material.ts';
import { issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('a bridge without a certificate makes an authority and a certificate once, and keeps them', async () => {
  const folder = temporaryFolder();
  const first = await localCertificate(folder, ['bridge.contoso.example'], Date.now());
  expect(first.isNew).toBe(true);
  const cert = new X509Certificate(first.cert);
  expect(cert.verify(new X509Certificate(readFileSync(first.authorityFile)).publicKey)).toBe(true);
  for (const name of ['bridge.contoso.example', 'localhost']) expect(cert.checkHost(name)).toBe(name);
  expect(cert.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(statSync(join(folder, 'tls', 'ca.key')).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'tls', 'server.key')).mode & 0o777).toBe(0o600);
  const second = await localCertificate(folder, ['bridge.contoso.example'], Date.now());
  expect(second).toEqual({ ...first, isNew: false });
});

test('a certificate that is about to expire is renewed under the same authority', async () => {
  const folder = temporaryFolder();
  const { authorityFile } = await localCertificate(folder, ['bridge'], Date.now());
  const authority = {
    cert: readFileSync(authorityFile, 'utf8'),
    key: readFileSync(join(folder, 'tls', 'ca.key'), 'utf8'),
  };
  const old = await issueServerCertificate(authority, ['bridge'], 10);
  writeFileSync(join(folder, 'tls', 'server.crt'), old.cert);
  writeFileSync(join(folder, 'tls', 'server.key'), old.key);
  const renewed = await localCertificate(folder, ['bridge'], Date.now());
  expect(renewed.cert).not.toBe(old.cert);
  expect(readFileSync(authorityFile, 'utf8')).toBe(authority.cert);
  expect(Date.parse(new X509Certificate(renewed.cert).validTo)).toBeGreaterThan(Date.now() + 700 * 86_400_000);
});

test('an authority without its certificate is completed, not replaced', async () => {
  const folder = temporaryFolder();
  const { authorityFile } = await localCertificate(folder, ['bridge'], Date.now());
  const before = readFileSync(authorityFile, 'utf8');
  rmSync(join(folder, 'tls', 'server.crt'));
  await localCertificate(folder, ['bridge'], Date.now());
  expect(readFileSync(authorityFile, 'utf8')).toBe(before);
});

test('files that are missing, no certificate, or not a pair are named', async () => {
  const folder = temporaryFolder();
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const one = await makeAuthority('one', 10);
  const two = await makeAuthority('two', 10);
  const cert = file('one.crt', one.cert);
  const key = file('one.key', one.key);
  const unreadable = (message: string) =>
    expect.objectContaining({ code: 'tls-material-unreadable', message: expect.stringContaining(message) });
  await expect(readTlsFiles({ cert, key })).resolves.toEqual(one);
  await expect(readTlsFiles({ cert: join(folder, 'none.crt'), key })).rejects.toEqual(
    unreadable(`${join(folder, 'none.crt')} cannot be read: it does not exist.`),
  );
  const bad = file('bad.crt', 'not PEM');
  await expect(readTlsFiles({ cert: bad, key })).rejects.toEqual(
    unreadable(`${bad} contains no certificate in PEM form.`),
  );
  await expect(readTlsFiles({ cert, key: bad })).rejects.toEqual(
    unreadable(`${bad} contains no private key in PEM form.`),
  );
  const locked = file(
    'locked.key',
    createPrivateKey(one.key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'x',
    }) as string,
  );
  await expect(readTlsFiles({ cert, key: locked })).rejects.toEqual(unreadable(`${locked} is encrypted`));
  const other = file('two.key', two.key);
  await expect(readTlsFiles({ cert, key: other })).rejects.toEqual(
    unreadable(`The private key in ${other} does not belong to the certificate in ${cert}.`),
  );
});
