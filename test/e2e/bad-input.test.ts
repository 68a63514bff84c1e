import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { refused } from '../support/corpus.ts';
import { skipLoudly } from '../support/external.ts';
import { Mailbridge } from '../support/process.ts';
import {
  alice,
  arrived,
  contosoConfig,
  password,
  type RelayFolder,
  relayFolder,
  reports,
  startContoso,
  until,
} from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

const megabyte = 1024 * 1024;
const limits = {
  messagesPerMinute: 10_000,
  maxMessageMegabytes: 150,
  idleTimeoutSeconds: 10,
  // Clients that were cut off while they flooded count for some seconds more.
  maxConnectionsPerAddress: 400,
};

let simulator: Simulator;
let folder: RelayFolder;
let bridge: Mailbridge;

beforeAll(async () => {
  simulator = await startContoso();
  folder = await relayFolder(contosoConfig(simulator, { limits }));
  bridge = await Mailbridge.start(folder.configFile);
});

afterAll(async () => {
  bridge?.signal('SIGTERM');
  const exit = await bridge?.exit();
  await simulator?.close();
  await folder?.remove();
  // None of this input reveals a defect of the bridge.
  expect(exit).toEqual({ code: 0, signal: null });
  expect(bridge.stderr).toBe('');
  expect(bridge.lines.filter(({ level }) => level >= 50)).toEqual([]);
});

function plain(username: string, secret: string): string {
  return `AUTH PLAIN ${Buffer.from(`\0${username}\0${secret}`).toString('base64')}`;
}

async function greeted(port = bridge.port()): Promise<SmtpDialogue> {
  const client = await SmtpDialogue.open(port);
  await client.say('EHLO client.test');
  return client;
}

async function login(username: 'graph' | 'smtp'): Promise<SmtpDialogue> {
  const client = await greeted();
  expect(await client.say(plain(username, password))).toMatch(/^235 /);
  return client;
}

function letter(id: string, fields: readonly string[] = [`From: ${reports}`], text = 'text'): string {
  return [...fields, `To: ${alice}`, `Message-ID: ${id}`, '', text, ''].join('\r\n');
}

/** Shows that the connection still works, by a message that arrives. */
async function expectStillServed(client: SmtpDialogue): Promise<void> {
  const id = `<alive-${Date.now()}-${Math.random()}@contoso.com>`;
  expect(await client.pipeline('RSET', `MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`)).toEqual([
    expect.stringMatching(/^250 /),
    expect.stringMatching(/^250 /),
    expect.stringMatching(/^250 /),
  ]);
  expect(await client.message(letter(id))).toMatch(/^250 2\.0\.0 Queued as /);
  await arrived(simulator, alice, 'INBOX', id);
}

/** The submissions that Microsoft has accepted so far. */
function accepted(): number {
  return simulator.transport.journal.count;
}

describe('logging in', () => {
  test('an unknown user and a wrong password get the same reply', async () => {
    const client = await greeted();
    const unknown = await client.say(plain('nobody', password));
    const wrong = await client.say(plain('graph', 'guess'));
    expect(unknown).toBe('535 5.7.8 Username or password is wrong');
    expect(wrong).toBe(unknown);
    expect(await client.say(`MAIL FROM:<${reports}>`)).toMatch(/^530 5\.7\.0 Authentication required/);
  });

  test('three failures end the connection', async () => {
    const client = await greeted();
    for (const _ of [1, 2]) expect(await client.say(plain('graph', 'guess'))).toMatch(/^535 5\.7\.8 /);
    expect(await client.say(plain('graph', 'guess'))).toMatch(/^421 5\.7\.8 .*too many failures/);
    expect(await client.reply()).toBe('closed');
  });

  test('guessing at an account is held back, then blocked for a while; who is known there goes on', {
    timeout: 90_000,
  }, async () => {
    const throttled: Partial<ConfigInput> = { limits: { loginFailures: 4, loginBlockSeconds: 5 } };
    const own = await relayFolder(contosoConfig(simulator, throttled));
    const guarded = await Mailbridge.start(own.configFile);
    onTestFinished(async () => {
      await guarded.kill();
      await own.remove();
    });
    const attempt = async (secret: string, username = 'graph') => {
      const client = await SmtpDialogue.open(guarded.port());
      await client.say('EHLO client.test');
      const reply = await client.say(plain(username, secret));
      client.destroy();
      return reply;
    };
    for (let n = 0; n < 40; n++) expect(await attempt(password)).toMatch(/^235 /);
    // The same wrong password over and over is a device whose password was not updated.
    for (let n = 0; n < 2; n++) expect(await attempt('last year', 'smtp')).toMatch(/^535 /);
    for (const guess of ['a', 'b']) expect(await attempt(guess, 'smtp')).toMatch(/^535 /);
    expect(await attempt('c', 'smtp')).toMatch(/^535 /);
    const blocked = /^421 4\.7\.0 Too many failed logins from your address, try again in \d+ s/;
    expect(await attempt('d', 'smtp')).toMatch(blocked);
    expect(await attempt(password, 'smtp')).toMatch(blocked);
    // Behind the same address, known clients go on, however much is guessed.
    for (const guess of ['a', 'b', 'c', 'd']) expect(await attempt(guess)).toMatch(/^535 /);
    expect(await attempt(password)).toMatch(/^235 /);

    await until('the block to end', async () => (await attempt(password, 'smtp')).startsWith('235 '));
    const refusals = guarded.lines.filter(({ msg }) => msg === 'login refused');
    expect(refusals[0]).toMatchObject({ username: 'smtp', client: '127.0.0.1' });
    expect(guarded.stdout).not.toContain('last year');
  });
});

describe('senders', () => {
  test('a reverse-path that is not the account’s is refused at MAIL', async () => {
    const client = await login('graph');
    expect(await client.say('MAIL FROM:<ceo@contoso.com>')).toBe(
      '550 5.7.1 Account graph may not send as ceo@contoso.com',
    );
    await expectStillServed(client);
  });

  test.each([
    ['From', ['From: The Boss <ceo@contoso.com>']],
    ['one of two From addresses', [`From: ${reports}, ceo@contoso.com`, `Sender: ${reports}`]],
    ['a second From field', [`From: ${reports}`, 'From: ceo@contoso.com']],
    ['a From folded in the middle', ['From: The Boss', '\t<ceo@contoso.com>']],
    ['Sender', [`From: ${reports}`, 'Sender: ceo@contoso.com']],
  ])('%s that is not the account’s is refused at the end of the message', async (_, fields) => {
    const client = await login('smtp');
    const before = accepted();
    await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`);
    const reply = await client.message(letter('<ceo@contoso.com>', fields));
    expect(reply).toBe('550 5.7.1 Account smtp may not send as ceo@contoso.com');
    expect(accepted()).toBe(before);
    await expectStillServed(client);
  });
});

describe('size', () => {
  test('announced too large, it is refused before an octet of it is sent', async () => {
    const client = await login('smtp');
    expect(await client.say(`MAIL FROM:<${reports}> SIZE=${151 * megabyte}`)).toMatch(/^552 5\.3\.4 /);
    await expectStillServed(client);
  });

  test('too large without saying so, it is refused at its end', async () => {
    const own = await relayFolder(contosoConfig(simulator, { limits: { maxMessageMegabytes: 1 } }));
    const small = await Mailbridge.start(own.configFile);
    onTestFinished(async () => {
      await small.kill();
      await own.remove();
    });
    const client = await greeted(small.port());
    expect(await client.say(plain('graph', password))).toMatch(/^235 /);
    await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`);
    const text = `${'x'.repeat(76)}\r\n`.repeat(20_000);
    expect(await client.message(letter('<large@contoso.com>', undefined, text))).toMatch(
      /^552 5\.3\.4 Message is larger/,
    );
    expect(await client.say('NOOP')).toMatch(/^250 /);
    expect(small.lines.filter(({ msg }) => msg === 'accepted')).toEqual([]);
  });

  test('of 501 recipients the last is deferred, and the message goes to the others', async () => {
    const client = await login('smtp');
    const recipients = Array.from({ length: 501 }, (_, n) => `recipient-${n}@elsewhere.example`);
    expect(await client.say(`MAIL FROM:<${reports}>`)).toMatch(/^250 /);
    const replies = await client.pipeline(...recipients.map((address) => `RCPT TO:<${address}>`));
    expect(replies.slice(0, 500).every((reply) => reply.startsWith('250 '))).toBe(true);
    expect(replies[500]).toMatch(/^452 4\.5\.3 /);
    const id = '<many@contoso.com>';
    expect(await client.message(letter(id))).toMatch(/^250 /);
    // Perhaps in several transactions.
    const served = await until('all of them', () => {
      const entries = simulator.transport.journal.entries().filter(({ messageId }) => messageId === id);
      const all = entries.flatMap((entry) => entry.recipients);
      return all.length >= 500 && all;
    });
    expect(served.toSorted()).toEqual(recipients.slice(0, 500).toSorted());
  });
});

describe('what is no SMTP', () => {
  test.each([
    ['words', 'how do you do\r\n'],
    ['octets', Buffer.from([0, 1, 2, 0xff, 0xfe, 0x80, 13, 10])],
    ['an empty line', '\r\n'],
    ['a command with control characters', 'MAIL FROM:<a\0b@contoso.com>\r\n'],
    ['an address that breaks out of its line', 'MAIL FROM:<a@b.c>\rRCPT TO:<d@e.f>\r\n'],
    ['AUTH with something that is no base64', 'AUTH PLAIN =%=\r\n'],
  ])('%s get a reply that says so, and the connection lives', async (_, octets) => {
    const client = await greeted();
    client.send(octets);
    expect(await client.reply()).toMatch(/^5\d\d /);
    expect(await client.say('NOOP')).toMatch(/^250 /);
    expect(await client.say(plain('graph', password))).toMatch(/^235 /);
    await expectStillServed(client);
  });

  test('HTTP and a TLS greeting on the wrong port are refused without harm', async () => {
    const http = await SmtpDialogue.open(bridge.port());
    http.send('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    expect(await http.reply()).toMatch(/^(5\d\d|421) /);
    const tls = await SmtpDialogue.open(bridge.port());
    tls.send(Buffer.from('16030100c8010000c40303000102030405060708090a0b0c0d0e0f0a0d0a', 'hex'));
    expect(await tls.reply()).toMatch(/^(5\d\d|421) /);
    await expectStillServed(await login('graph'));
  });

  test('a command line of 1 MB', async () => {
    const client = await greeted();
    client.send(`NOOP ${'x'.repeat(megabyte)}\r\n`);
    expect(await client.reply()).toMatch(/^5\d\d |^421 /);
    await expectStillServed(await login('graph'));
  });

  test('a body line of 1 MB arrives as it is', async () => {
    const client = await login('graph');
    await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`);
    const text = 'x'.repeat(megabyte);
    expect(await client.message(letter('<one-line@contoso.com>', undefined, text))).toMatch(/^250 /);
    const message = await arrived(simulator, alice, 'INBOX', '<one-line@contoso.com>');
    expect(message.includes(`\r\n\r\n${text}\r\n`)).toBe(true);
  });

  test('a header that does not end is refused', async () => {
    const client = await login('smtp');
    await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`);
    const fields = [`From: ${reports}`, ...Array.from({ length: 20_000 }, (_, n) => `X-${n}: ${'x'.repeat(80)}`)];
    expect(await client.message(letter('<header@contoso.com>', fields))).toMatch(/^552 5\.3\.4 /);
    await expectStillServed(client);
  });
});

test('a client that stalls inside DATA is cut off, and nothing of its message is kept', async () => {
  const client = await login('graph');
  const before = accepted();
  await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`, 'DATA');
  client.send(`From: ${reports}\r\n\r\nand then`);
  expect(await client.reply()).toMatch(/^421 4\.4\.2 /);
  expect(await client.reply()).toBe('closed');
  expect(accepted()).toBe(before);
  await expectStillServed(await login('graph'));
});

describe('memory', () => {
  test('a message of 149 MB is not held in it', async (context) => {
    const memory =
      bridge.watchMemory() ?? skipLoudly(context, 'the system does not tell how much memory a process has');
    const client = await login('smtp');
    const id = '<149-megabytes@contoso.com>';
    await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`, 'DATA');
    const before = accepted();
    client.send(letter(id, undefined, ''));
    const chunk = Buffer.from(`${'x'.repeat(1022)}\r\n`.repeat(1024));
    for (let n = 0; n < 149; n++) client.send(chunk);
    client.send('.\r\n');
    expect(await client.reply()).toMatch(/^250 2\.0\.0 Queued as /);
    const entry = await until('the message', () => simulator.transport.journal.entries(before)[0]);
    expect(entry.messageId).toBe(id);
    expect(entry.size).toBeGreaterThan(149 * megabyte);
    expect(growth('a message of 149 MB', memory())).toBeLessThan(110 * megabyte);
  });

  test('50 commands that have no end, 64 MB each, do not fill it', async (context) => {
    const memory =
      bridge.watchMemory() ?? skipLoudly(context, 'the system does not tell how much memory a process has');
    const replies = await Promise.all(Array.from({ length: 50 }, () => endless(bridge.port(), '', 64 * megabyte)));
    for (const reply of replies) expect(reply).toContain('421 4.4.2 Error: Command line too long');
    expect(growth('50 endless commands', memory())).toBeLessThan(256 * megabyte);
    await expectStillServed(await login('graph'));
  });

  test('50 header fields that have no end, 16 MB each, do not fill it', async (context) => {
    const memory =
      bridge.watchMemory() ?? skipLoudly(context, 'the system does not tell how much memory a process has');
    const commands = [
      'EHLO client.test',
      plain('smtp', password),
      `MAIL FROM:<${reports}>`,
      `RCPT TO:<${alice}>`,
      'DATA',
      'Subject: ',
    ];
    const before = accepted();
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => endless(bridge.port(), commands.join('\r\n'), 16 * megabyte, '\r\n.\r\n')),
    );
    for (const reply of replies) expect(reply).toContain('552 5.3.4 ');
    expect(accepted()).toBe(before);
    expect(growth('50 endless header fields', memory())).toBeLessThan(256 * megabyte);
    await expectStillServed(await login('graph'));
  });
});

function growth(what: string, { before, highest }: { before: number; highest: number }): number {
  console.log(`${what}: resident ${inMegabytes(before)} MB before, ${inMegabytes(highest)} MB at most`);
  return highest - before;
}

function inMegabytes(octets: number): number {
  return Math.round(octets / megabyte);
}

/**
 * Sends a line that begins with `start` and goes on for this many octets without a line end, as fast as the server
 * reads.
 * @returns all replies, once the server has hung up or has replied 250 or 552 to what followed `end`
 */
async function endless(port: number, start: string, octets: number, end = ''): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let replies = '';
  let answered = false;
  let wake = () => {};
  const change = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  const answer = () => {
    answered = true;
    wake();
  };
  socket.on('drain', () => wake());
  // The server hangs up on what it no longer reads.
  socket.on('error', () => {});
  socket.on('close', answer);
  socket.on('data', (chunk) => {
    replies += chunk.toString();
    if (/^(421|552) /m.test(replies)) answer();
  });
  socket.write(start);
  const chunk = Buffer.alloc(64 * 1024, 'x');
  for (let sent = 0; sent < octets && !answered; sent += chunk.length) {
    if (!socket.write(chunk)) await change();
  }
  if (!answered) socket.write(end);
  while (!answered) await change();
  return replies;
}

describe('A NUL octet', () => {
  test.each(refused().filter(({ fault }) => fault === 'nul'))(
    'in a message is refused, and nothing of it is sent: $name',
    async ({ content }) => {
      const before = accepted();
      const client = await login('graph');
      await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`);
      expect(await client.message(content)).toMatch(/^554 5\.6\.0 Message holds a NUL octet/);
      await expectStillServed(client);
      expect(accepted()).toBe(before + 1);
    },
  );

  test('in a command is refused, and the next command is served', async () => {
    const client = await login('smtp');
    expect(await client.say('NOOP\0')).toMatch(/^500 5\.5\.2 Command holds a NUL octet/);
    expect(await client.say(`MAIL FROM:<${reports}\0@evil.example>`)).toMatch(/^500 5\.5\.2 /);
    expect(await client.say(`RCPT TO:<${alice}>`)).toMatch(/^503 /);
    await expectStillServed(client);
  });

  test('in an answer to AUTH is no base64', async () => {
    const client = await greeted();
    expect(await client.say('AUTH LOGIN')).toMatch(/^334 /);
    expect(await client.say('Z3Jh\0cGg=')).toMatch(/^501 /);
    expect(await client.say(plain('smtp', password))).toMatch(/^235 /);
  });
});
