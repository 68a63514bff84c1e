import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Duplex, duplexPair, Writable } from 'node:stream';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type CertificateAndKey, issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import { type Log, openLog, silentLog } from '../../src/base/log.ts';
import { LineReader } from '../../src/base/sockets/line-reader.ts';
import { serveImap } from '../../src/imap/serve.ts';
import { servePop3 } from '../../src/pop3/serve.ts';
import { MailboxDirectory } from '../../src/simulator/mailboxes/mailbox-directory.ts';
import { settled, turns, until } from '../support/event-turns.ts';
import { alice, password, ReadBridge } from '../support/read-bridge.ts';
import { play } from '../support/transcript.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
// The bound on commands before the login must not be what stops a client here.
const limits = {
  loginTimeoutMs: hourMs,
  idleTimeoutMs: hourMs,
  maxFailedLogins: 3,
  maxCommandsBeforeLogin: Number.MAX_SAFE_INTEGER,
};
const words = Array.from({ length: 200 }, (_, index) => `CAPABILITY-NUMBER-${index}`);
const directory = new MailboxDirectory([alice]);

let tls: CertificateAndKey;

beforeAll(async () => {
  tls = await issueServerCertificate(await makeAuthority('Test', 2), ['localhost'], 2);
  directory.deliver(alice, 'INBOX', Buffer.alloc(20_000_000, 'x'));
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const session = () => ({
  capabilities: () => words,
  mechanisms: () => ['PLAIN'] as const,
  takesInitialResponse: () => true,
  identify: () => undefined,
  authenticate: async () => ({ kind: 'store', store: directory.openStore(alice) }) as const,
  closed: () => {},
});

interface Engine {
  readonly serve: (socket: Duplex, log?: Log) => Promise<void>;
  readonly login: string;
  readonly ask: string;
  /** Ends every answer. */
  readonly answer: RegExp;
  readonly readAll: string;
}

const engines: Readonly<Record<'IMAP' | 'POP3', Engine>> = {
  IMAP: {
    serve: (socket, log = silentLog) =>
      serveImap(socket, {
        greeting: 'ready',
        secure: true,
        session: session(),
        limits: { ...limits, maxCommandBytes: 1_000 },
        log,
      }),
    login: 'S: * OK ready\nC: a AUTHENTICATE PLAIN AGEAYg==\nS: a OK …',
    ask: 'b CAPABILITY\r\n',
    answer: /^b OK/gm,
    readAll: 'c SELECT INBOX\r\nd FETCH 1 BODY[]\r\n',
  },
  POP3: {
    serve: (socket, log = silentLog) =>
      servePop3(socket, {
        greeting: 'ready',
        secure: true,
        session: session(),
        limits: { ...limits, maxLineBytes: 1_000 },
        log,
      }),
    login: 'S: +OK ready\nC: AUTH PLAIN AGEAYg==\nS: +OK …',
    ask: 'CAPA\r\n',
    answer: /^\.\r$/gm,
    readAll: 'RETR 1\r\n',
  },
};

/** A client of an engine over a real socket, and the engine's socket. */
async function connected({ serve }: Engine, encrypted: boolean): Promise<{ client: Socket; server: Duplex }> {
  const server = encrypted ? createTlsServer(tls) : createServer();
  const arrived = new Promise<Duplex>((resolve) =>
    server.on(encrypted ? 'secureConnection' : 'connection', (socket: Duplex) => {
      void serve(socket);
      resolve(socket);
    }),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const client = encrypted
    ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    : connect(port, '127.0.0.1');
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  return { client, server: await arrived };
}

/** The lines of a log. */
async function keptLog(): Promise<{ log: Log; lines: { msg: string; level: number }[] }> {
  const lines: { msg: string; level: number }[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString().trim().split('\n')) lines.push(JSON.parse(line));
      done();
    },
  });
  return { log: openLog({ level: 'info', format: 'json', destination }), lines };
}

const cut = 'client does not read its replies: connection closed';

describe.each(['IMAP', 'POP3'] as const)('a client of %s that sends commands and does not read', (name) => {
  const engine = engines[name];

  it.each([
    { encrypted: false, loggedIn: false },
    { encrypted: true, loggedIn: false },
    { encrypted: false, loggedIn: true },
    { encrypted: true, loggedIn: true },
  ])('is taken no more commands from, and loses no reply ($encrypted, $loggedIn)', async ({ encrypted, loggedIn }) => {
    const { client, server } = await connected(engine, encrypted);
    if (loggedIn) await play(client, engine.login);
    const taken = vi.spyOn(LineReader.prototype, 'line');
    client.pause();
    const asked = 3_000;
    client.write(engine.ask.repeat(asked));
    // The data in the system's buffers is out of reach: 4 MB of replies of 4.8 kB.
    expect(await settled(() => taken.mock.calls.length)).toBeLessThan(asked / 2);
    expect(server.writableLength).toBeLessThan(10_000);

    let answered = 0;
    let partial = '';
    for await (const chunk of client) {
      const lines = (partial + (chunk as Buffer).toString('latin1')).split('\n');
      partial = lines.pop() ?? '';
      answered += lines.join('\n').match(engine.answer)?.length ?? 0;
      if (answered >= asked) break;
    }
    expect(answered).toBe(asked);
  });

  it('is cut after a minute before the login, with one line in the log', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { log, lines } = await keptLog();
    const [client, server] = duplexPair();
    const served = engine.serve(server, log);
    client.write(engine.ask.repeat(100));
    await turns(20);
    vi.advanceTimersByTime(minuteMs - 1);
    await turns(20);
    expect(server.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    await served;
    expect(server.destroyed).toBe(true);
    expect(lines.map(({ msg }) => msg)).toEqual([cut]);
  });

  it('goes on where it reads slowly', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const [client, server] = duplexPair();
    const served = engine.serve(server);
    client.write(engine.ask.repeat(100));
    let received = '';
    let minutes = 0;
    while ((received.match(engine.answer)?.length ?? 0) < 100) {
      await turns(50);
      vi.advanceTimersByTime(59_000);
      await turns(50);
      received += String(client.read() ?? '');
      minutes++;
    }
    expect(minutes).toBeGreaterThan(5);
    client.destroy();
    server.destroy();
    await served;
  });

  it('is cut five minutes after it stopped to take a message, with one line in the log', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { log, lines } = await keptLog();
    const [client, server] = duplexPair();
    const served = engine.serve(server, log);
    await play(client, engine.login);
    client.pause();
    client.write(engine.readAll);
    await turns(200);
    expect(server.writableLength).toBeLessThan(100_000);
    vi.advanceTimersByTime(5 * minuteMs - 1);
    await turns(20);
    expect(server.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    await served;
    expect(lines.map(({ msg }) => msg)).toEqual([cut]);
  });
});

describe('a client of a joined session that does not read', () => {
  it.each(['imap', 'pop3'] as const)(
    'is cut five minutes after it stopped, with one line in the log (%s)',
    async (protocol) => {
      const bridge = await ReadBridge.start();
      onTestFinished(() => bridge.close());
      const { log, lines } = await keptLog();
      const [here, there] = await tcpPair();
      const { port } = await bridge.listen(protocol, {
        log,
        openUpstream: async () => ({ socket: here, greeting: '', capabilities: undefined, unread: Buffer.alloc(0) }),
      });
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const client = connect(port, '127.0.0.1').on('error', () => {});
      onTestFinished(() => void client.destroy());
      const quoted = `"${password.replace(/["\\]/g, '\\$&')}"`;
      const login = {
        imap: `S: * OK …\nC: a LOGIN scanner ${quoted}\nS: a OK …`,
        pop3: `S: +OK …\nC: USER scanner\nS: +OK\nC: PASS ${password}\nS: +OK …`,
      };
      await play(client, login[protocol]);
      client.pause();
      there.write(Buffer.alloc(60_000_000));
      let held = -1;
      // The system's buffers fill first.
      for (let quiet = 0; quiet < 2_000; quiet++) {
        await turns(1);
        if (there.writableLength !== held) quiet = 0;
        held = there.writableLength;
      }
      expect(here.destroyed).toBe(false);
      vi.advanceTimersByTime(5 * minuteMs);
      await until(() => lines.some(({ msg }) => msg === cut));
      expect([here.destroyed, lines.filter(({ level }) => level >= 40).length]).toEqual([true, 1]);
    },
  );
});

/** Both ends of a TCP connection. */
async function tcpPair(): Promise<[Socket, Socket]> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const there = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  const [here] = (await once(server, 'connection')) as [Socket];
  server.close();
  onTestFinished(() => void there.destroy());
  return [here.on('error', () => {}), there];
}
