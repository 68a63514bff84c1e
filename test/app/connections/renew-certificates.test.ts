import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { startBridge } from '../../../src/app/bridge.ts';
import type { CertificateAndKey } from '../../../src/base/certificates.ts';
import { silentLog } from '../../../src/base/log.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { makeClientCertificate } from '../../../src/onboarding/client-certificate-maker.ts';
import { nextFiles } from '../../../src/onboarding/registration/credential-files.ts';

import { keptLog } from '../../support/kept-log.ts';
import {
  alice,
  arrived,
  contosoConfig,
  password,
  relayFolder,
  reports,
  startContoso,
  until,
} from '../../support/relay.ts';
import { SmtpDialogue } from '../../support/smtp-dialogue.ts';

const dayMs = 24 * 3_600_000;
let ending: CertificateAndKey;
let another: CertificateAndKey;

beforeAll(async () => {
  ending = await makeClientCertificate('mailbridge contoso', Date.now() - 700 * dayMs, 730);
  another = await makeClientCertificate('mailbridge contoso', Date.now(), 730);
});

interface WorldOptions {
  readonly pair?: CertificateAndKey;
  /** Whether the configuration names the app registration. */
  readonly isKnown?: boolean;
}

/** A bridge whose app authenticates with a certificate that expires in 30 days. */
async function world({ pair = ending, isKnown = true }: WorldOptions = {}) {
  const simulator = await startContoso({ clientCertificatePem: pair.cert });
  onTestFinished(() => simulator.close());
  const folder = await relayFolder();
  onTestFinished(() => folder.remove());
  const files = { cert: join(folder.path, 'contoso.crt'), key: join(folder.path, 'contoso.key') };
  await writeFile(files.cert, pair.cert);
  await writeFile(files.key, pair.key, { mode: 0o600 });
  const whole = contosoConfig(simulator);
  const { clientSecret: _, ...connection } = whole.connections.contoso as { clientSecret?: unknown; grant: string };
  const applicationObjectId = simulator.tenant.app.objectId;
  const contoso = {
    ...connection,
    clientCertificate: files,
    ...(isKnown && { applicationObjectId }),
  } as (typeof whole.connections)[string];
  await folder.configure({ ...whole, connections: { contoso } });
  // It must authenticate with a certificate.
  simulator.tenant.app.secrets.splice(0);
  const { log, lines } = keptLog();
  const start = async (used = log) => {
    const { config } = await loadConfig(folder.configFile, { env: {} });
    const bridge = await startBridge(config, { log: used });
    onTestFinished(() => bridge.stop());
    return bridge;
  };
  const said = (text: string) => until(text, () => lines.find(({ msg }) => msg.includes(text)));
  return { simulator, files, start, said, lines, registered: () => simulator.tenant.app.certificates };
}

/** Sends a message through Graph, and waits until it has arrived. */
async function delivers(m365: Awaited<ReturnType<typeof world>>['simulator'], port: number, mark: string) {
  const client = await SmtpDialogue.open(port);
  const credentials = Buffer.from(`\0graph\0${password}`).toString('base64');
  await client.pipeline('EHLO c.test', `AUTH PLAIN ${credentials}`, `MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`);
  expect(await client.message(`From: ${reports}\r\nSubject: ${mark}\r\n\r\ntext\r\n`)).toMatch(/^250/);
  client.destroy();
  await arrived(m365, alice, 'INBOX', mark);
}

const endOf = async (file: string) => Date.parse(new X509Certificate(await readFile(file)).validTo);

test('a certificate near its end is renewed by proof of its key, and mail goes by the new one', async () => {
  const { simulator, files, start, said, registered } = await world();
  const bridge = await start();
  await said('the certificate of contoso has been renewed: it ends on ');
  expect(await endOf(files.cert)).toBeGreaterThan(Date.now() + 700 * dayMs);
  expect(registered()).toHaveLength(2);
  expect(existsSync(nextFiles(files).key)).toBe(false);
  // The old one is no longer valid: mail is now sent with the new one.
  registered().shift();
  simulator.tenant.tokenLifetimeSeconds = 60;
  await delivers(simulator, bridge.listeners[0]?.port ?? 0, 'by the new one');
  await bridge.reload((await loadConfig(join(files.cert, '../config.json'), { env: {} })).config);
  await delivers(simulator, bridge.listeners[0]?.port ?? 0, 'and after a reload');
});

test('an audience that Microsoft named earlier is tried too', async () => {
  const { simulator, start, said } = await world();
  simulator.tenant.keyRolling.audience = '00000002-0000-0000-c000-000000000000';
  await start();
  await said('has been renewed');
});

test.each([
  ['one that lasts', { pair: () => another, isKnown: true }],
  ['one whose registration is not named', { pair: () => ending, isKnown: false }],
] as const)('%s is left alone', async (_, { pair, isKnown }) => {
  const { files, start, registered, lines } = await world({ pair: pair(), isKnown });
  const bridge = await start();
  await bridge.stop();
  expect(await readFile(files.cert, 'utf8')).toBe(pair().cert);
  expect(registered()).toHaveLength(1);
  expect(lines.filter(({ msg }) => msg.includes('certificate of contoso'))).toEqual([]);
});

test('where the tenant forbids it the log says so with the command, and mail goes on by the old one', async () => {
  const { simulator, files, start, said } = await world();
  simulator.tenant.keyRolling.forbidden = true;
  const bridge = await start();
  const line = await said('cannot renew the certificate of contoso: ');
  expect(line).toMatchObject({ code: 'directory-refused', connection: 'contoso' });
  expect(line.msg).toContain('CredentialTypeNotAllowedAsPerAppPolicy');
  expect(line.msg).toContain('Run mailbridge register-app --name contoso --rotate, then reload (SIGHUP).');
  expect(await readFile(files.cert, 'utf8')).toBe(ending.cert);
  await delivers(simulator, bridge.listeners[0]?.port ?? 0, 'by the old one');
});

test('a certificate whose adding was answered with nothing is not added twice', async () => {
  const { simulator, start, said, registered } = await world();
  simulator.faults.add({ target: 'graph', at: 'directory', kind: 'cut-after' });
  const first = await start();
  await said('cannot renew the certificate of contoso: ');
  await first.stop();
  expect(registered()).toHaveLength(2);
  await start();
  await said('has been renewed');
  expect(registered()).toHaveLength(2);
});

test('cut short between the names of key and certificate, it starts with the new pair and finishes', async () => {
  const { files, start, simulator, registered } = await world();
  registered().push({ id: 'new', certificate: new X509Certificate(another.cert) });
  registered().shift();
  const next = nextFiles(files);
  await writeFile(next.cert, another.cert);
  await writeFile(next.key, another.key, { mode: 0o600 });
  await rename(next.key, files.key);
  const bridge = await start(silentLog);
  await delivers(simulator, bridge.listeners[0]?.port ?? 0, 'by the new pair');
  await until('the certificate in its place', () => !existsSync(next.cert));
  expect(await readFile(files.cert, 'utf8')).toBe(another.cert);
});
