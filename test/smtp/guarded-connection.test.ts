import { once } from 'node:events';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type CertificateAndKey, issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import { silentLog } from '../../src/base/log.ts';
import { listenSmtp } from '../../src/listeners/smtp-listener.ts';
import type { SmtpConnectionInfo, SmtpSession } from '../../src/smtp/session.ts';
import type { SmtpServerSettings } from '../../src/smtp/settings.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

let tls: CertificateAndKey;

beforeAll(async () => {
  tls = await issueServerCertificate(await makeAuthority('Test', 2), ['127.0.0.1'], 2);
});

/** A server whose clients are known or not, and what it reported. */
async function startServer(
  session: Partial<SmtpSession> = {},
  { loginTimeoutMs = 3_600_000, ...settings }: Partial<SmtpServerSettings> & { readonly loginTimeoutMs?: number } = {},
) {
  const clients: SmtpConnectionInfo[] = [];
  const rejected: string[] = [];
  const refusals: string[] = [];
  let closed = 0;
  const server = await listenSmtp({
    host: '127.0.0.1',
    port: 0,
    security: 'starttls',
    tls,
    name: 'bridge.test',
    mechanisms: ['PLAIN'],
    maxMessageBytes: 1_000,
    maxRecipients: 5,
    limits: { maxConnections: 10, maxConnectionsPerAddress: 10, loginTimeoutMs },
    log: silentLog,
    idleTimeoutMs: 3_600_000,
    openSession: (info) => {
      clients.push(info);
      return {
        offersAuth: () => true,
        isIdentified: () => true,
        async authenticate() {},
        completeAddress: () => undefined,
        async mailFrom() {},
        async rcptTo() {},
        data: async () => 'Queued',
        refused: (status, text) => refusals.push(`${status} ${text}`),
        closed: () => {
          closed++;
        },
        ...session,
      };
    },
    onDefect() {},
    onRejected: (address, why) => rejected.push(`${address} ${why}`),
    onStalled() {},
    ...settings,
  });
  onTestFinished(() => server.close(0));
  return { ...server, clients, rejected, refusals, closed: () => closed };
}

/** Sends the same line over and over. @returns the replies */
async function repeated(client: SmtpDialogue, line: string, times: number): Promise<string[]> {
  const replies: string[] = [];
  for (let n = 0; n < times; n++) replies.push(await client.say(line));
  return replies;
}

describe('a client that nobody knows yet', () => {
  test('has a hundred commands, and is told at the next that this is too many', async () => {
    const server = await startServer({ isIdentified: () => false });
    const c = await SmtpDialogue.open(server.port);
    expect(new Set(await repeated(c, 'NOOP', 100))).toEqual(new Set(['250 2.0.0 OK']));
    expect(await c.say('NOOP')).toBe('421 4.7.0 Too many commands before the login');
    expect(await c.reply()).toBe('closed');
    expect(server.refusals).toEqual(['421 4.7.0 Too many commands before the login']);
  });

  test.each([
    [200, '250 2.0.0 OK'],
    [201, '421 4.7.0 Too many commands before the login'],
  ])('may send %d lines at once: %s', async (lines, reply) => {
    const server = await startServer({ isIdentified: () => false });
    const c = await SmtpDialogue.open(server.port);
    c.send('NOOP\r\n'.repeat(lines));
    expect(await c.reply()).toBe(reply);
  });

  test('is known from its login on', async () => {
    let isIdentified = false;
    const server = await startServer({
      isIdentified: () => isIdentified,
      authenticate: async () => {
        isIdentified = true;
      },
    });
    const c = await SmtpDialogue.open(server.port);
    await c.say('EHLO x');
    await repeated(c, 'NOOP', 90);
    expect(await c.say(`AUTH PLAIN ${Buffer.from('\0a\0b').toString('base64')}`)).toMatch(/^235 /);
    expect(new Set(await repeated(c, 'NOOP', 20))).toEqual(new Set(['250 2.0.0 OK']));
    c.send('NOOP\r\n'.repeat(300));
    for (let n = 0; n < 300; n++) expect(await c.reply()).toBe('250 2.0.0 OK');
  });

  test('is told when the time to log in is over; one that is known is not', async () => {
    const unknown = await startServer({ isIdentified: () => false }, { loginTimeoutMs: 300 });
    const known = await startServer({}, { loginTimeoutMs: 100 });
    const [one, other] = [await SmtpDialogue.open(unknown.port), await SmtpDialogue.open(known.port)];
    expect(await one.reply()).toBe('421 4.7.0 The login took too long');
    expect(await one.reply()).toBe('closed');
    expect(await other.say('NOOP')).toBe('250 2.0.0 OK');
  });
});

describe('STARTTLS', () => {
  test('what a client has said before it counts no more when the session hears of it', async () => {
    const heard: unknown[] = [];
    const server = await startServer({
      secured: () => {
        const [info] = server.clients;
        heard.push([info?.secure, info?.helo, info?.transmissionType]);
      },
    });
    const c = await SmtpDialogue.open(server.port);
    await c.say('EHLO before');
    await c.say(`AUTH PLAIN ${Buffer.from('\0a\0b').toString('base64')}`);
    await c.say('MAIL FROM:<a@contoso.example>');
    expect(server.clients[0]).toMatchObject({ secure: false, helo: 'before', transmissionType: 'ESMTPA' });
    await c.starttls();
    expect(await c.say('MAIL FROM:<a@contoso.example>')).toMatch(/^503 .*HELO/);
    expect(heard).toEqual([[true, '', 'SMTPS']]);
    await c.say('EHLO after');
    expect(server.clients[0]).toMatchObject({ secure: true, helo: 'after', transmissionType: 'ESMTPS' });
    expect(await c.say('RCPT TO:<b@contoso.example>')).toMatch(/^503 /);
    expect(await c.say('MAIL FROM:<a@contoso.example>')).toMatch(/^250 /);
  });

  test('what comes in clear behind it is neither taken nor answered', async () => {
    const server = await startServer();
    const c = await SmtpDialogue.open(server.port);
    expect(await c.starttls('EHLO smuggled\r\nMAIL FROM:<evil@contoso.example>\r\nNOOP\r\n')).toMatch(/^220 /);
    expect(await c.say('NOOP')).toBe('250 2.0.0 OK');
    expect(server.clients[0]?.helo).toBe('');
    expect(server.refusals).toEqual([]);
  });

  test('a client that says nothing after it is told as one without it', async () => {
    const server = await startServer({}, { idleTimeoutMs: 400 });
    const c = await SmtpDialogue.open(server.port);
    await c.starttls();
    expect(await c.reply()).toMatch(/^421 .*Timeout/);
    expect(await c.reply()).toBe('closed');
  });

  test('is not there twice', async () => {
    const server = await startServer();
    const c = await SmtpDialogue.open(server.port);
    await c.starttls();
    expect(await c.say('EHLO x')).not.toContain('STARTTLS');
    expect(await c.say('STARTTLS')).toMatch(/^503 /);
    expect(await c.say('NOOP')).toBe('250 2.0.0 OK');
  });
});

/** A client that has sent NOOP, and the answer, with the given security. */
async function answered(port: number, security: 'none' | 'starttls' | 'tls') {
  const plain = connect({ port, host: '127.0.0.1' });
  onTestFinished(() => void plain.destroy());
  plain.on('error', () => {});
  if (security !== 'tls') await once(plain, 'data');
  if (security === 'starttls') {
    plain.write('STARTTLS\r\n');
    await once(plain, 'data');
  }
  const socket = security === 'none' ? plain : connectTls({ socket: plain, rejectUnauthorized: false });
  socket.on('error', () => {});
  if (security === 'tls') await once(socket, 'data');
  if (security === 'starttls') await once(socket, 'secureConnect');
  socket.write('NOOP\r\n');
  await once(socket, 'data');
  return { plain, socket };
}

describe.each(['none', 'starttls', 'tls'] as const)('the end of a connection with security %s', (security) => {
  test('a client that sends no more gets the end', async () => {
    const server = await startServer({}, { security });
    const { socket } = await answered(server.port, security);
    socket.end();
    expect((await buffer(socket)).toString()).toBe('');
    await expect.poll(server.closed).toBe(1);
    expect([server.connections(), server.rejected, server.refusals]).toEqual([0, [], []]);
  });

  test('one that is cut amid a message is told, with its reason', async () => {
    const server = await startServer({}, { security });
    const { plain, socket } = await answered(server.port, security);
    for (const line of ['HELO x', 'MAIL FROM:<a@contoso.example>']) {
      socket.write(`${line}\r\n`);
      await once(socket, 'data');
    }
    plain.resetAndDestroy();
    await expect.poll(() => server.rejected).toEqual(['127.0.0.1 read ECONNRESET']);
    await expect.poll(server.closed).toBe(1);
    expect(server.connections()).toBe(0);
  });

  test('one that is cut otherwise ends its session, and is nothing to be told', async () => {
    const server = await startServer({}, { security });
    const { plain } = await answered(server.port, security);
    plain.resetAndDestroy();
    await expect.poll(server.closed).toBe(1);
    expect([server.connections(), server.rejected]).toEqual([0, []]);
  });
});

describe('the end of a connection', () => {
  test('what comes behind QUIT is not taken', async () => {
    const server = await startServer();
    const c = await SmtpDialogue.open(server.port);
    c.send('QUIT\r\nNOOP\r\nNONSENSE\r\n');
    expect(await c.reply()).toMatch(/^221 /);
    expect(await c.reply()).toBe('closed');
    expect(server.refusals).toEqual([]);
  });
});

test.each([
  [undefined, '220 bridge.test ESMTP'],
  ['ready for you', '220 bridge.test ESMTP ready for you'],
])('the greeting has the text that is set (%s)', async (banner, greeting) => {
  const server = await startServer({}, banner === undefined ? {} : { banner });
  const socket = connect({ port: server.port, host: '127.0.0.1' });
  const [said] = await once(socket, 'data');
  expect(String(said).trimEnd()).toBe(greeting);
  socket.destroy();
});

test('VRFY says that an address cannot be verified, and takes the next command', async () => {
  const server = await startServer();
  const c = await SmtpDialogue.open(server.port);
  const refused = '252 2.5.2 Cannot verify an address, but will try to deliver to it';
  expect(await c.pipeline('VRFY a@contoso.example', 'NOOP')).toEqual([refused, '250 2.0.0 OK']);
});
