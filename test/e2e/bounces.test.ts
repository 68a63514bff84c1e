import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../src/queue/stores/sqlite/store.ts';
import { needProgram, runProgram } from '../support/external.ts';
import { Mailbridge } from '../support/process.ts';
import {
  alice,
  arrived,
  bob,
  contosoAccount,
  contosoConfig,
  couriers,
  password,
  type Relay,
  relayFolder,
  reports,
  startContoso,
  startRelay,
  until,
} from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

let relay: Relay;

beforeAll(async () => {
  relay = await startRelay({
    listeners: [{ protocol: 'smtp', port: 0, security: 'none' }],
    accounts: couriers.flatMap((send) => [
      contosoAccount(send, { bounceTo: alice }),
      contosoAccount(send, { username: `${send}-sender` }),
    ]),
    queue: { failuresTo: bob },
  });
});

afterAll(() => relay?.close());

/** Sends a message that Microsoft refuses permanently, with swaks. */
async function refused(courier: 'graph' | 'smtp', account: string, from: string, id: string): Promise<void> {
  relay.simulator.faults.add(
    courier === 'smtp'
      ? { target: 'smtp', kind: 'reply', at: 'data', status: 550, code: '5.6.11', text: 'Invalid characters' }
      : { target: 'graph', kind: 'status', status: 400, code: 'ErrorMimeContentInvalid', text: 'No.' },
    1,
  );
  const login = ['--auth', 'PLAIN', '--auth-user', account, '--auth-password', password, '--ehlo', 'mfp.test'];
  const args = ['--server', '127.0.0.1', '--port', String(relay.port()), '--from', from, '--to', 'x@fabrikam.example'];
  const message = `From: ${reports}\r\nMessage-ID: ${id}\r\n\r\nhello\r\n`;
  const { code, output } = await runProgram('swaks', [...args, ...login, '--data', '-'], message);
  expect(code, output).toBe(0);
}

const about = (mailbox: string, id: string) =>
  relay.simulator.directory
    .messages(mailbox, 'INBOX')
    .map(({ content }) => content.toString())
    .filter((content) => content.includes(id));

describe.each(couriers)('by %s', (courier) => {
  test('a failure is told to who stands in for the device, and to the administrator', async (context) => {
    needProgram(context, 'swaks');
    const id = `<device-${courier}@mfp>`;
    await refused(courier, courier, reports, id);
    for (const reader of [alice, bob]) {
      const report = (await arrived(relay.simulator, reader, 'INBOX', id)).toString();
      expect(report).toMatch(new RegExp(`^To: <${reader}>\\r$`, 'm'));
      expect(report).toMatch(/^Final-Recipient: rfc822; x@fabrikam\.example\r$/m);
      expect(report).toContain(`Account: ${courier}\r\n  Sender: <${reports}>\r\n  Client: mfp.test ([127.0.0.1])\r\n`);
    }
    expect([alice, bob, reports].map((mailbox) => about(mailbox, id).length)).toEqual([1, 1, 0]);
  });

  test('a failure of a message with a null reverse-path likewise', async (context) => {
    needProgram(context, 'swaks');
    const id = `<null-${courier}@mfp>`;
    await refused(courier, courier, '<>', id);
    for (const reader of [alice, bob]) {
      expect((await arrived(relay.simulator, reader, 'INBOX', id)).toString()).toContain('Sender: (null reverse-path)');
    }
    expect(about(reports, id)).toEqual([]);
  });

  test('without bounceTo the sender is told, as ever', async (context) => {
    needProgram(context, 'swaks');
    const id = `<sender-${courier}@mfp>`;
    await refused(courier, `${courier}-sender`, reports, id);
    expect((await arrived(relay.simulator, reports, 'INBOX', id)).toString()).not.toContain('Account:');
    await arrived(relay.simulator, bob, 'INBOX', id);
    expect(about(alice, id)).toEqual([]);
  });
});

test.each([1, 2])(
  'killed when Microsoft has taken bounce %i of two: each reader gets one',
  async (submission) => {
    const simulator = await startContoso();
    const accounts = [contosoAccount('smtp', { bounceTo: alice })];
    const queue = { retryBaseSeconds: 1, failuresTo: bob };
    const folder = await relayFolder(contosoConfig(simulator, { accounts, queue }));
    let bridge = await Mailbridge.start(folder.configFile);
    onTestFinished(async () => {
      await bridge.kill();
      await simulator.close();
      await folder.remove();
    });
    const { transport } = simulator;
    const submit = transport.submit.bind(transport);
    let taken = 0;
    transport.submit = (message) => {
      const result = submit(message);
      if (++taken === submission) bridge.signal('SIGKILL');
      return result;
    };
    const refusal = { status: 550, code: '5.6.11', text: 'Invalid characters' };
    simulator.faults.add({ target: 'smtp', kind: 'reply', at: 'data', ...refusal }, 1);
    const client = await SmtpDialogue.open(bridge.port());
    const credentials = Buffer.from(`\0smtp\0${password}`).toString('base64');
    await client.pipeline(
      'EHLO client.test',
      `AUTH PLAIN ${credentials}`,
      `MAIL FROM:<${reports}>`,
      `RCPT TO:<${bob}>`,
    );
    expect(await client.message(`From: ${reports}\r\nMessage-ID: <killed@mfp>\r\n\r\ntext\r\n`)).toMatch(/^250/);
    client.destroy();
    await bridge.exit();
    bridge = await Mailbridge.start(folder.configFile);
    const store = openSqliteStore(join(folder.path, 'data', 'queue'), { exclusive: false });
    onTestFinished(() => store.close());
    await until('the queue to be empty', async () => (await store.count('queued')) === 0, 60_000);
    const inboxes = [alice, bob, reports].map((mailbox) => simulator.directory.messages(mailbox, 'INBOX').length);
    expect(inboxes).toEqual([1, 1, 0]);
  },
  90_000,
);
