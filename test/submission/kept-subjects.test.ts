import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../src/queue/stores/sqlite/store.ts';
import { alice, contosoAccount, password, reports, startRelay, until } from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

/** Sends one message that Microsoft refuses. @returns what the queue then lists, including bounces */
async function sent(keepSubjects: boolean) {
  const accounts = [contosoAccount('smtp', { bounceTo: alice })];
  const relay = await startRelay({ accounts, queue: { keepSubjects } });
  onTestFinished(() => relay.close());
  relay.simulator.faults.add(
    { target: 'smtp', kind: 'reply', at: 'data', status: 550, code: '5.6.11', text: 'Invalid characters' },
    1,
  );
  const client = await SmtpDialogue.open(relay.port());
  onTestFinished(() => client.destroy());
  await client.say('EHLO client.test');
  await client.say(`AUTH PLAIN ${Buffer.from(`\0smtp\0${password}`).toString('base64')}`);
  await client.say(`MAIL FROM:<${reports}>`);
  await client.say(`RCPT TO:<${alice}>`);
  await client.message(`From: ${reports}\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@mfp>\r\n\r\nx\r\n`);
  const store = openSqliteStore(join(relay.folder.path, 'data', 'queue'), { exclusive: false });
  onTestFinished(() => store.close());
  return await until('the bounce', async () => {
    const found = await store.list({}, 10);
    return found.length === 2 && found;
  });
}

test('subject and Message-ID are listed, and so are those of bounces', async () => {
  const [message, bounce] = await sent(true);
  expect(message).toMatchObject({ subject: 'Grüße', messageId: '<1@mfp>' });
  expect(bounce).toMatchObject({
    isBounce: true,
    subject: 'Undeliverable: Grüße',
    messageId: expect.stringMatching(/^<.+@.+>$/),
  });
});

test('with keepSubjects false no subject is kept, of no bounce either', async () => {
  const [message, bounce] = await sent(false);
  expect(message).toMatchObject({ messageId: '<1@mfp>' });
  for (const each of [message, bounce]) expect(each).not.toHaveProperty('subject');
});
