import { afterEach, expect, onTestFinished, test } from 'vitest';
import { type Bridge, startBridge } from '../../src/app/bridge.ts';
import { silentLog } from '../../src/base/log.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import {
  alice,
  arrived,
  bob,
  contosoAccount,
  contosoConfig,
  password,
  relayFolder,
  reports,
  startContoso,
} from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

let simulator: Simulator;
let bridge: Bridge;

afterEach(async () => {
  await bridge?.stop();
  await simulator?.close();
});

/** A bridge whose connection is alice, who signed in; its account sends as the shared mailbox over SMTP. */
async function start(changes: Partial<ConfigInput['accounts'][number]> = {}) {
  simulator = await startContoso();
  simulator.tenant.app.delegatedGrants.push({
    id: 'consent',
    resource: 'exchange',
    scopes: ['SMTP.Send', 'IMAP.AccessAsUser.All'],
  });
  const config = contosoConfig(simulator, { accounts: [contosoAccount('smtp', { delivery: 'direct', ...changes })] });
  const { tenantId, clientId } = simulator;
  const { cloud } = config.connections.contoso!;
  const person = { grant: 'password', username: alice, password: simulator.tenant.userPassword } as const;
  const connections = { contoso: { tenantId, clientId, ...person, ...(cloud && { cloud }) } };
  const folder = await relayFolder({ ...config, connections });
  onTestFinished(() => folder.remove());
  bridge = await startBridge((await loadConfig(folder.configFile, { env: {} })).config, { log: silentLog });
}

async function send(subject: string): Promise<string> {
  const client = await SmtpDialogue.open(bridge.listeners[0]!.port);
  const credentials = Buffer.from(`\0smtp\0${password}`).toString('base64');
  await client.pipeline('EHLO client.test', `AUTH PLAIN ${credentials}`, `MAIL FROM:<${reports}>`, `RCPT TO:<${bob}>`);
  const reply = await client.message(`From: ${reports}\r\nSubject: ${subject}\r\n\r\ntext\r\n`);
  client.destroy();
  return reply;
}

test('a person who signed in sends as a shared mailbox by SMTP once they have SendAs on it', async () => {
  await start();
  expect(await send('without the right')).toMatch(
    /^554 5\.7\.60 .*Give 'alice@contoso\.com' the right: Add-RecipientPermission 'reports@contoso\.com' -Trustee/s,
  );
  simulator.tenant.exchange.sendAs = [{ mailbox: alice, as: reports }];
  expect(await send('with the right')).toMatch(/^250 /);
  await arrived(simulator, bob, 'INBOX', 'with the right');
  // Exchange keeps the copy in the mailbox that logged in.
  await arrived(simulator, alice, 'Sent Items', 'with the right');
});

test('SMTP AUTH counts that is on for the person, not for the shared mailbox', async () => {
  await start();
  simulator.tenant.exchange.sendAs = [{ mailbox: alice, as: reports }];
  Object.assign(simulator.tenant.exchange, { smtpAuthDisabled: true, smtpAuthEnabledFor: [reports] });
  expect(await send('off for the person')).toMatch(/^4\d\d .*SmtpClientAuthentication is disabled for the Tenant/s);
});

test('after a lost answer the copy is looked for with the person, and nothing is sent twice', async () => {
  await start({ delivery: 'queued' });
  simulator.tenant.exchange.sendAs = [{ mailbox: alice, as: reports }];
  simulator.faults.add({ target: 'smtp', at: 'data', kind: 'cut-after' });
  expect(await send('lost')).toMatch(/^250 /);
  await arrived(simulator, bob, 'INBOX', 'lost');
  await arrived(simulator, alice, 'Sent Items', 'lost');
});
