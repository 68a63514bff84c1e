import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openSqliteStore } from '../../src/queue/stores/sqlite/store.ts';
import { alice, contosoAccount, couriers, password, type Relay, reports, startRelay, until } from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

const queue = { retryBaseSeconds: 1 };
const accounts = couriers.map((courier) => contosoAccount(courier, { sentItems: 'remove' }));
const connections = 4;
/** For a busy machine. */
const limitMs = 90_000;

let relay: Relay;

afterEach(() => relay?.close());

/** Sends these numbers, alternating between both couriers. */
async function sendAll(numbers: readonly number[]): Promise<void> {
  const waiting = [...numbers];
  const client = async (index: number) => {
    const dialogue = await SmtpDialogue.open(relay.port());
    const username = couriers[index % couriers.length];
    const credentials = Buffer.from(`\0${username}\0${password}`).toString('base64');
    await dialogue.pipeline('EHLO client.test', `AUTH PLAIN ${credentials}`);
    for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) {
      await dialogue.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`);
      const header = `From: ${reports}\r\nTo: ${alice}\r\nSubject: ${number}\r\nMessage-ID: ${idOf(number)}\r\n`;
      expect(await dialogue.message(`${header}\r\ntext ${number}\r\n`)).toMatch(/^250/);
    }
    dialogue.destroy();
  };
  await Promise.all(Array.from({ length: connections }, (_, index) => client(index)));
}

const idOf = (number: number) => `<copy-${number}@contoso.com>`;
const sentItems = () => relay.simulator.directory.messages(reports, 'Sent Items').map(({ content }) => String(content));
const received = () => relay.simulator.directory.messages(alice, 'INBOX').map(({ content }) => String(content));

/** Mail from others in the same folder that looks like ours. */
function strangersLike(marked: string, number: number): string[] {
  const marker = /^X-Mailbridge-Id: (\S+)/m.exec(marked)?.[1] ?? '';
  const [id, digest, seal] = marker.split('.');
  const about = (fields: string, messageId = idOf(number)) =>
    `${fields}From: ${reports}\r\nMessage-ID: ${messageId}\r\n\r\na person's\r\n`;
  return [
    about(''),
    about('X-Mailbridge-Id: \r\n'),
    about(`X-Mailbridge-Id: ${id}.0123456789abcdef.0123456789abcdef\r\n`),
    about(`X-Mailbridge-Id: ${id}.${digest}\r\n`),
    about(`X-Mailbridge-Id: ${id}.${seal}.${digest}\r\n`),
    about(`X-Mailbridge-Id: another.${digest}.${seal}\r\nX-Mailbridge-Id: ${marker}\r\n`),
    about(`X-Mailbridge-Id: ${marker}\r\n`, `<not-${number}@contoso.com>`),
    about(`X-Mailbridge-Id: ${marker}\r\n`, `${idOf(number)} ${idOf(number + 1)}`.slice(1)),
  ];
}

async function nothingLeftToDo(): Promise<void> {
  const store = openSqliteStore(join(relay.folder.path, 'data', 'queue'), { exclusive: false });
  try {
    await until(
      'nothing to be left to do',
      async () => (await store.followUpDestinations(Number.MAX_SAFE_INTEGER)).length === 0,
      limitMs,
    );
  } finally {
    await store.close();
  }
}

test.each([
  ['Graph', { graph: ['Mail.Send', 'Mail.ReadWrite'], exchange: ['SMTP.SendAsApp'] }],
  ['IMAP', { graph: ['Mail.Send'], exchange: ['SMTP.SendAsApp', 'IMAP.AccessAsApp'] }],
])(
  'of 1,000 messages none is left in Sent Items, and none of somebody else is touched, by %s',
  async (_by, roles) => {
    relay = await startRelay({ queue, accounts }, { graphConcurrentPerMailbox: 64 });
    const { simulator } = relay;
    Object.assign(simulator.tenant.app.roles, roles);
    simulator.transport.sentItems.set({ delayMs: 50 });
    await sendAll([0]);
    const [first = ''] = await until('the first copy', () => sentItems().length > 0 && received());
    const strangers = Array.from({ length: 5 }, (_, at) => strangersLike(first, at * 200)).flat();
    const deliver = (content: string) => simulator.directory.deliver(reports, 'Sent Items', Buffer.from(content));
    for (const content of strangers.slice(20)) deliver(content);
    const sending = sendAll(Array.from({ length: 999 }, (_, at) => at + 1));
    for (const content of strangers.slice(0, 20)) deliver(content);
    await sending;
    await until('all to arrive', () => received().length === 1000, limitMs);
    await until('the copies to go', () => sentItems().length === strangers.length, limitMs);
    await nothingLeftToDo();
    expect(sentItems().toSorted()).toEqual(strangers.toSorted());
    expect(simulator.directory.messages(reports, 'Deleted Items')).toEqual([]);
    expect(new Set(received().map((content) => /^Message-ID: (.*)\r$/m.exec(content)?.[1])).size).toBe(1000);
  },
  240_000,
);
