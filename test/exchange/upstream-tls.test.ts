import { type AddressInfo, createServer, type Socket } from 'node:net';
import tls, { TLSSocket } from 'node:tls';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type CertificateAndKey, issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import { createHttpClient } from '../../src/base/http/client.ts';
import type { UpstreamLogin } from '../../src/exchange/reading/connect.ts';
import { openImapUpstream } from '../../src/exchange/reading/imap.ts';
import { loginByImap } from '../../src/exchange/reading/imap-client.ts';
import { openPop3Upstream } from '../../src/exchange/reading/pop3.ts';
import { UpstreamSmtpSession } from '../../src/exchange/smtp/session.ts';
import { scriptedServer } from '../support/scripted-server.ts';
import { type ClientHello, readClientHello } from './client-hello.ts';

let ca: CertificateAndKey;
let certificate: CertificateAndKey;

beforeEach(async () => {
  ca = await makeAuthority('Test', 10);
  certificate = await issueServerCertificate(ca, ['localhost', '127.0.0.1'], 10);
});

type Security = 'tls' | 'starttls';

function loginTo(port: number, security: Security): UpstreamLogin {
  return {
    host: 'localhost',
    port,
    security,
    ca: ca.cert,
    mailbox: 'a@b.c',
    getToken: async () => 'token',
    connectTimeoutMs: 10_000,
    loginTimeoutMs: 10_000,
  };
}

/** Every way to open a mailbox, up to the end of the login. */
const openers = {
  'IMAP, to be joined': async (port: number, security: Security) => {
    (await openImapUpstream(loginTo(port, security))).socket.destroy();
  },
  'POP3, to be joined': async (port: number, security: Security) => {
    (await openPop3Upstream(loginTo(port, security))).socket.destroy();
  },
  'IMAP, for commands of our own': async (port: number, security: Security) => {
    const client = await loginByImap({
      endpoint: { host: 'localhost', port, security },
      extraCa: ca.cert,
      mailbox: 'a@b.c',
      accessToken: 'token',
      connectTimeoutMs: 10_000,
      silenceTimeoutMs: 10_000,
    });
    client.close();
  },
  SMTP: async (port: number, security: Security) => {
    const session = await UpstreamSmtpSession.open(
      { endpoint: { host: 'localhost', port, security }, extraCa: ca.cert, connectTimeoutMs: 10_000 },
      { mailbox: 'a@b.c', token: 'token' },
      new AbortController().signal,
    );
    session.close();
  },
};
type Opener = keyof typeof openers;

const names = Object.keys(openers) as Opener[];

/** What a server sends unencrypted before TLS, up to its go-ahead; and what it sends unencrypted after that. */
const agreements: Record<Opener, readonly [script: string, injected: string]> = {
  'IMAP, to be joined': [
    'S: * OK hello\nC: S1 STARTTLS\nS: S1 OK go',
    '* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR\\r\\nC1 OK done\\r\\nA1 OK in',
  ],
  'POP3, to be joined': ['S: +OK hello\nC: STLS\nS: +OK go', '+ \\r\\n+OK in'],
  'IMAP, for commands of our own': [
    'S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hello\nC: 1 STARTTLS\nS: 1 OK go',
    '* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\\r\\n2 OK done\\r\\n3 OK in',
  ],
  SMTP: [
    'S: 220 hello\nC: EHLO…\nS: 250-hello\\r\\n250 STARTTLS\nC: STARTTLS\nS: 220 go',
    '250-evil\\r\\n250 AUTH XOAUTH2\\r\\n235 in',
  ],
};

describe('what somebody on the way adds in clear behind the agreement to TLS is not believed', () => {
  test.each(names)('%s', async (name) => {
    const [script, injected] = agreements[name];
    const server = await scriptedServer([`${script}\\r\\n${injected}\nS: <tls>\nC: nothing of this is answered`], {
      ...certificate,
      implicit: false,
    });
    onTestFinished(server.close);
    await expect(openers[name](server.port, 'starttls')).rejects.toThrow();
    // Because of it, no line of the login was sent.
    expect(server.received.join('\n')).not.toMatch(/XOAUTH2|dXNlcj1hQGIuY/);
  });

  test.each(['IMAP, to be joined', 'POP3, to be joined'] as const)(
    'the log says that there was more: %s',
    async (name) => {
      const [script, injected] = agreements[name];
      const more = `${script}\\r\\n${injected}${'x'.repeat(200)}`;
      const server = await scriptedServer([more], { ...certificate, implicit: false });
      onTestFinished(server.close);
      await expect(openers[name](server.port, 'starttls')).rejects.toMatchObject({
        code: 'upstream-answer-invalid',
        message: `localhost:${server.port} sent unencrypted data after it agreed to TLS.`,
        details: { said: expect.stringMatching(/^.{4,100}$/s) },
      });
    },
  );
});

/** A server that shows what clients offer, and answers from its own script. */
async function listen(serve: (socket: Socket, hello: ClientHello, connection: number) => void): Promise<number> {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    const connection = ++connections;
    readClientHello(socket).then(
      (hello) => serve(socket, hello, connection),
      () => socket.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

describe('TLS 1.0 and 1.1 are not offered to a server, not even where Node.js is told to allow old ciphers', () => {
  const all = {
    ...openers,
    'Graph and Entra ID': async (port: number) => {
      const http = createHttpClient({ ca: ca.cert });
      onTestFinished(() => http.close());
      await http.request({ method: 'GET', url: `https://localhost:${port}/` });
    },
  };

  test.each(Object.keys(all) as (keyof typeof all)[])('%s', async (name) => {
    // As with NODE_OPTIONS='--tls-min-v1.0 --tls-cipher-list=DEFAULT:@SECLEVEL=0'.
    const { DEFAULT_CIPHERS, DEFAULT_MIN_VERSION } = tls;
    Object.assign(tls, { DEFAULT_CIPHERS: 'DEFAULT:@SECLEVEL=0', DEFAULT_MIN_VERSION: 'TLSv1' });
    onTestFinished(() => {
      Object.assign(tls, { DEFAULT_CIPHERS, DEFAULT_MIN_VERSION });
    });
    // What is made for a set of authorities is kept.
    ca = await makeAuthority(name, 10);
    const hellos: ClientHello[] = [];
    const port = await listen((socket, hello) => {
      hellos.push(hello);
      socket.destroy();
    });
    await expect(all[name](port, 'tls')).rejects.toThrow();
    const [first] = hellos;
    expect(first?.versions.toSorted()).toEqual([0x0303, 0x0304]);
  });
});

test.each([
  ['localhost', 'localhost'],
  // An IP address is not a name (RFC 6066 section 3).
  ['127.0.0.1', undefined],
])('a server reached as %s is told %j, so that it shows the right certificate', async (host, serverName) => {
  const hellos: ClientHello[] = [];
  const port = await listen((socket, hello) => {
    hellos.push(hello);
    socket.destroy();
  });
  await expect(openPop3Upstream({ ...loginTo(port, 'tls'), host })).rejects.toThrow();
  expect(hellos[0]?.serverName).toBe(serverName);
});

test('a TLS session that a server does not go on with is forgotten, so that the next connection comes about', async () => {
  const offered: boolean[] = [];
  const port = await listen((socket, hello, connection) => {
    offered.push(hello.resumes);
    // The second time it has lost its mind about sessions, as a server with a broken cache has.
    if (connection === 2) socket.destroy();
    else speakPop3(new TLSSocket(socket, { isServer: true, ...certificate }));
  });
  const open = () => openPop3Upstream(loginTo(port, 'tls'));
  const close = ({ socket }: Awaited<ReturnType<typeof open>>) => socket.destroy();
  close(await open());
  await expect(open()).rejects.toMatchObject({ code: 'upstream-connection-lost' });
  close(await open());
  close(await open());
  expect(offered).toEqual([false, true, false, true]);
});

function speakPop3(socket: TLSSocket): void {
  socket.on('error', () => {});
  socket.write('+OK\r\n');
  const answers = ['+ \r\n', '+OK\r\n'];
  socket.on('data', () => socket.write(answers.shift() ?? ''));
}

test.each([
  ['IMAP', openImapUpstream],
  ['POP3', openPop3Upstream],
] as const)(
  '%s: a server that takes the connection and says nothing of TLS is given up in time, by its name',
  async (_, open) => {
    const server = createServer((socket) => socket.on('error', () => {}));
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const peer = `localhost:${port}`;
    await expect(open({ ...loginTo(port, 'tls'), connectTimeoutMs: 200 })).rejects.toMatchObject({
      code: 'upstream-timeout',
      message: `${peer} did not accept a connection in time.`,
      details: { peer },
    });
  },
);
