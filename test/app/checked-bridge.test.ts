import { writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { checkBridge } from '../../src/app/checked-bridge.ts';
import { CommandQueue } from '../../src/app/queue-store.ts';
import { issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import { systemClock } from '../../src/base/clock.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { AdminConfig, Config, ConfigInput } from '../../src/config/schema.ts';
import type { HopResult } from '../../src/onboarding/check/hops/hop.ts';
import { ownAddresses } from '../../src/onboarding/own-addresses.ts';
import { freePorts } from '../support/ports.ts';
import { contosoAccount, type Relay, startRelay } from '../support/relay.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const account = contosoAccount('smtp', { networks: ['127.0.0.1'], read: 'imap' });

/** A running bridge, and its configuration with the ports that it got. */
async function start(changes: Partial<ConfigInput>): Promise<{ relay: Relay; config: Config }> {
  const relay = await startRelay({ accounts: [account], ...changes });
  onTestFinished(() => relay.close());
  const { config } = await loadConfig(relay.folder.configFile, { env: {} });
  const listeners = config.listeners.map((listener, index) => ({ ...listener, port: relay.port(index) }));
  return { relay, config: { ...config, listeners } };
}

async function check(config: Config, nowMs = Date.now()): Promise<HopResult[]> {
  const clock = { ...systemClock, now: () => nowMs };
  const queue = new CommandQueue(config);
  const hops: HopResult[] = [];
  for await (const hop of checkBridge(config, { mustRun: false, clock, queue })) hops.push(hop);
  await queue.close();
  return hops;
}

const listenersOf = (hops: readonly HopResult[]) => hops.filter(({ hop }) => hop === 'listener');

test('every protocol with every security, at the address that it is meant for', async () => {
  const protocols = ['smtp', 'imap', 'pop3'] as const;
  const listeners = protocols.flatMap((protocol) =>
    (['none', 'starttls', 'tls'] as const).map((security) => ({ protocol, security, port: 0, host: '0.0.0.0' })),
  );
  const { config } = await start({ listeners });
  const [, first = '127.0.0.1'] = ownAddresses('', networkInterfaces());
  for (const { status, target, detail, warning } of listenersOf(await check(config))) {
    expect([target, status, warning]).toEqual([target, 'ok', undefined]);
    expect(detail).toMatch(
      target.endsWith('(none)')
        ? `answers at ${first}, without TLS, as configured`
        : new RegExp(`^answers at ${first}, TLSv1\\.3, certificate until \\d{4}-`),
    );
  }
});

test.each([
  ['this machine', ['127.0.0.0/8', ...ownAddresses('', networkInterfaces()).slice(1)]],
  ['another machine', ['192.0.2.5']],
])('a listener behind a balancer on %s answers the check, which sends its header where it has to', async (_, from) => {
  const protocols = ['smtp', 'imap', 'pop3'] as const;
  const listeners = protocols.flatMap((protocol) =>
    (['none', 'starttls', 'tls'] as const).flatMap((security) =>
      ['127.0.0.1', '0.0.0.0'].map((host) => ({ protocol, security, port: 0, host, proxyProtocol: { from } })),
    ),
  );
  const { config } = await start({ listeners });
  const hops = listenersOf(await check(config));
  expect(hops.map(({ status, warning }) => [status, warning])).toEqual(listeners.map(() => ['ok', undefined]));
});

test('before the first start and after the last one the bridge does not run', async () => {
  const { relay, config } = await start({});
  const dataDir = join(temporaryFolder(), 'data');
  expect((await check({ ...config, dataDir }))[0]).toMatchObject({ hop: 'bridge', status: 'skipped' });
  expect((await check(config))[0]).toMatchObject({ hop: 'bridge', status: 'ok', detail: 'runs' });
  await relay.bridge.stop();
  expect((await check(config))[0]).toMatchObject({ hop: 'bridge', status: 'skipped' });
});

test('a port of the configuration where nothing answers, and one where something else does', async () => {
  const { config, relay } = await start({});
  const [listener] = config.listeners;
  const port = Number(new URL(relay.simulator.endpoints.graph).port);
  const listeners = [
    { ...listener!, port: 1 },
    { ...listener!, protocol: 'imap' as const },
    { ...listener!, port },
  ];
  const [closed, wrong, silent] = listenersOf(await check({ ...config, listeners }));
  expect(closed).toMatchObject({ status: 'failed', code: 'listener-unanswered' });
  expect(closed?.cause).toMatch(/^The bridge runs, but its listener does not answer: .*127\.0\.0\.1:1\b/);
  for (const other of [wrong, silent]) expect(other).toMatchObject({ status: 'failed', code: 'listener-unanswered' });
});

test('a certificate that has expired, one that will, and one that bears another name', async () => {
  const folder = temporaryFolder();
  const authority = await makeAuthority('test', 10);
  const pair = await issueServerCertificate(authority, ['mail.contoso.com'], 40);
  const tls = { cert: join(folder, 'server.crt'), key: join(folder, 'server.key') };
  writeFileSync(tls.cert, pair.cert);
  writeFileSync(tls.key, pair.key, { mode: 0o600 });
  const { config } = await start({ tls, hostname: 'mail.contoso.com' });
  const dayMs = 24 * 60 * 60 * 1000;
  const [now] = listenersOf(await check(config));
  expect(now).toMatchObject({ status: 'ok' });
  expect(now).not.toHaveProperty('warning');
  const [soon] = listenersOf(await check(config, Date.now() + 20 * dayMs));
  expect(soon?.warning).toMatch(/^The certificate of the listener expires on \d{4}-.* SIGHUP\.$/);
  const [late] = listenersOf(await check(config, Date.now() + 41 * dayMs));
  expect(late).toMatchObject({ status: 'failed', code: 'listener-certificate-expired' });
  const [other] = listenersOf(await check({ ...config, hostname: 'bridge.contoso.com' }));
  expect(other?.warning).toContain(
    'bridge.contoso.com). Clients that check it must use mail.contoso.com; set hostname',
  );
});

test('the admin port is asked too', async () => {
  const port = await freePorts(2);
  const { config } = await start({ admin: { host: '127.0.0.1', port } });
  const admin = (await check(config)).find(({ hop }) => hop === 'admin');
  expect(admin).toMatchObject({ status: 'ok', target: `http://127.0.0.1:${port}/health`, detail: 'ok' });
  const full = await start({ admin: { host: '127.0.0.1', port: port + 1 }, queue: { minFreeMegabytes: 1_000_000 } });
  const notReady = (await check(full.config)).find(({ hop }) => hop === 'admin');
  expect(notReady).toMatchObject({ status: 'ok', detail: 'ok' });
  expect(notReady?.warning).toMatch(/^\/readyz sends clients elsewhere: .*queue\.minFreeMegabytes/);
  const other = { ...config, admin: { ...(config.admin as AdminConfig), port: 1 } };
  expect((await check(other)).find(({ hop }) => hop === 'admin')).toMatchObject({
    status: 'failed',
    code: 'listener-unanswered',
  });
});
