import { X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { ListenerCertificates } from '../../../src/app/listener-certificates.ts';
import { bestListener, clientHosts, type NamingConfig } from '../../../src/app/listeners/client-hosts.ts';
import type { Config } from '../../../src/config/schema.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const publicUrl = 'https://mailbridge.contoso.com';
const connect = { connection: 'people', domains: ['contoso.com'] };

test.each<[name: string, config: NamingConfig, first: string]>([
  [
    'the host of admin.connect',
    { hostname: 'mx1', admin: { publicUrl, connect: { ...connect, host: 'imap.contoso.com' } } },
    'imap.contoso.com',
  ],
  ['the host of admin.publicUrl', { hostname: 'mx1', admin: { publicUrl } }, 'mailbridge.contoso.com'],
  [
    'an address in admin.publicUrl, without its brackets',
    { admin: { publicUrl: 'https://[2001:db8::5]:8025' } },
    '2001:db8::5',
  ],
  ['the hostname', { hostname: 'mx1.contoso.com', admin: {} }, 'mx1.contoso.com'],
  ['the name of the machine', {}, hostname()],
])('beyond this machine %s comes first', (_, config, first) => {
  expect(clientHosts('0.0.0.0', config)[0]).toBe(first);
  expect(clientHosts('192.0.2.7', config)).toEqual([first, '192.0.2.7']);
});

test('a listener of this machine alone has no name, unless people come to it from elsewhere', () => {
  expect(clientHosts('127.0.0.1', { hostname: 'mx1', admin: { publicUrl } })).toEqual(['127.0.0.1']);
  expect(clientHosts('127.0.0.1', { admin: { connect } })).toEqual(['127.0.0.1']);
  expect(clientHosts('127.0.0.1', { hostname: 'mx1', admin: { connect } })).toEqual(['mx1', '127.0.0.1']);
  expect(clientHosts('127.0.0.1', { admin: { publicUrl, connect } })).toEqual(['mailbridge.contoso.com', '127.0.0.1']);
});

test('no host is told twice', () => {
  expect(clientHosts('192.0.2.7', { hostname: '192.0.2.7' })).toEqual(['192.0.2.7']);
});

test('the listener that others reach comes before the one that is encrypted better', () => {
  const listener = (host: string, security: 'none' | 'starttls' | 'tls') => ({
    protocol: 'imap' as const,
    host,
    security,
  });
  const here = listener('127.0.0.1', 'tls');
  const all = [here, listener('0.0.0.0', 'none'), listener('0.0.0.0', 'starttls')];
  expect(bestListener(all, 'imap')).toBe(all[2]);
  expect(bestListener([listener('::1', 'none'), here], 'imap')).toBe(here);
  expect(bestListener(all, 'smtp')).toBeUndefined();
});

test('a certificate made here bears the name that programs are told', async () => {
  const dataDir = temporaryFolder();
  const listeners = [{ protocol: 'imap', host: '0.0.0.0', port: 0, security: 'tls' }];
  const config = { dataDir, listeners, admin: { publicUrl, port: 0, security: 'none' } } as unknown as Config;
  const certificates = await ListenerCertificates.open(config, 'mx1', Date.now());
  const certificate = new X509Certificate(certificates.of(config.listeners[0]!)?.cert ?? '');
  for (const name of ['mailbridge.contoso.com', 'mx1', hostname()]) expect(certificate.checkHost(name)).toBe(name);
});
