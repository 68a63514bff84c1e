import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { BerReader, BerWriter } from 'ldapts';
import { expect, onTestFinished, test } from 'vitest';
import { PasswordVerifier } from '../../../../src/accounts/password-verifier.ts';
import type { LdapSettings } from '../../../../src/accounts/sources/ldap/settings.ts';
import { LdapPasswords } from '../../../../src/accounts/sources/ldap/source.ts';
import { systemClock } from '../../../../src/base/clock.ts';
import { silentLog } from '../../../../src/base/log.ts';

/* What no server here does: Active Directory's names and reasons, and malicious servers. RFC 4511 section 4.1.1. */

const bindRequest = 0x60;
const bindResponse = 0x61;
const extendedResponse = 0x78;

/** An answer: a result code and a text, or raw octets. */
type Answer = { readonly code: number; readonly text?: string } | { readonly octets: Buffer };

function encoded(id: number, tag: number, { code, text = '' }: { code: number; text?: string }): Buffer {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeInt(id);
  writer.startSequence(tag);
  writer.writeEnumeration(code);
  writer.writeString('');
  writer.writeString(text);
  writer.endSequence();
  writer.endSequence();
  return writer.buffer;
}

/** A server that answers each bind as scripted. */
async function scripted(answer: (name: string, password: string) => Answer | undefined) {
  const names: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      // Anything else is TLS, which is not answered.
      if (chunk[0] !== 0x30) return;
      const reader = new BerReader(chunk);
      reader.readSequence();
      const id = reader.readInt() ?? 0;
      const tag = reader.readSequence();
      if (tag !== bindRequest) {
        socket.write(encoded(id, extendedResponse, { code: 0 }));
        return;
      }
      reader.readInt();
      const name = reader.readString() ?? '';
      const password = reader.readString(0x80) ?? '';
      names.push(name);
      const said = answer(name, password);
      if (said) socket.write('octets' in said ? said.octets : encoded(id, bindResponse, said));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { names, sockets, url: `ldap://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function source(url: string, bindDn: string, changes: Partial<LdapSettings> = {}) {
  const settings = { url, startTls: false, person: { bindDn }, timeoutMs: 500, rememberMs: 60_000, ...changes };
  const one = new LdapPasswords({ settings, verifier: new PasswordVerifier(), clock: systemClock, log: silentLog });
  onTestFinished(() => one.close());
  return async (person: string, password: string) => await one.verify(person, password, '192.0.2.1');
}

const active = (name: string, password: string): Answer =>
  name === 'anna@contoso.com' && password === 'of-active-directory'
    ? { code: 0 }
    : { code: 49, text: '80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 52e, v4563' };

test('Active Directory is given the user principal name as it is', async () => {
  const server = await scripted(active);
  const verify = source(server.url, '{username}');
  expect(await verify('anna@contoso.com', 'of-active-directory')).toEqual({ verdict: 'right' });
  expect(await verify('anna@contoso.com', 'another-password')).toEqual({ verdict: 'wrong' });
  expect(server.names).toEqual(['anna@contoso.com', 'anna@contoso.com']);
});

test.each([
  'cn=anna@contoso.com',
  'contoso\\anna',
  'contoso.com/users/anna',
  '<guid=8c2a5e4c>',
  'anna berg',
  's-1-5-21-1:2',
  'anna;@contoso.com',
])('what Active Directory would take in place of a name is nobody, and asked as nobody: %j', async (person) => {
  const server = await scripted(() => ({ code: 0 }));
  const verify = source(server.url, '{username}');
  expect(await verify(person, 'any-password-at-all')).toEqual({ verdict: 'wrong' });
  expect(server.names).toEqual([expect.stringMatching(/^nobody-[0-9a-f]{16}@nobody\.invalid$/)]);
});

test('DOMAIN\\user, from the part before the @', async () => {
  const server = await scripted((name) => ({ code: name === 'CONTOSO\\anna' ? 0 : 49 }));
  expect(await source(server.url, 'CONTOSO\\{local}')('anna@contoso.com', 'x-x-x-x-x')).toEqual({ verdict: 'right' });
});

test.each([
  [19, 'wrong'],
  [32, 'wrong'],
  [34, 'wrong'],
  [49, 'wrong'],
  [53, 'wrong'],
  [1, 'unavailable'],
  [8, 'unavailable'],
  [10, 'unavailable'],
  [13, 'unavailable'],
  [51, 'unavailable'],
  [52, 'unavailable'],
])('an answer %i to a bind is %s', async (code, verdict) => {
  const server = await scripted(() => ({ code }));
  expect((await source(server.url, '{username}')('anna@contoso.com', 'some-password')).verdict).toBe(verdict);
});

test('a server that sends without end, or something else, or nothing, is not waited for', async () => {
  const endless = await scripted(() => ({ octets: Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]) }));
  const verify = source(endless.url, '{username}');
  const verdict = verify('anna@contoso.com', 'some-password');
  while (endless.names.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  for (const socket of endless.sockets) for (let at = 0; at < 40; at++) socket.write(Buffer.alloc(65_536));
  expect((await verdict).verdict).toBe('unavailable');
  const babbling = await scripted(() => ({ octets: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') }));
  expect((await source(babbling.url, '{username}')('anna@contoso.com', 'some-password')).verdict).toBe('unavailable');
  const silent = await scripted(() => undefined);
  expect(await source(silent.url, '{username}')('anna@contoso.com', 'some-password')).toMatchObject({
    verdict: 'unavailable',
    error: { code: 'ldap-unavailable', message: expect.stringContaining('no answer to bind in 0.5 s') },
  });
});

test('no password goes out where StartTLS is granted and TLS does not come', async () => {
  const server = await scripted(() => ({ code: 0 }));
  const verify = source(server.url, '{username}', { startTls: true });
  expect((await verify('anna@contoso.com', 'some-password')).verdict).toBe('unavailable');
  expect(server.names).toEqual([]);
});

test('a connection that the server has closed meanwhile is replaced, and the login does not notice', async () => {
  const server = await scripted(active);
  const verify = source(server.url, '{username}', { rememberMs: 0 });
  for (let login = 0; login < 3; login++) {
    expect(await verify('anna@contoso.com', 'of-active-directory')).toEqual({ verdict: 'right' });
    for (const socket of server.sockets) socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(server.sockets.size).toBe(3);
});

test('while a server is silent one login tries it, and the others are told at once', async () => {
  const server = await scripted(() => undefined);
  const verify = source(server.url, '{username}');
  expect((await verify('anna@contoso.com', 'password 0')).verdict).toBe('unavailable');
  const verdicts = await Promise.all(
    Array.from({ length: 30 }, (_, at) => verify(`anna${at}@contoso.com`, `password ${at}`)),
  );
  expect(new Set(verdicts.map(({ verdict }) => verdict))).toEqual(new Set(['unavailable']));
  expect(server.names).toHaveLength(2);
});
