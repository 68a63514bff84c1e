import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import PostalMime from 'postal-mime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needLoopbackAddresses, needProgram } from '../support/external.ts';
import { type ClientSettings, mailClients } from '../support/external-mail-clients.ts';
import {
  alice,
  arrived,
  bodyOf,
  contosoAccount,
  couriers,
  networks,
  password,
  type Relay,
  reports,
  startRelay,
  submissions,
} from '../support/relay.ts';

let relay: Relay;
/** Octets of every kind, as scans and archives contain them. */
let attachments: string[];

beforeAll(async () => {
  relay = await startRelay({
    listeners: [
      { protocol: 'smtp', port: 0, security: 'starttls' },
      { protocol: 'smtp', port: 0, security: 'tls' },
    ],
    accounts: couriers.flatMap((send) => [
      contosoAccount(send),
      { username: `network-${send}`, networks: [networks[send]], connection: 'contoso', mailbox: reports, send },
    ]),
  });
  attachments = ['scan.pdf', 'archive.zip'].map((name) => join(relay.folder.path, name));
  for (const file of attachments) await writeFile(file, randomBytes(50_000));
});

afterAll(() => relay?.close());

/** The ways in which each client connects. */
const ways = ['STARTTLS and AUTH PLAIN', 'STARTTLS and AUTH LOGIN', 'implicit TLS', 'its network address'] as const;

const combinations = mailClients.flatMap((client) =>
  ways.flatMap((way) => couriers.map((courier) => ({ client, way, courier }))),
);

describe.each(combinations)('$client.name by $way, delivered by $courier', ({ client, way, courier }) => {
  const id = `<${randomBytes(8).toString('hex')}@client.test>`;

  test('a message of 8-bit text, long lines and dots arrives with its body octet for octet', async (context) => {
    if (client.program) needProgram(context, client.program);
    if (way === 'its network address') needLoopbackAddresses(context);
    const messageFile = join(relay.folder.path, `${context.task.id}.eml`);
    const message = eightBitMessage(id);
    await writeFile(messageFile, message);

    const { code, output } = await client.send(settings(way, courier), { messageFile });
    expect(code, output).toBe(0);

    const received = await arrived(relay.simulator, alice, 'INBOX', id);
    expect(bodyOf(received).toString('latin1')).toBe(bodyOf(message).toString('latin1'));
    const [submission, ...more] = submissions(relay.simulator, id);
    expect(submission).toMatchObject({ via: courier, mailbox: reports, recipients: [alice] });
    expect(more).toEqual([]);
  });

  test('a message that the client makes arrives with its attachments as they were', async (context) => {
    if (client.program) needProgram(context, client.program);
    if (way === 'its network address') needLoopbackAddresses(context);
    const subject = `attached ${randomBytes(8).toString('hex')}`;
    const composed = { subject, text: 'two files', attachments };

    const { code, output } = await client.send(settings(way, courier), { composed });
    expect(code, output).toBe(0);

    const received = await PostalMime.parse(await arrived(relay.simulator, alice, 'INBOX', subject));
    expect(received.text?.trim()).toBe('two files');
    for (const [index, file] of attachments.entries()) {
      const { filename, content } = received.attachments[index] ?? { filename: undefined, content: '' };
      expect(filename).toBe(basename(file));
      expect(Buffer.from(content as ArrayBuffer).equals(await readFile(file)), `${filename} is unchanged`).toBe(true);
    }
  });
});

function settings(way: (typeof ways)[number], courier: (typeof couriers)[number]): ClientSettings {
  const security = way === 'implicit TLS' ? 'tls' : way === 'its network address' ? 'none' : 'starttls';
  const mechanism = way === 'STARTTLS and AUTH LOGIN' ? 'LOGIN' : 'PLAIN';
  return {
    port: relay.port(security === 'tls' ? 1 : 0),
    security,
    authorityFile: relay.bridge.authorityFile ?? '',
    ...(way === 'its network address'
      ? { localAddress: networks[courier] }
      : { login: { username: courier, password, mechanism } }),
  };
}

function eightBitMessage(id: string): Buffer {
  const lines = [
    `From: Reports <${reports}>`,
    `To: <${alice}>`,
    'Subject: =?utf-8?Q?=C3=9Cbersicht?=',
    'Date: Mon, 05 Jan 2026 09:10:00 +0100',
    `Message-ID: ${id}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    'Größe: 5 µm, Preis: 12 €, 日本語',
    '.',
    '..',
    '.a line that begins with a dot',
    'trailing white space \t ',
    '',
    `a line of 998 octets: ${'x'.repeat(976)}`,
    'From the beginning of a line',
    '',
    '',
    'the end',
    '',
  ];
  return Buffer.from(lines.join('\r\n'));
}
