import { createConnection } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { listenSmtp } from '../../src/listeners/smtp-listener.ts';
import type { EndOfData } from '../../src/smtp/data-decoder.ts';
import type { SmtpConnectionInfo, SmtpSession } from '../../src/smtp/session.ts';
import type { SmtpServerSettings } from '../../src/smtp/settings.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

interface Given extends Partial<SmtpServerSettings> {
  readonly endOfData?: EndOfData;
  readonly host?: string;
}

/** A server, what it accepted, and what it refused. */
async function startServer({ endOfData, ...settings }: Given = {}) {
  const received: string[] = [];
  const refusals: string[] = [];
  const defects: unknown[] = [];
  const clients: SmtpConnectionInfo[] = [];
  const server = await listenSmtp({
    host: '127.0.0.1',
    port: 0,
    security: 'none',
    name: 'bridge.test',
    mechanisms: ['PLAIN', 'LOGIN'],
    maxMessageBytes: 100_000,
    maxRecipients: 5,
    limits: { maxConnections: 2000, maxConnectionsPerAddress: 2000, loginTimeoutMs: 3_600_000 },
    log: silentLog,
    idleTimeoutMs: 300_000,
    onDefect: (error) => defects.push(error),
    onRejected: () => {},
    onStalled: () => {},
    openSession(info): SmtpSession {
      clients.push(info);
      return {
        offersAuth: () => true,
        isIdentified: () => true,
        async authenticate() {},
        completeAddress: () => undefined,
        ...(endOfData && { endOfData: () => endOfData }),
        async mailFrom() {},
        async rcptTo() {},
        async data(_envelope, content) {
          received.push((await buffer(content)).toString('latin1'));
          return `Queued as ${received.length}`;
        },
        refused: (status, text) => refusals.push(`${status} ${text}`),
        closed() {},
      };
    },
    ...settings,
  });
  onTestFinished(() => server.close(0));
  return { ...server, received, refusals, defects, clients };
}

const envelope = ['EHLO x', 'MAIL FROM:<a@contoso.example>', 'RCPT TO:<b@fabrikam.example>'];

/** A client that may now send the message. */
async function atData(port: number): Promise<SmtpDialogue> {
  const client = await SmtpDialogue.open(port);
  await client.pipeline(...envelope, 'DATA');
  return client;
}

/** Everything ever published as an end of data that is not one (RFC 5321 section 4.1.1.4). */
const wrongEnds = [
  '\n.\n',
  '\n.\r\n',
  '\r\n.\n',
  '\r.\r',
  '\r\n.\r',
  '\r.\r\n',
  '\n.\r',
  '\r.\n',
  '\n.\n\r\n',
  '\r\n.\r\r\n',
  '\r\r\n.\n',
  '\n\n.\r\n',
  '\r\n\0.\r\n',
  '\r\n.\0\r\n',
  '\r\n.\r\0\n',
  '\r\0\n.\r\n',
] as const;
const smuggled =
  'MAIL FROM:<evil@contoso.example>\r\nRCPT TO:<v@x.example>\r\nDATA\r\nSubject: evil\r\n\r\nevil\r\n.\r\n';
const holdsNul = (text: string) => text.includes('\0');
const nulRefused = /^554 5\.6\.0 Message holds a NUL octet/;
const onlyCrlf = (text: string) => !/\r(?!\n)|(?<!\r)\n/.test(text);

describe('a message smuggled behind a wrong end of another', () => {
  test.each(wrongEnds)('%j is one message, whose lines end in CRLF', async (end) => {
    const server = await startServer();
    const client = await atData(server.port);
    client.send(`Subject: outer\r\n\r\nbody${end}${smuggled.replace('\r\n.\r\n', '\r\n..\r\n')}.\r\n`);
    expect(await client.reply()).toMatch(holdsNul(end) ? nulRefused : /^250 2\.0\.0 Queued as 1$/);
    expect(await client.say('NOOP')).toMatch(/^250 /);
    expect(server.received).toHaveLength(holdsNul(end) ? 0 : 1);
    if (holdsNul(end)) return;
    expect(server.received[0]).toSatisfy(onlyCrlf);
    expect(server.received[0]).toMatch(/^Subject: outer\r\n\r\nbody.*MAIL FROM:<evil.*evil\r\n\.\r\n$/s);
  });

  test.each(wrongEnds)('%j is refused where lines have to end in CRLF', async (end) => {
    const server = await startServer({ lineEnds: 'strict' });
    const client = await atData(server.port);
    client.send(`Subject: outer\r\n\r\nbody${end}${smuggled}`);
    expect(await client.reply()).toMatch(
      onlyCrlf(end) && holdsNul(end) ? nulRefused : /^554 5\.6\.11 Message holds a (LF without CR|CR without LF)/,
    );
    expect(await client.say('NOOP')).toMatch(/^250 /);
    expect(server.received).toEqual([]);
    expect(server.defects).toEqual([]);
  });

  test.each(wrongEnds)('%j gives the same however TCP cuts it', async (end) => {
    const server = await startServer({ wrongEndWaitMs: 60_000 });
    const octets = `Subject: x\n\nbody${end}..more\r\n.\r\nQUIT\r\n`;
    const cuts = Array.from({ length: octets.length - 1 }, (_, i) => i + 1);
    await Promise.all(
      cuts.map(async (cut) => {
        const client = await atData(server.port);
        client.send(octets.slice(0, cut));
        await new Promise((resolve) => setTimeout(resolve, 20));
        client.send(octets.slice(cut));
        expect(await client.reply()).toMatch(holdsNul(end) ? nulRefused : /^250 2\.0\.0 Queued/);
        expect(await client.reply()).toMatch(/^221 /);
      }),
    );
    expect(server.received).toHaveLength(holdsNul(end) ? 0 : cuts.length);
    expect(new Set(server.received).size).toBe(holdsNul(end) ? 0 : 1);
  });
});

describe('a device that waits behind a wrong end', () => {
  const waiting = wrongEnds.filter((end) => !end.includes('\0') && end !== '\r\n.\r');

  test.each(['lenient', 'strict'] as const)(
    'is told so, hung up on, and stands in the log once (%s)',
    async (lineEnds) => {
      const server = await startServer({ lineEnds, wrongEndWaitMs: 100 });
      for (const end of [...waiting, '\n.\nQUIT\n']) {
        server.refusals.length = 0;
        const client = await atData(server.port);
        client.send(`Subject: x\n\nbody${end}`);
        const reply = await client.reply();
        expect(reply).toMatch(
          /^554 5\.6\.11 Message ends with (?:<CR>|<LF>|\.)+ and was not accepted; only <CR><LF>\.<CR><LF>/,
        );
        expect(await client.reply()).toBe('closed');
        expect(server.refusals).toEqual([reply]);
      }
      expect(server.received).toEqual([]);
      expect(server.defects).toEqual([]);
      await expect.poll(() => server.connections()).toBe(0);
    },
  );

  test('and gives up itself before that stands in the log too', async () => {
    const server = await startServer();
    const client = await atData(server.port);
    client.send('Subject: x\n\nbody\n.\n');
    await expect.poll(() => server.clients.length).toBe(1);
    client.destroy();
    await expect.poll(() => server.refusals).toHaveLength(1);
    expect(server.refusals[0]).toContain('554 5.6.11 Message ends with <LF>.<LF>');
  });

  test('is not hung up on where its message goes on', async () => {
    const server = await startServer({ wrongEndWaitMs: 3000 });
    const client = await atData(server.port);
    client.send('Subject: x\n\nbody\n.\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.send('more\n');
    await new Promise((resolve) => setTimeout(resolve, 3500));
    client.send('\r\n.\r\n');
    expect(await client.reply()).toMatch(/^250 /);
    expect(server.received).toEqual(['Subject: x\r\n\r\nbody\r\nmore\r\n\r\n']);
  });

  test('with one octet missing for the right end has more time, for TCP may be sending it anew', async () => {
    const server = await startServer({ wrongEndWaitMs: 100 });
    const client = await atData(server.port);
    client.send('Subject: x\r\n\r\nbody\r\n.\r');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    client.send('\n');
    expect(await client.reply()).toMatch(/^250 /);
  });
});

describe('a device that ends all its lines with LF alone', () => {
  const script = [
    'EHLO x\n',
    `AUTH LOGIN\n${Buffer.from('scanner').toString('base64')}\n${Buffer.from('sesame').toString('base64')}\n`,
    'MAIL FROM:<a@contoso.example>\nRCPT TO:<b@fabrikam.example>\nDATA\n',
    'Subject: x\nTo: b@fabrikam.example\n\n..a dot\nbody\n',
  ];
  const replies = ['250', '334', '334', '235', '250', '250', '354', '250', '221'];
  const message = 'Subject: x\r\nTo: b@fabrikam.example\r\n\r\n.a dot\r\nbody\r\n';

  test.each([
    ['with the right end behind its last line', {}, '\r\n.\r\nQUIT\n', `${message}\r\n`],
    ['where LF . LF is taken', { endOfData: 'lf' }, '.\nQUIT\n', message],
    ['where LF . LF is taken, with CRLF behind the dot', { endOfData: 'lf' }, '.\r\nQUIT\n', message],
  ] as const)('sends mail %s, in one piece and in two', async (_name, given, end, content) => {
    const server = await startServer(given);
    const octets = `${script.join('')}${end}`;
    for (const cut of [0, ...Array.from({ length: octets.length - 1 }, (_, i) => i + 1)]) {
      server.received.length = 0;
      const client = await SmtpDialogue.open(server.port);
      client.send(octets.slice(0, cut));
      if (cut > 0) await new Promise((resolve) => setImmediate(resolve));
      client.send(octets.slice(cut));
      const seen: string[] = [];
      for (const _ of replies) seen.push((await client.reply()).slice(0, 3));
      expect(seen).toEqual(replies);
      expect(server.received).toEqual([content]);
    }
  });

  test('is refused where lines have to end in CRLF, though its commands are taken', async () => {
    const server = await startServer({ lineEnds: 'strict' });
    const client = await SmtpDialogue.open(server.port);
    client.send(`${script.join('')}\r\n.\r\nQUIT\n`);
    const seen: string[] = [];
    for (const _ of replies) seen.push((await client.reply()).slice(0, 3));
    expect(seen).toEqual(replies.with(-2, '554'));
  });
});

test('BDAT, which would carry bare LF, is neither offered nor taken', async () => {
  const server = await startServer();
  const client = await SmtpDialogue.open(server.port);
  expect(await client.say('EHLO x')).not.toMatch(/CHUNKING|BINARYMIME/);
  expect(await client.say('BDAT 0 LAST')).toMatch(/^500 /);
});

test.each([
  ['LF alone', '\n'],
  ['CR alone', '\r'],
  ['CR CR LF', '\r\r\n'],
  ['LF CR', '\n\r'],
  ['dots between LF', '\n.'],
])('a message of a megabyte of %s is read to its end at once', async (_name, octets) => {
  const server = await startServer({ maxMessageBytes: 10_000_000 });
  const client = await atData(server.port);
  client.send(`Subject: x\r\n\r\n${octets.repeat(1_000_000 / octets.length)}x\r\n.\r\n`);
  expect(await client.reply()).toMatch(/^250 /);
  expect(server.received[0]).toSatisfy(onlyCrlf);
});

describe('a greeting', () => {
  test.each([
    ['HELO', '[127.0.0.1]'],
    ['HELO ', '[127.0.0.1]'],
    ['EHLO', '[127.0.0.1]'],
    ['ehlo  ', '[127.0.0.1]'],
    ['EHLO Brother MFC', '[127.0.0.1]'],
    ['HELO my ups 3', '[127.0.0.1]'],
    ['HELO nas ', 'nas'],
    ['EHLO  nas  ', 'nas'],
    ['EHLO [192.0.2.1]', '[192.0.2.1]'],
  ])('%j names the client %s', async (command, name) => {
    const server = await startServer();
    const client = await SmtpDialogue.open(server.port);
    expect(await client.say(command)).toMatch(/^250[ -]bridge\.test Hello \[127\.0\.0\.1\]/);
    expect(server.clients[0]?.helo).toBe(name);
    expect((await client.pipeline(...envelope.slice(1))).every((reply) => reply.startsWith('250'))).toBe(true);
    expect(await client.message('x\r\n')).toMatch(/^250 /);
  });

  test('without a name from an IPv6 address names the client by it', async () => {
    const server = await startServer({ host: '::1' });
    const client = await SmtpDialogue.open(server.port, '::1');
    expect(await client.say('HELO')).toMatch(/^250 /);
    expect(server.clients[0]?.helo).toBe('[IPv6:::1]');
  });

  test.each([`EHLO ${'x'.repeat(400)}`, 'HELO a\x01b'])('%j is refused', async (command) => {
    const server = await startServer();
    const client = await SmtpDialogue.open(server.port);
    expect(await client.say(command)).toMatch(/^501 /);
  });
});

test('a client that is cut off behind a wrong end leaves nothing behind', async () => {
  const server = await startServer({ wrongEndWaitMs: 50 });
  const socket = createConnection(server.port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  socket.write(`${envelope.join('\r\n')}\r\nDATA\r\nSubject: x\n\nbody\n.\n`);
  await expect.poll(() => server.refusals).toHaveLength(1);
  socket.write('MAIL FROM:<late@contoso.example>\r\n');
  await expect.poll(() => server.connections()).toBe(0);
  expect(server.received).toEqual([]);
});
