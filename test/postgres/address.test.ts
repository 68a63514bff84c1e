import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { postgresAddress } from '../../src/postgres/address.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const plain = { user: 'mail', password: '', database: 'mail', applicationName: 'mailbridge', tls: undefined };

test.each([
  ['postgres://mail@localhost', { ...plain, hosts: [{ host: 'localhost', port: 5432 }] }],
  [
    'postgresql://mail@127.0.0.1:5433/queue',
    { ...plain, database: 'queue', hosts: [{ host: '127.0.0.1', port: 5433 }] },
  ],
  [
    'postgres://mail@/queue?host=/run/postgresql',
    { ...plain, database: 'queue', hosts: [{ host: '/run/postgresql', port: 5432 }] },
  ],
  ['postgres://mail@[::1]:1/', { ...plain, hosts: [{ host: '::1', port: 1 }] }],
  [
    'postgres://a%40b:p%3A%2Fw@db1,db2:6000/q?sslmode=disable&application_name=x',
    {
      user: 'a@b',
      password: 'p:/w',
      database: 'q',
      applicationName: 'x',
      tls: undefined,
      hosts: [
        { host: 'db1', port: 5432 },
        { host: 'db2', port: 6000 },
      ],
    },
  ],
])('%s is understood', (url, expected) => expect(postgresAddress(url)).toEqual(expected));

test('TLS is required, and the name checked, wherever the server is elsewhere', () => {
  expect(postgresAddress('postgres://mail@db.contoso.com').tls).toEqual({ checksName: true });
  expect(postgresAddress('postgres://mail@localhost,db.contoso.com').tls).toEqual({ checksName: true });
  expect(postgresAddress('postgres://mail@10.0.0.1?sslmode=require').tls).toEqual({ checksName: true });
  expect(postgresAddress('postgres://mail@10.0.0.1?sslmode=verify-ca').tls).toEqual({ checksName: false });
  expect(postgresAddress('postgres://mail@localhost?sslmode=verify-full&sslrootcert=system').tls).toEqual({
    checksName: true,
  });
  const folder = temporaryFolder();
  for (const name of ['ca', 'cert', 'key']) writeFileSync(join(folder, name), name.toUpperCase());
  const url = `postgres://mail@db?sslrootcert=${folder}/ca&sslcert=${folder}/cert&sslkey=${folder}/key`;
  expect(postgresAddress(url).tls).toEqual({ ca: 'CA', cert: 'CERT', key: 'KEY', checksName: true });
  expect(postgresAddress('postgres://mail@localhost', join(folder, 'ca')).tls).toEqual({ ca: 'CA', checksName: true });
});

test.each([
  ['mysql://mail@db', 'is not postgres://USER:PASSWORD@HOST:PORT/DATABASE'],
  ['postgres://db/mail', 'names no user'],
  ['postgres://mail:s3cret@db?sslmode=prefer', 'has sslmode=prefer; use verify-full, verify-ca, require'],
  ['postgres://mail:s3cret@db?options=-c', 'has the parameter options, which is not one of'],
  ['postgres://mail:s3cret@db?target_session_attrs=any', 'has target_session_attrs=any; the queue needs read-write'],
  ['postgres://mail:s3%cret@db', 'has a % that does not begin an escape; write %25 for the sign itself'],
  ['postgres://mail:s3cret@db:0/x', 'names the port 0'],
  ['postgres://mail:s3cret@db:x/x', 'names the host db:x, which is not one'],
])('%s is refused, and no password is shown', (url, says) => {
  let message = '';
  try {
    postgresAddress(url);
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).toContain(`queue.postgres.url ${says}`);
  expect(message).not.toContain('s3');
});

test('a file that cannot be read is named', () => {
  expect(() => postgresAddress('postgres://mail@db', '/nowhere/ca.crt')).toThrow(/\/nowhere\/ca\.crt cannot be read/);
});
