import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { freePorts } from '../../support/ports.ts';
import { alice, bob, contosoAccount, password, type Relay, reports, startRelay, until } from '../../support/relay.ts';
import { SmtpDialogue } from '../../support/smtp-dialogue.ts';

let relay: Relay;
let port = 0;

beforeAll(async () => {
  port = await freePorts(1);
  relay = await startRelay({
    admin: { port },
    listeners: [
      { protocol: 'smtp', port: 0, security: 'starttls' },
      { protocol: 'imap', port: 0, security: 'tls' },
      { protocol: 'pop3', port: 0, security: 'starttls' },
    ],
    accounts: [
      contosoAccount('graph'),
      { ...contosoAccount('graph', { username: 'reader' }), read: 'imap' },
      contosoAccount('graph', { username: 'direct', delivery: 'direct' }),
      contosoAccount('smtp', { username: 'several', mailboxes: [alice, '*@contoso.com'], senders: ['*@contoso.com'] }),
    ],
  });
});

afterAll(() => relay?.close());

async function metrics(): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

/** The lines of a metric that contain a text. */
async function lines(name: string, held = ''): Promise<string[]> {
  return (await metrics()).split('\n').filter((line) => line.startsWith(`${name}{`) && line.includes(held));
}

async function send(username: string, from: string, secret = password): Promise<string> {
  const client = await SmtpDialogue.open(relay.port());
  onTestFinished(() => client.destroy());
  await client.say('EHLO client.test');
  const said = await client.say(`AUTH PLAIN ${Buffer.from(`\0${username}\0${secret}`).toString('base64')}`);
  if (!said.startsWith('235')) return said;
  await client.say(`MAIL FROM:<${from}>`);
  await client.say(`RCPT TO:<${alice}>`);
  return await client.message(`From: ${from}\r\nSubject: x\r\n\r\nx\r\n`);
}

test('a message is counted when it is accepted and when it is delivered, with its hops', async () => {
  expect(await send('graph', reports)).toMatch(/^250 /);
  const delivered = 'mailbridge_messages_total{event="delivered",account="graph",mailbox="only",courier="graph"} 1';
  await until('the delivery', async () => (await metrics()).includes(delivered));
  expect(await lines('mailbridge_messages_total', 'account="graph"')).toHaveLength(2);
  for (const hop of ['wait', 'attempt', 'whole']) {
    expect(await lines('mailbridge_hop_seconds_count', `hop="${hop}",courier="graph"`)).toEqual([
      `mailbridge_hop_seconds_count{hop="${hop}",courier="graph"} 1`,
    ]);
  }
});

test('so is one that is delivered while its client waits, and one of a listed mailbox and of a pattern', async () => {
  expect(await send('direct', reports)).toMatch(/^250 .*Delivered/);
  expect(await lines('mailbridge_messages_total', 'account="direct"')).toHaveLength(2);
  expect(await send('several', alice)).toMatch(/^250 /);
  expect(await send('several', bob)).toMatch(/^250 /);
  const kinds = (await lines('mailbridge_messages_total', 'event="accepted",account="several"')).map(
    (line) => /mailbox="(\w+)"/.exec(line)?.[1],
  );
  expect(kinds).toEqual(['listed', 'pattern']);
});

test('logins and clients are counted by what became of them', async () => {
  const before = await lines('mailbridge_logins_total', 'outcome="wrong"');
  expect(before).toEqual([]);
  expect(await send('graph', reports, 'not the password')).toMatch(/^535 /);
  expect(await lines('mailbridge_logins_total', 'outcome="wrong"')).toEqual([
    'mailbridge_logins_total{protocol="smtp",outcome="wrong"} 1',
  ]);
  expect((await lines('mailbridge_clients_total', 'protocol="smtp",what="accepted"')).length).toBe(1);
});

/** The value of a metric that has one line. */
async function value(line: string): Promise<number> {
  const found = (await metrics()).split('\n').find((each) => each.startsWith(`${line} `));
  return Number(found?.slice(line.length) ?? 0);
}

/** A client that reads everything until the bridge closes. */
async function readToTheEnd(index: number, secure: boolean, commands: readonly string[]): Promise<number> {
  const plain = connect(relay.port(index), '127.0.0.1');
  const tls = { rejectUnauthorized: false };
  let socket: Socket = secure ? connectTls({ ...tls, socket: plain }) : plain;
  if (!secure) {
    await once(socket, 'data');
    socket.write('STLS\r\n');
    await once(socket, 'data');
    socket = connectTls({ ...tls, socket: plain });
  }
  let octets = 0;
  socket.on('data', (chunk: Buffer) => {
    octets += chunk.length;
    const next = commands.at(0);
    if (next === undefined) return;
    commands = commands.slice(1);
    socket.write(`${next}\r\n`);
  });
  if (!secure) socket.write(`${commands[0]}\r\n`);
  if (!secure) commands = commands.slice(1);
  await once(socket, 'close');
  return octets;
}

test('octets of clients, tokens and the opening of mailboxes are counted, in joined sessions too', async () => {
  const large = `Subject: large\r\n\r\n${'0123456789abcdef\r\n'.repeat(20_000)}`;
  relay.simulator.directory.deliver(reports, 'INBOX', Buffer.from(large));
  const read = await readToTheEnd(1, true, [
    `a LOGIN reader "${password}"`,
    'b SELECT INBOX',
    'c FETCH 1 (BODY.PEEK[])',
    'd LOGOUT',
  ]);
  expect(read).toBeGreaterThan(large.length);
  const sent = 'mailbridge_client_bytes_total{protocol="imap",direction="sent"}';
  await until('the octets', async () => (await value(sent)) > large.length);
  expect(await value(sent)).toBeLessThan(large.length * 1.2);
  const received = await value('mailbridge_client_bytes_total{protocol="imap",direction="received"}');
  expect(received).toBeGreaterThan(100);
  expect(received).toBeLessThan(10_000);
  expect(await value('mailbridge_logins_total{protocol="imap",outcome="right"}')).toBe(1);
  expect(await value('mailbridge_mailbox_open_seconds_count{protocol="imap",outcome="open"}')).toBe(1);
  expect(await value('mailbridge_token_request_seconds_count{resource="exchange",outcome="given"}')).toBe(1);
});

test('so are those of a client that begins with STLS', async () => {
  const before = await value('mailbridge_client_bytes_total{protocol="pop3",direction="sent"}');
  await readToTheEnd(2, false, ['USER reader', `PASS ${password}`, 'RETR 1', 'QUIT']);
  const sent = async () => (await value('mailbridge_client_bytes_total{protocol="pop3",direction="sent"}')) - before;
  await until('the octets', async () => (await sent()) > 300_000);
});

test('the version, the queue and the tokens are told', async () => {
  const text = await metrics();
  expect(text).toMatch(/^mailbridge_info\{version="\d+\.\d+\.\d+",instance="[^"]+"\} 1$/m);
  expect(text).toMatch(/^mailbridge_queue_messages\{state="queued"\} \d+$/m);
  expect(text).toMatch(/^mailbridge_queue_oldest_seconds \d/m);
  expect(text).toMatch(/^mailbridge_token_expires_timestamp_seconds\{connection="contoso",resource="graph"\} 1\d{9}/m);
});
