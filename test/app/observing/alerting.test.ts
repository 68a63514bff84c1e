import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { startBridge } from '../../../src/app/bridge.ts';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { keptLog } from '../../support/kept-log.ts';
import {
  alice,
  arrived,
  contosoAccount,
  contosoConfig,
  relayFolder,
  startContoso,
  until,
} from '../../support/relay.ts';
import { noteSecret } from '../../support/secret-search/record.ts';
import { SmtpDialogue } from '../../support/smtp-dialogue.ts';

const secret = 'whsec-of-a-whole-bridge-42';
noteSecret('configured secret', secret);

async function postedTo() {
  const posted: unknown[] = [];
  const server = createServer(async (request, response) => {
    posted.push(await json(request));
    response.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return { posted, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

/** One check right after the other. */
const hasty: Clock = {
  now: () => systemClock.now(),
  after: (ms, callback) => systemClock.after(ms === 10_000 || ms === 60_000 ? 10 : ms, callback),
};

test('a secret that ends soon is told by log, mail and webhook, once', async () => {
  const simulator = await startContoso();
  onTestFinished(() => simulator.close());
  const { posted, url } = await postedTo();
  const plain = contosoConfig(simulator, { accounts: [contosoAccount('graph')] });
  const soon = new Date(Date.now() + 5 * 24 * 3_600_000).toISOString().slice(0, 10);
  const { contoso } = plain.connections as Record<string, object>;
  const folder = await relayFolder({
    ...plain,
    connections: { contoso: { ...contoso, clientSecretExpiresAt: soon } },
    alerts: { mailTo: alice, account: 'graph', webhook: { url, secret } },
  } as unknown as typeof plain);
  onTestFinished(() => folder.remove());
  const { config } = await loadConfig(folder.configFile, { env: {} });
  const { log, lines } = keptLog();
  const bridge = await startBridge(config, { log, clock: hasty });
  onTestFinished(() => bridge.stop());
  await until('the webhook', () => posted.length > 0);
  expect(posted).toMatchObject([{ id: 'expires contoso client secret', state: 'raised', severity: 'warning' }]);
  expect((await arrived(simulator, alice, 'INBOX', 'register-app --name contoso')).toString()).toMatch(/^Subject: /m);
  const told = lines.filter(({ msg }) => msg.startsWith('alert: '));
  expect(told).toMatchObject([{ code: 'credential-expires', alert: 'expires contoso client secret' }]);
});

test('an account at which somebody guesses is told, a name that nobody has is not', async () => {
  const simulator = await startContoso();
  onTestFinished(() => simulator.close());
  const plain = contosoConfig(simulator, { accounts: [contosoAccount('graph')] });
  const folder = await relayFolder({ ...plain, limits: { ...plain.limits, loginFailures: 2 } });
  onTestFinished(() => folder.remove());
  const { config } = await loadConfig(folder.configFile, { env: {} });
  const { log, lines } = keptLog();
  const bridge = await startBridge(config, { log, clock: hasty });
  onTestFinished(() => bridge.stop());
  for (const username of ['nobody', 'graph']) {
    for (const guess of ['guess number one', 'guess number two']) {
      const client = await SmtpDialogue.open(bridge.listeners[0]?.port ?? 0);
      onTestFinished(() => client.destroy());
      await client.say('EHLO client.test');
      const said = await client.say(`AUTH PLAIN ${Buffer.from(`\0${username}\0${guess}`).toString('base64')}`);
      expect(said).toMatch(/^535 /);
    }
  }
  await until('the alert', () => lines.some(({ alert }) => alert === 'guessed graph'));
  expect(lines.filter(({ alert }) => String(alert).startsWith('guessed'))).toHaveLength(1);
});
