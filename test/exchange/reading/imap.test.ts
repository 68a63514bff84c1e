import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CertificateAndKey, issueServerCertificate, makeAuthority } from '../../../src/base/certificates.ts';
import type { OpenUpstream, UpstreamLogin } from '../../../src/exchange/reading/connect.ts';
import { openImapUpstream } from '../../../src/exchange/reading/imap.ts';
import { KnownCapabilities } from '../../../src/exchange/reading/known-capabilities.ts';
import { scriptedServer } from '../../support/scripted-server.ts';

let ca: CertificateAndKey;
let certificate: CertificateAndKey;
let closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  ca = await makeAuthority('Test', 10);
  certificate = await issueServerCertificate(ca, ['localhost', '127.0.0.1'], 10);
});

afterEach(async () => {
  for (const close of closing) await close();
  closing = [];
});

/** What a server accepts is remembered by its port, and the system gives a port again: each is used once. */
const usedPorts = new Set<number>();

async function server(scripts: string[], implicit = true): ReturnType<typeof scriptedServer> {
  const running = await scriptedServer(scripts, { ...certificate, implicit });
  closing.push(running.close);
  if (usedPorts.has(running.port)) return server(scripts, implicit);
  usedPorts.add(running.port);
  return running;
}

function login(port: number): UpstreamLogin {
  return {
    host: 'localhost',
    port,
    security: 'tls',
    ca: ca.cert,
    mailbox: 'a@b.c',
    getToken: async () => 'token',
    connectTimeoutMs: 10_000,
  };
}

async function open(port: number, options: Partial<UpstreamLogin> = {}): Promise<OpenUpstream> {
  const upstream = await openImapUpstream({ ...login(port), ...options });
  upstream.socket.destroy();
  return upstream;
}

const failed = (code: string) => expect.objectContaining({ name: 'BridgeError', code });
const credentials = Buffer.from('user=a@b.c\x01auth=Bearer token\x01\x01').toString('base64');
const others = Buffer.from('user=a@b.c\x01auth=Bearer other\x01\x01').toString('base64');

const exchange = `S: * OK The Microsoft Exchange IMAP4 service is ready.
  C: C1 CAPABILITY
  S: * CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR
  S: C1 OK CAPABILITY completed.`;

/** The request after a login whose answer had no capabilities. */
const offered = `C: C2 CAPABILITY
  S: * CAPABILITY IMAP4rev1 IDLE UIDPLUS
  S: C2 OK CAPABILITY completed.`;

describe('logging in upstream by IMAP', () => {
  it('ends with the signal until it is open, and not after', async () => {
    const { port } = await server([
      `${exchange}
       C: A1 AUTHENTICATE XOAUTH2 ${credentials}
       S: A1 OK [CAPABILITY IMAP4rev1 IDLE] AUTHENTICATE completed.`,
    ]);
    const gone = new AbortController();
    const { socket } = await openImapUpstream({ ...login(port), signal: gone.signal });
    gone.abort();
    await new Promise(setImmediate);
    expect(socket.destroyed).toBe(false);
    // An error before the next owner listens only ends the socket.
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.destroy(new Error('connection reset'));
    await closed;
  });

  it('names the reset of a connection as the system does', async () => {
    const reset = createServer((socket) => void socket.once('data', () => socket.resetAndDestroy()));
    reset.on('connection', (socket) => socket.on('error', () => {}).write('* OK ready\r\n'));
    await once(reset.listen(0, '127.0.0.1'), 'listening');
    closing.push(async () => void reset.close());
    const { port } = reset.address() as AddressInfo;
    await expect(open(port, { host: '127.0.0.1', security: 'none' })).rejects.toMatchObject({
      code: 'upstream-connection-lost',
      message: expect.stringContaining('ECONNRESET'),
    });
  });

  it('names the reset of a connection that was clear at first, too', async () => {
    const reset = createServer((socket) => {
      socket.on('error', () => {}).write('* OK ready\r\n');
      socket.once('data', () => {
        socket.write('S1 OK go\r\n');
        const secured = new TLSSocket(socket, { isServer: true, ...certificate });
        secured.on('error', () => {}).once('data', () => socket.resetAndDestroy());
      });
    });
    await once(reset.listen(0, '127.0.0.1'), 'listening');
    closing.push(async () => void reset.close());
    const { port } = reset.address() as AddressInfo;
    await expect(open(port, { security: 'starttls' })).rejects.toMatchObject({
      code: 'upstream-connection-lost',
      message: expect.stringContaining('ECONNRESET'),
    });
  });

  it('is one line where the server takes it, and asks what it takes only once', async () => {
    const { port, received } = await server([
      `${exchange}
       C: A1 AUTHENTICATE XOAUTH2 ${credentials}
       S: A1 OK AUTHENTICATE completed.
       ${offered}`,
      `S: * OK again
       C: A1 AUTHENTICATE XOAUTH2 ${credentials}
       S: A1 OK [CAPABILITY IMAP4rev1 IDLE] AUTHENTICATE completed.`,
    ]);
    const first = await open(port);
    expect(first).toMatchObject({
      greeting: '* OK The Microsoft Exchange IMAP4 service is ready.',
      capabilities: 'IMAP4rev1 IDLE UIDPLUS',
    });
    expect((await open(port)).capabilities).toBe('IMAP4rev1 IDLE');
    expect(received).toHaveLength(4);
  });

  it('is two lines where it does not; capabilities told beside are kept, what follows is not lost', async () => {
    const { port } = await server([
      `S: * OK hello
       C: C1 CAPABILITY
       S: * CAPABILITY IMAP4rev1 AUTH=XOAUTH2
       S: C1 OK done
       C: A1 AUTHENTICATE XOAUTH2
       S: +
       C: ${credentials}
       S: * CAPABILITY IMAP4rev1 MOVE\\r\\nA1 OK done\\r\\n* OK early news`,
    ]);
    const upstream = await open(port);
    expect(upstream.capabilities).toBe('IMAP4rev1 MOVE');
    expect(upstream.unread.toString()).toBe('* OK early news\r\n');
  });

  it('turns TLS on first where the endpoint says so', async () => {
    const { port } = await server(
      [
        `S: * OK hello
         C: S1 STARTTLS
         S: S1 OK go
         S: <tls>
         C: C1 CAPABILITY
         S: * CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR
         S: C1 OK done
         C: A1 AUTHENTICATE XOAUTH2 ${credentials}
         S: A1 OK done
         ${offered}`,
      ],
      false,
    );
    expect((await open(port, { security: 'starttls' })).greeting).toBe('* OK hello');
  });

  it('answers the error challenge with an empty line and tries once more with another token', async () => {
    const challenge = Buffer.from('{"status":"400","schemes":"Bearer"}').toString('base64');
    const { port } = await server([
      `${exchange}
       C: A1 AUTHENTICATE XOAUTH2 ${credentials}
       S: + ${challenge}
       C:
       S: A1 NO AUTHENTICATE failed.`,
      `${exchange}
       C: A1 AUTHENTICATE XOAUTH2 ${others}
       S: A1 OK done
       ${offered}`,
    ]);
    const asked: unknown[] = [];
    await open(port, {
      getToken: async (options) => {
        asked.push(options?.refused);
        return options?.refused === undefined ? 'token' : 'other';
      },
    });
    expect(asked).toEqual([undefined, 'token']);
  });
});

describe('what a server offers after login that does not tell', () => {
  const login = `C: A1…\nS: A1 OK in`;

  it('is asked once, and is kept for the mailboxes of the same domain', async () => {
    const { port, received } = await server([`${exchange}\n${login}\n${offered}`, `S: * OK again\n${login}`]);
    for (const mailbox of ['a@b.c', 'other@B.C', 'a@b.c']) {
      expect((await open(port, { mailbox })).capabilities).toBe('IMAP4rev1 IDLE UIDPLUS');
    }
    expect(received.filter((line) => line === 'C2 CAPABILITY')).toHaveLength(1);
  });

  it('is asked for another domain, which may be served by another kind of server', async () => {
    const { port } = await server([
      `${exchange}\n${login}\n${offered}`,
      `S: * OK again\n${login}\nC: C2…\nS: * CAPABILITY IMAP4rev1\nS: C2 OK`,
    ]);
    await open(port);
    expect((await open(port, { mailbox: 'a@outlook.com' })).capabilities).toBe('IMAP4rev1');
  });

  it('stays unknown where it refuses to say; the login counts', async () => {
    const { port } = await server([`${exchange}\n${login}\nC: C2…\nS: C2 BAD what?`]);
    expect((await open(port)).capabilities).toBeUndefined();
  });

  it('is not waited for where the connection ends', async () => {
    const { port } = await server([`${exchange}\n${login}\nC: C2…\nS: <end>`]);
    await expect(open(port)).rejects.toEqual(failed('upstream-connection-lost'));
  });

  it('is forgotten after an hour', () => {
    let now = 0;
    const known = new KnownCapabilities({ now: () => now, after: () => () => {} });
    known.set('host:993', 'a@b.c', 'IMAP4rev1');
    now = 3_599_999;
    expect(known.get('host:993', 'a@b.c')).toBe('IMAP4rev1');
    now = 3_600_000;
    expect(known.get('host:993', 'a@b.c')).toBeUndefined();
  });

  it('is forgotten where a thousand others were asked for since', () => {
    const known = new KnownCapabilities();
    for (let host = 0; host <= 1000; host++) known.set(`host${host}:993`, 'a@b.c', 'IMAP4rev1');
    expect(known.get('host0:993', 'a@b.c')).toBeUndefined();
    expect(known.get('host1:993', 'a@b.c')).toBe('IMAP4rev1');
  });
});

describe('what servers may differ in', () => {
  it('letters small or large', async () => {
    const { port } = await server([
      `S: * ok hello
       C: C1 CAPABILITY
       S: * capability imap4rev1 auth=xoauth2 sasl-ir
       S: C1 ok done
       C: A1 AUTHENTICATE XOAUTH2 ${credentials}
       S: A1 ok [capability IMAP4rev1 IDLE] in`,
    ]);
    expect((await open(port)).capabilities).toBe('IMAP4rev1 IDLE');
  });

  it('a capability list in small letters beside the answer', async () => {
    const { port } = await server([
      `${exchange}
       C: A1 AUTHENTICATE XOAUTH2 ${credentials}
       S: * capability IMAP4rev1 MOVE
       S: A1 OK in`,
    ]);
    expect((await open(port)).capabilities).toBe('IMAP4rev1 MOVE');
  });

  it('a line that speaks of capabilities and tells none', async () => {
    const { port } = await server([
      `S: * OK hello
       C: C1 CAPABILITY
       S: * CAPABILITY AUTH=XOAUTH2 SASL-IR
       S: * OK see * CAPABILITY in the manual
       S: C1 OK done
       C: A1 AUTHENTICATE XOAUTH2 ${credentials}
       S: A1 OK [CAPABILITY IMAP4rev1 IDLE] in`,
    ]);
    expect((await open(port)).capabilities).toBe('IMAP4rev1 IDLE');
  });

  it('an answer that has no words', async () => {
    const { port } = await server([
      'S: * OK\nC: C1 CAPABILITY\nS: * CAPABILITY AUTH=XOAUTH2 SASL-IR\nS: C1 OK\nC: A1…\nS: A1 OK\nC: C2…\nS: * CAPABILITY\nS: C2 OK',
    ]);
    expect((await open(port)).greeting).toBe('* OK');
  });
});

it('after a refusal it is asked anew what the server takes', async () => {
  const { port, received } = await server([
    `${exchange}\nC: A1…\nS: A1 NO [UNAVAILABLE] later`,
    `${exchange}\nC: A1…\nS: A1 OK in\n${offered}`,
  ]);
  await expect(open(port)).rejects.toEqual(failed('mailbox-login-unavailable'));
  await open(port);
  expect(received.filter((line) => line === 'C1 CAPABILITY')).toHaveLength(2);
});

it('where no token is to be had, the connection that was opened meanwhile is closed', async () => {
  const { port, ended } = await server(['S: * OK hi\nC: nothing comes']);
  await expect(open(port, { getToken: () => Promise.reject(new Error('no token')) })).rejects.toThrow('no token');
  await ended();
});

it('the same token again is not tried a second time', async () => {
  const { port, connections } = await server([`${exchange}\nC: A1…\nS: A1 NO AUTHENTICATE failed.`]);
  await expect(open(port)).rejects.toEqual(failed('mailbox-login-refused'));
  expect(connections()).toBe(1);
});

describe('what goes wrong has its own code', () => {
  it('a login refused twice, without the token in the error', async () => {
    const { port, connections } = await server([
      `${exchange}
       C: A1 AUTHENTICATE XOAUTH2…
       S: A1 NO AUTHENTICATE failed.`,
    ]);
    const error = await open(port, { getToken: async ({ refused } = {}) => (refused ? 'other' : 'token') }).catch(
      (e) => e,
    );
    expect(error).toEqual(failed('mailbox-login-refused'));
    expect(error.details).toMatchObject({ mailbox: 'a@b.c', said: 'AUTHENTICATE failed.' });
    expect(JSON.stringify(error) + error.message).not.toMatch(/token|other|dXNlc/);
    expect(connections()).toBe(2);
  });

  it.each([
    [
      'too many connections',
      `${exchange}\nC: A1…\nS: A1 NO Too many concurrent connections`,
      'mailbox-connections-exceeded',
    ],
    [
      'throttling',
      `${exchange}\nC: A1…\nS: A1 BAD Request is throttled. Suggested Backoff Time: 1 milliseconds`,
      'mailbox-connections-exceeded',
    ],
    [
      'a refusal that passes',
      `${exchange}\nC: A1…\nS: A1 NO [UNAVAILABLE] Server Unavailable. 15`,
      'mailbox-login-unavailable',
    ],
    ['a BAD answer', `${exchange}\nC: A1…\nS: A1 BAD no idea`, 'mailbox-login-refused'],
    ['a goodbye', 'S: * BYE Connection closed. 14', 'mailbox-login-unavailable'],
    ['a server that ends', 'S: * OK hi\nS: <end>', 'upstream-connection-lost'],
    [
      'a server without XOAUTH2',
      'S: * OK hi\nC: C1 CAPABILITY\nS: * CAPABILITY IMAP4rev1 AUTH=PLAIN\nS: C1 OK',
      'xoauth2-not-offered',
    ],
    ['something else', 'S: HTTP/1.1 400 Bad Request', 'upstream-answer-invalid'],
    ['a line without end', `S: * OK ${'x'.repeat(70_000)}`, 'upstream-answer-invalid'],
  ])('%s', async (_, script, code) => {
    const { port } = await server([script]);
    await expect(open(port)).rejects.toEqual(failed(code));
  });

  it('STARTTLS refused: the server is out of order, not the login', async () => {
    const { port, received } = await server(['S: * OK hi\nC: S1 STARTTLS\nS: S1 NO not here'], false);
    await expect(open(port, { security: 'starttls' })).rejects.toMatchObject({
      code: 'mailbox-login-unavailable',
      details: { peer: `localhost:${port}`, mailbox: 'a@b.c', said: 'not here' },
    });
    expect(received).toEqual(['S1 STARTTLS']);
  });

  it('the mechanism refused before the token is asked for: no token is shown', async () => {
    const { port, received } = await server([
      `S: * OK hi
       C: C1 CAPABILITY
       S: * CAPABILITY IMAP4rev1 AUTH=XOAUTH2
       S: C1 OK
       C: A1 AUTHENTICATE XOAUTH2
       S: A1 NO not with me
       C: nothing more`,
    ]);
    await expect(open(port)).rejects.toMatchObject({
      code: 'mailbox-login-refused',
      details: { said: 'not with me' },
    });
    expect(received.join()).not.toContain(credentials);
  });

  it('CAPABILITY refused: the server is out of order', async () => {
    const { port } = await server(['S: * OK hi\nC: C1 CAPABILITY\nS: C1 NO not now']);
    await expect(open(port)).rejects.toMatchObject({
      code: 'mailbox-login-unavailable',
      details: { said: 'not now' },
    });
  });

  it('a goodbye keeps its words, wherever it comes', async () => {
    const first = await server(['S: * BYE Connection closed. 14']);
    await expect(open(first.port)).rejects.toMatchObject({ details: { said: 'BYE Connection closed. 14' } });
    const later = await server([`${exchange}\nC: A1…\nS: * bye until later`]);
    await expect(open(later.port)).rejects.toMatchObject({
      code: 'mailbox-login-unavailable',
      details: { said: 'bye until later' },
    });
  });

  it.each([
    ['another command is answered', `${exchange}\nC: A1…\nS: A2 OK done`, 'A2 OK done'],
    ['a second challenge', `${exchange}\nC: A1…\nS: + e30=\nC:\nS: + once more`, 'once more'],
    ['a prompt where none was asked for', 'S: * OK hi\nC: C1 CAPABILITY\nS: + go on', 'go on'],
    ['no answer at all', `S: ${'x'.repeat(300)}`, 'x'.repeat(100)],
  ])('an answer that no IMAP server gives: %s', async (_, script, said) => {
    const { port } = await server([script]);
    await expect(open(port)).rejects.toMatchObject({
      code: 'upstream-answer-invalid',
      message: `localhost:${port} does not answer like an IMAP server.`,
      details: { peer: `localhost:${port}`, said },
    });
  });

  it('a server that talks on and on, after 200 lines', async () => {
    const talk = (untagged: number) =>
      `${exchange}\nC: A1…\nS: ${'* 1 EXISTS\\r\\n'.repeat(untagged)}A1 OK done\n${offered}`;
    const patient = await server([talk(194)]);
    expect((await open(patient.port)).greeting).toMatch(/^\* OK/);
    const chatty = await server([talk(195)]);
    await expect(open(chatty.port)).rejects.toEqual(failed('upstream-answer-invalid'));
  });

  it('a server without XOAUTH2: what it offers is told, and what to check', async () => {
    const { port } = await server([
      `S: * OK hi\nC: C1 CAPABILITY\nS: * CAPABILITY IMAP4rev1 AUTH=PLAIN ${'X'.repeat(600)}\nS: C1 OK`,
    ]);
    await expect(open(port)).rejects.toMatchObject({
      code: 'xoauth2-not-offered',
      remedy: expect.stringContaining('outlook.office365.com'),
      details: { peer: `localhost:${port}`, capabilities: `IMAP4REV1 AUTH=PLAIN ${'X'.repeat(479)}` },
    });
  });

  it('a server that says nothing', async () => {
    const { port } = await server(['']);
    await expect(open(port, { loginTimeoutMs: 50 })).rejects.toEqual(failed('upstream-timeout'));
  });

  it('a certificate nobody vouches for, or for another name', async () => {
    const { port } = await server([exchange]);
    await expect(open(port, { ca: (await makeAuthority('Other', 1)).cert })).rejects.toEqual(
      failed('upstream-certificate-untrusted'),
    );
    certificate = await issueServerCertificate(ca, ['elsewhere.example'], 10);
    const wrong = await server([exchange]);
    await expect(open(wrong.port)).rejects.toEqual(failed('upstream-certificate-untrusted'));
    certificate = await issueServerCertificate(ca, ['localhost', '127.0.0.1'], 10);
  });

  it('a port that speaks no TLS, and a port where nobody is', async () => {
    const { port, close } = await server([exchange], false);
    await expect(open(port)).rejects.toEqual(failed('upstream-tls-failed'));
    await close();
    closing = [];
    await expect(open(port)).rejects.toEqual(failed('upstream-unreachable'));
  });

  it.each(['* BYE No more today', '* NO Not here', '* BAD What'])(
    'a greeting that refuses (%s) passes',
    async (line) => {
      const { port } = await server([`S: ${line}`]);
      await expect(open(port)).rejects.toEqual(failed('mailbox-login-unavailable'));
    },
  );

  it('a token that cannot be had is told as it is', async () => {
    const { port } = await server([exchange]);
    await expect(open(port, { getToken: () => Promise.reject(new Error('no token')) })).rejects.toThrow('no token');
    const left = createServer((socket) => void socket.on('error', () => {}).write('* OK ready\r\n'));
    const isLeft = new Promise((resolve) => left.on('connection', (socket) => socket.resume().once('close', resolve)));
    await once(left.listen(0, '127.0.0.1'), 'listening');
    closing.push(async () => void left.close());
    const clear = { host: '127.0.0.1', security: 'none' } as const;
    const getToken = () => Promise.reject(new Error('no token'));
    await expect(open((left.address() as AddressInfo).port, { ...clear, getToken })).rejects.toThrow('no token');
    await isLeft;
  });

  it('a token is not sent in the clear across a network', async () => {
    await expect(open(1, { host: 'mail.example', security: 'none' })).rejects.toMatchObject({
      code: 'config-invalid',
      remedy: 'Set security of the endpoint to tls or starttls.',
    });
  });

  it('a client that has gone ends the attempt', async () => {
    const { port } = await server(['']);
    const gone = new AbortController();
    const opened = open(port, { signal: gone.signal });
    setTimeout(() => gone.abort(), 50);
    await expect(opened).rejects.toMatchObject({ name: 'AbortError' });
  });
});
