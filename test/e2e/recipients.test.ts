import { afterAll, beforeAll, expect, test } from 'vitest';
import { Mailbridge } from '../support/process.ts';
import { alice, arrived, bob, password, type Relay, reports, startRelay, until } from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

let relay: Relay;

beforeAll(async () => {
  relay = await startRelay();
});

afterAll(() => relay?.close());

async function send(username: string, recipients: readonly string[], message: string): Promise<string> {
  const client = await SmtpDialogue.open(relay.port());
  const credentials = Buffer.from(`\0${username}\0${password}`).toString('base64');
  await client.pipeline('EHLO client.test', `AUTH PLAIN ${credentials}`);
  await client.pipeline(`MAIL FROM:<${reports}>`, ...recipients.map((address) => `RCPT TO:<${address}>`));
  return await client.message(message);
}

test('of two recipients one is failed permanently and reported, the other deferred; `queue retry` serves that one alone', async () => {
  const { simulator, folder } = relay;
  const refusal = { target: 'smtp', kind: 'reply', at: 'rcpt' } as const;
  simulator.faults.add({ ...refusal, status: 550, code: '5.1.1', text: 'no such recipient' }, 1);
  simulator.faults.add({ ...refusal, status: 450, code: '4.2.1', text: 'later' }, 1);
  const id = '<two@contoso.com>';
  expect(await send('smtp', [alice, bob], `From: ${reports}\r\nMessage-ID: ${id}\r\n\r\ntext\r\n`)).toMatch(/^250 /);

  const report = (await arrived(simulator, reports, 'INBOX', 'Content-Type: multipart/report')).toString();
  expect(report).toMatch(/^Final-Recipient: rfc822; ?alice@contoso\.com\r\n/m);
  expect(report).toMatch(/^Status: 5\.1\.1\r\n/m);
  expect(report).not.toContain(`Final-Recipient: rfc822; ${bob}`);
  expect(simulator.directory.messages(bob, 'INBOX')).toHaveLength(0);

  const retry = Mailbridge.run(['queue', 'retry', '--all', '--config', folder.configFile]);
  expect((await retry.exit()).code, retry.stderr).toBe(0);
  await arrived(simulator, bob, 'INBOX', id);
  await until('the queue to be empty', async () => {
    const list = Mailbridge.run(['queue', 'list', '--state', 'queued', '--json', '--config', folder.configFile]);
    await list.exit();
    return (JSON.parse(list.stdout) as unknown[]).length === 0;
  });
  expect(simulator.directory.messages(alice, 'INBOX')).toHaveLength(0);
  expect(simulator.directory.messages(reports, 'INBOX')).toHaveLength(1);
});

test.each(['graph', 'smtp'])(
  'recipients in the envelope alone get the message by %s, and nobody sees them',
  async (courier) => {
    const { simulator } = relay;
    const id = `<hidden-${courier}@contoso.com>`;
    const header = `From: ${reports}\r\nTo: ${alice}\r\nBcc: ${bob}\r\nMessage-ID: ${id}\r\n`;
    expect(await send(courier, [alice, bob], `${header}\r\ntext\r\n`)).toMatch(/^250 /);
    for (const mailbox of [alice, bob]) {
      expect((await arrived(simulator, mailbox, 'INBOX', id)).toString()).not.toMatch(/^bcc:/im);
    }
    const entries = simulator.transport.journal.entries().filter(({ messageId }) => messageId === id);
    expect(entries.map(({ recipients }) => recipients.toSorted())).toEqual([[alice, bob]]);
  },
);
