import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { issueServerCertificate, makeAuthority } from '../../../../src/base/certificates.ts';
import { postgresForTests } from '../../../support/postgres.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { put } from '../store-contract.ts';
import { newSchema, openStore } from './opening.ts';

const server = postgresForTests({ fsync: 'off' });
let ca = '';
let strangersCa = '';

beforeAll(async () => {
  const authority = await makeAuthority('Databases', 10, 'rsa');
  ca = authority.cert;
  strangersCa = (await makeAuthority('Strangers', 10, 'rsa')).cert;
  const { cert, key } = await issueServerCertificate(authority, ['127.0.0.1'], 10);
  const data = join(server().folder, 'data');
  for (const [name, content] of [
    ['server.crt', cert],
    ['server.key', key],
  ] as const) {
    writeFileSync(join(data, name), content, { mode: 0o600 });
    chmodSync(join(data, name), 0o600);
    if (process.geteuid?.() === 0) chownSync(join(data, name), 65_534, 65_534);
  }
  await setTls('on');
});

async function setTls(ssl: 'on' | 'off'): Promise<void> {
  await server().configure({ ssl });
  server().reload();
  while ((await server().query('SHOW ssl'))[0]?.ssl !== ssl) await delay(50);
}

function file(content: string): string {
  const path = join(temporaryFolder(), 'ca.crt');
  writeFileSync(path, content);
  return path;
}

test('the server is asked over TLS where its certificate comes from the authority named', async () => {
  const store = await openStore({
    url: server().url('?application_name=over-tls'),
    caFile: file(ca),
    schema: newSchema(),
  });
  await put(store, 'x');
  const sessions = await server().query(
    `SELECT ssl, version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'over-tls'`,
  );
  expect(sessions.length).toBeGreaterThan(0);
  for (const session of sessions) expect(session).toEqual({ ssl: true, version: 'TLSv1.3' });
});

test.each([
  ['of a stranger', () => file(strangersCa), ''],
  ['that the system does not know', () => undefined, '?sslmode=verify-full'],
  ['that the system does not know, with require', () => undefined, '?sslmode=require'],
])('a certificate %s is refused', async (_, caFile, parameters) => {
  const path = caFile();
  const opened = openStore({ url: server().url(parameters), schema: newSchema(), ...(path && { caFile: path }) });
  await expect(opened).rejects.toMatchObject({
    code: 'queue-store-refused',
    message: expect.stringMatching(/certificate/),
  });
});

test('a certificate with another name is refused, but where names are not to be checked', async () => {
  const [caFile, schema] = [file(ca), newSchema()];
  const url = (parameters: string) => server().url(parameters).replace('127.0.0.1', 'localhost');
  await expect(openStore({ url: url(''), caFile, schema })).rejects.toMatchObject({
    code: 'queue-store-refused',
    message: expect.stringMatching(/altname|does not match/i),
  });
  const store = await openStore({ url: url('?sslmode=verify-ca'), caFile, schema });
  expect(await store.count('queued')).toBe(0);
});

test('a server without TLS is refused where TLS is asked for', async () => {
  await setTls('off');
  await expect(openStore({ url: server().url(), caFile: file(ca), schema: newSchema() })).rejects.toMatchObject({
    code: 'queue-store-refused',
    message: expect.stringContaining('does not support SSL'),
  });
});
