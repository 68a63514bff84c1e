import { afterEach, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { alice, arrived, contosoAccount, password, type Relay, reports, startRelay, until } from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

let relay: Relay;

afterEach(() => relay?.close());

async function send(mark: string): Promise<void> {
  const client = await SmtpDialogue.open(relay.port());
  const credentials = Buffer.from(`\0smtp\0${password}`).toString('base64');
  await client.pipeline(
    'EHLO client.test',
    `AUTH PLAIN ${credentials}`,
    `MAIL FROM:<${reports}>`,
    `RCPT TO:<${alice}>`,
  );
  expect(await client.message(`From: ${reports}\r\nSubject: ${mark}\r\n\r\ntext\r\n`)).toMatch(/^250/);
  client.destroy();
}

test('after a reload no mailbox has more connections than Microsoft allows it', async () => {
  const limits = { messagesPerMinute: 10_000, recipientsPerDay: 1_000_000, concurrentPerMailbox: 2 };
  relay = await startRelay({ accounts: [contosoAccount('smtp')], limits }, { smtpConnectionsPerMailbox: 2 });
  const { simulator, bridge, folder } = relay;
  const slow = { target: 'smtp', at: 'data', kind: 'delay', delayMs: 300 } as const;
  const there = (mark: string) => arrived(simulator, alice, 'INBOX', mark);

  // Two at the same time leave two connections open.
  simulator.faults.add(slow, 2);
  await Promise.all(['one of two', 'the other'].map(send));
  await Promise.all(['one of two', 'the other'].map(there));
  simulator.faults.add(slow);
  await send('under way at the reload');
  await until('it to be under way', () => simulator.faults.list().length === 0);
  await bridge.reload((await loadConfig(folder.configFile, { env: {} })).config);
  await send('by the new configuration');
  await Promise.all(['under way at the reload', 'by the new configuration'].map(there));
  expect(simulator.violations.counts()).toEqual({});
});
