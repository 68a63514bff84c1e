import { once } from 'node:events';
import { connect, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { sourceNetwork } from '../../src/accounts/networks.ts';
import { type CertificateAndKey, issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import { silentLog } from '../../src/base/log.ts';
import { LineReader } from '../../src/base/sockets/line-reader.ts';
import { ConnectionCounts } from '../../src/listeners/connection-counts.ts';
import type { Listener, ListenerLimits, ListenerOptions } from '../../src/listeners/listener.ts';
import { listenSmtp } from '../../src/listeners/smtp-listener.ts';
import { SubmissionConnection } from '../../src/smtp/connection.ts';
import { SmtpReply } from '../../src/smtp/session.ts';
import { turns, until } from '../support/event-turns.ts';
import { ReadBridge } from '../support/read-bridge.ts';

type Protocol = 'smtp' | 'imap' | 'pop3';
type Security = ListenerOptions['security'];

const secondMs = 1000;
const hourMs = 3_600_000;
let tls: CertificateAndKey;
let reading: ReadBridge;

beforeAll(async () => {
  tls = await issueServerCertificate(await makeAuthority('Test', 2), ['localhost'], 2);
  reading = await ReadBridge.start();
  return () => reading.close();
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A listener whose SMTP clients count as known by their network if they send `HELO known`. */
async function listener(
  protocol: Protocol,
  security: Security,
  { port = 0, ...given }: Partial<ListenerLimits> & { port?: number } = {},
): Promise<Listener> {
  const limits = { maxConnections: 50, maxConnectionsPerAddress: 50, loginTimeoutMs: hourMs, ...given };
  if (protocol !== 'smtp') return reading.listen(protocol, { security, limits, port });
  const opened = await listenSmtp({
    host: '127.0.0.1',
    port,
    security,
    ...(security !== 'none' && { tls }),
    limits,
    log: silentLog,
    name: 'bridge.test',
    mechanisms: ['PLAIN'],
    maxMessageBytes: 1_000,
    maxRecipients: 5,
    idleTimeoutMs: hourMs,
    openSession(info) {
      let loggedIn = false;
      return {
        offersAuth: () => true,
        isIdentified: () => loggedIn || info.helo === 'known',
        async authenticate() {
          loggedIn = true;
        },
        secured: () => {
          loggedIn = false;
        },
        completeAddress: () => undefined,
        async mailFrom() {
          if (!loggedIn) throw new SmtpReply(530, '5.7.0', 'Authentication required');
        },
        async rcptTo() {},
        data: async () => '',
        refused() {},
        closed() {},
      };
    },
    onDefect() {},
    onRejected() {},
    onStalled() {},
  });
  onTestFinished(() => opened.close(0));
  return opened;
}

/** A client that keeps what it receives. */
class Caller {
  socket!: Socket;
  heard = '';
  ended = false;

  constructor(port: number, encrypted = false) {
    const where = { port, host: '127.0.0.1' };
    this.#listen(encrypted ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where));
    onTestFinished(() => void this.socket.destroy());
  }

  #listen(socket: Socket): void {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      this.heard += chunk.toString('latin1');
    });
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('close', () => {
      this.ended = true;
    });
  }

  async hears(what: RegExp): Promise<string> {
    await until(() => what.test(this.heard) || this.ended);
    const heard = this.heard;
    expect(heard).toMatch(what);
    this.heard = '';
    return heard;
  }

  async says(line: string, answer: RegExp): Promise<string> {
    this.socket.write(`${line}\r\n`);
    return this.hears(answer);
  }

  async startTls(): Promise<void> {
    this.socket.removeAllListeners();
    this.#listen(connectTls({ socket: this.socket, rejectUnauthorized: false }));
    await once(this.socket as TLSSocket, 'secureConnect');
  }
}

const greeting = { smtp: /^220 /, imap: /^\* OK /, pop3: /^\+OK / };
const begin = {
  smtp: [
    ['EHLO x', /^250 /m],
    ['STARTTLS', /^220 /],
  ],
  imap: [['a STARTTLS', /^a OK /]],
  pop3: [['STLS', /^\+OK /]],
} as const;

/** The first octets of a ClientHello. */
const halfHello = Buffer.from('16030100c8010000c40303', 'hex');

async function toHandshake(caller: Caller, protocol: Protocol): Promise<void> {
  await caller.hears(greeting[protocol]);
  for (const [line, answer] of begin[protocol]) await caller.says(line, answer);
}

/** Tries until the listener accepts a client: permits are released asynchronously. */
async function isServed(port: number, protocol: Protocol, security: Security): Promise<void> {
  for (;;) {
    const caller = new Caller(port, security === 'tls');
    await until(() => caller.heard !== '' || caller.ended);
    const served = greeting[protocol].test(caller.heard);
    caller.socket.destroy();
    await turns(5);
    if (served) return;
  }
}

const protocols = ['smtp', 'imap', 'pop3'] as const;

describe.each(protocols)('clients that never finish their TLS handshake (%s)', (protocol) => {
  it('with TLS from the first byte lock their address out for 30 seconds and no longer', async () => {
    const { port } = await listener(protocol, 'tls', { maxConnectionsPerAddress: 3 });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const silent = [new Caller(port), new Caller(port), new Caller(port)];
    silent[1]?.socket.write(halfHello);
    for (const { socket } of silent) await once(socket, 'connect');
    await turns(20);
    const fourth = new Caller(port, true);
    await until(() => fourth.ended);
    expect(fourth.heard).toBe('');
    vi.advanceTimersByTime(30 * secondMs - 1);
    await turns(20);
    expect(silent.map(({ ended }) => ended)).toEqual([false, false, false]);
    vi.advanceTimersByTime(1);
    await until(() => silent.every(({ ended }) => ended));
    vi.useRealTimers();
    await isServed(port, protocol, 'tls');
  });

  it('behind STARTTLS are cut after 30 seconds, or when the time to log in is over', async () => {
    for (const { loginTimeoutMs, lastsMs } of [
      { loginTimeoutMs: hourMs, lastsMs: 30 * secondMs },
      { loginTimeoutMs: 10 * secondMs, lastsMs: 10 * secondMs },
    ]) {
      const { port } = await listener(protocol, 'starttls', { loginTimeoutMs });
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const caller = new Caller(port);
      await toHandshake(caller, protocol);
      caller.socket.write(halfHello);
      await turns(20);
      expect(caller.ended).toBe(false);
      vi.advanceTimersByTime(lastsMs);
      await until(() => caller.ended);
      expect(caller.heard).toBe('');
      vi.useRealTimers();
    }
  });

  it.each(['tls', 'starttls'] as const)(
    'and leave give their places back, and a stop does not wait for them (%s)',
    async (security) => {
      const { port, close } = await listener(protocol, security, { maxConnectionsPerAddress: 1 });
      for (const octets of ['', halfHello]) {
        for (const leave of ['end', 'reset'] as const) {
          await isServed(port, protocol, security);
          const caller = new Caller(port);
          await once(caller.socket, 'connect');
          if (security === 'starttls') await toHandshake(caller, protocol).catch(() => undefined);
          if (octets !== '') caller.socket.write(octets);
          await turns(20);
          if (leave === 'end') caller.socket.end();
          else caller.socket.resetAndDestroy();
          await until(() => caller.ended);
        }
      }
      await isServed(port, protocol, security);
      // One stays, and would have an hour.
      const silent = new Caller(port);
      await once(silent.socket, 'connect');
      if (security === 'starttls') await toHandshake(silent, protocol);
      await turns(20);
      await close(hourMs);
      await until(() => silent.ended);
    },
  );
});

describe.each(protocols)('clients that do not log in (%s)', (protocol) => {
  it('are told so when their time is over, whatever they say meanwhile', async () => {
    const { port } = await listener(protocol, 'none', { loginTimeoutMs: 180 * secondMs });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const caller = new Caller(port);
    await caller.hears(greeting[protocol]);
    const [line, answer] = (
      { smtp: ['NOOP', /^250 /], imap: ['a NOOP', /^a OK /], pop3: ['CAPA', /^\.\r\n/m] } as const
    )[protocol];
    for (let minute = 0; minute < 3; minute++) {
      await caller.says(line, answer);
      vi.advanceTimersByTime(60 * secondMs - (minute === 2 ? secondMs : 0));
    }
    await turns(20);
    expect(caller.ended).toBe(false);
    vi.advanceTimersByTime(2 * secondMs);
    await caller.hears({ smtp: /^421 4\.7\.0 The login took too long/, imap: /^\* BYE /, pop3: /^-ERR /m }[protocol]);
    await until(() => caller.ended);
  });

  it('do not hold up a stop, in the middle of a line neither', async () => {
    const { port, close } = await listener(protocol, 'none');
    const caller = new Caller(port);
    await caller.hears(greeting[protocol]);
    caller.socket.write('half a li');
    await turns(20);
    await close(hourMs);
    await until(() => caller.ended);
  });

  it('are too many at some point, and hear so', async () => {
    const words = { smtp: /^421 4\.\d\.\d Too many/, imap: /^\* BYE Too many/, pop3: /^-ERR \[SYS\/TEMP\] Too many/ };
    for (const limits of [{ maxConnections: 1 }, { maxConnectionsPerAddress: 1 }]) {
      const { port } = await listener(protocol, 'starttls', limits);
      const first = new Caller(port);
      await first.hears(greeting[protocol]);
      const second = new Caller(port);
      await second.hears(words[protocol]);
      await until(() => second.ended);
      first.socket.destroy();
      await isServed(port, protocol, 'starttls');
    }
  });

  it('find the port taken: told to whoever starts the listener', async () => {
    const { port } = await listener(protocol, 'none');
    await expect(listener(protocol, 'none', { port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

describe('an SMTP client', () => {
  it('stays beyond the time to log in where it has logged in, or its network says who it is', async () => {
    const { port } = await listener('smtp', 'none', { loginTimeoutMs: 10 * secondMs });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const known = new Caller(port);
    await known.hears(/^220 /);
    await known.says('HELO known', /^250 /);
    const loggedIn = new Caller(port);
    await loggedIn.hears(/^220 /);
    await loggedIn.says('EHLO x', /^250 /m);
    await loggedIn.says(`AUTH PLAIN ${Buffer.from('\0a\0b').toString('base64')}`, /^235 /);
    vi.advanceTimersByTime(3600 * secondMs);
    await known.says('NOOP', /^250 /);
    await loggedIn.says('NOOP', /^250 /);
  });

  it('goes on over TLS after STARTTLS, with nothing said before it', async () => {
    const { port } = await listener('smtp', 'starttls');
    const caller = new Caller(port);
    await toHandshake(caller, 'smtp');
    await caller.startTls();
    await caller.says('MAIL FROM:<a@contoso.example>', /^503 /);
    expect(await caller.says('EHLO x', /^250 /m)).not.toContain('STARTTLS');
    await caller.says(`AUTH PLAIN ${Buffer.from('\0a\0b').toString('base64')}`, /^235 /);
    await caller.says('MAIL FROM:<a@contoso.example>', /^250 /);
  });
});

describe.each(protocols)('clients that send one command after the other (%s)', (protocol) => {
  const command = { smtp: 'NOOP\r\n', imap: 'a NOOP\r\n', pop3: 'CAPA\r\n' }[protocol];
  const answer = { smtp: /^250 /gm, imap: /^a OK /gm, pop3: /^\.\r$/gm }[protocol];
  const farewell = {
    smtp: /^421 4\.7\.0 Too many commands before the login\r\n$/m,
    imap: /^\* BYE Too many commands before the login\.\r\n$/m,
    pop3: /^-ERR \[SYS\/TEMP\] Too many commands before the login\.\r\n$/m,
  }[protocol];

  it('have a hundred answered before the login, and are told at the next that it is too many', async () => {
    const { port } = await listener(protocol, 'none');
    const caller = new Caller(port);
    await caller.hears(greeting[protocol]);
    caller.socket.write(command.repeat(100));
    await until(() => (caller.heard.match(answer)?.length ?? 0) >= 100 || caller.ended);
    await turns(20);
    expect([caller.ended, caller.heard.match(answer)?.length]).toEqual([false, 100]);
    await caller.says(command.trim(), farewell);
    await until(() => caller.ended);
  });

  it('leave others their turn between ten commands', async () => {
    const { port } = await listener(protocol, 'none');
    const caller = new Caller(port);
    await caller.hears(greeting[protocol]);
    let taken = 0;
    const inTurns: number[] = [];
    const onCommand = SubmissionConnection.prototype._onCommand;
    vi.spyOn(SubmissionConnection.prototype, '_onCommand').mockImplementation(function (
      this: SubmissionConnection,
      ...args
    ) {
      taken++;
      onCommand.apply(this, args);
    });
    const line = LineReader.prototype.line;
    vi.spyOn(LineReader.prototype, 'line').mockImplementation(function (this: LineReader, ...args) {
      taken++;
      return line.apply(this, args);
    });
    caller.socket.write(command.repeat(100));
    while ((caller.heard.match(answer)?.length ?? 0) < 100) {
      taken = 0;
      await turns(1);
      inTurns.push(taken);
    }
    expect(Math.max(...inTurns)).toBeLessThanOrEqual(11);
  });

  it.each([
    ['in clear', 'none'],
    ['over TLS', 'tls'],
  ] as const)(
    'and hundreds at once %s have none answered, are read no further, and are cut within five seconds',
    async (_, security) => {
      const { port } = await listener(protocol, security);
      const served = servedSockets(port);
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const caller = new Caller(port, security === 'tls');
      await caller.hears(greeting[protocol]);
      flood(caller, command);
      await until(() => served.size > 0);
      const [socket] = served;
      let last = -1;
      for (let quiet = 0; quiet < 200; quiet++) {
        await turns(1);
        if (socket?.bytesRead !== last) quiet = 0;
        last = socket?.bytesRead ?? 0;
      }
      // The library and the system read ahead.
      expect(last).toBeLessThan(512 * 1024);
      expect(socket?.readableLength).toBe(0);
      expect(caller.heard).toMatch(farewell);
      expect(caller.heard).not.toMatch(answer);
      // A listening client would be cut after two seconds and come again.
      vi.advanceTimersByTime(2 * secondMs);
      await turns(20);
      expect(socket?.destroyed).toBe(false);
      vi.advanceTimersByTime(3 * secondMs);
      await until(() => socket?.destroyed === true);
    },
  );
});

/** The sockets of this port's clients that the server has ended. */
function servedSockets(port: number): Set<Socket> {
  const found = new Set<Socket>();
  const { end } = Socket.prototype;
  vi.spyOn(Socket.prototype, 'end').mockImplementation(function (this: Socket, ...args: unknown[]) {
    if (this.localPort === port) found.add(this);
    return Reflect.apply(end, this, args) as Socket;
  });
  return found;
}

/** Sends the same command over and over, as fast as possible. */
function flood({ socket }: Caller, command: string): void {
  const commands = command.repeat(5_000);
  const say = (): void => {
    while (socket.writable && socket.write(commands));
  };
  socket.on('drain', say);
  say();
}

describe.each(protocols)('TLS from the first octet (%s)', (protocol) => {
  it('begins when the whole first record is there, however it comes', async () => {
    const { port } = await listener(protocol, 'tls');
    const plain = connect({ port, host: '127.0.0.1', noDelay: true });
    onTestFinished(() => void plain.destroy());
    const drop = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        void (async () => {
          for (const octet of chunk) {
            plain.write(Buffer.of(octet));
            await turns(1);
          }
          done();
        })();
      },
    });
    plain.on('data', (chunk) => drop.push(chunk));
    const secured = connectTls({ socket: drop, rejectUnauthorized: false }).on('error', () => {});
    let heard = '';
    secured.on('data', (chunk) => {
      heard += chunk.toString('latin1');
    });
    await until(() => heard !== '');
    expect(heard).toMatch(greeting[protocol]);
  });

  it.each([
    ['a command in clear', 'EHLO x\r\n'],
    ['a record that is too long', Buffer.from('160301ffff', 'hex')],
  ])('is refused at once to a client that sends %s', async (_what, octets) => {
    const { port } = await listener(protocol, 'tls');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const caller = new Caller(port);
    caller.socket.write(octets);
    await until(() => caller.ended);
    vi.useRealTimers();
    await isServed(port, protocol, 'tls');
  });
});

it.each(['tls', 'starttls'] as const)('an SMTP client that says QUIT hears the farewell (%s)', async (security) => {
  const { port } = await listener('smtp', security);
  const caller = new Caller(port, security === 'tls');
  if (security === 'tls') await caller.hears(greeting.smtp);
  else {
    await toHandshake(caller, 'smtp');
    await caller.startTls();
  }
  await caller.says('EHLO x', /^250 /m);
  await caller.says('QUIT', /^221 /);
  await until(() => caller.ended);
});

describe('where a connection comes from', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('%s counts as %s', (address, source) => {
    expect(sourceNetwork(address)).toBe(source);
  });

  it('is limited for a /64 network of IPv6 as for an address of IPv4', () => {
    const counts = new ConnectionCounts({ maxConnections: 4, maxConnectionsPerAddress: 2 });
    const come = (address: string) => {
      const source = sourceNetwork(address);
      return counts.exceeded(source) ?? counts.add(source);
    };
    come('2001:db8::1');
    const leave = come('2001:db8::2') as () => void;
    expect(come('2001:db8::3')).toBe('address');
    come('2001:db8:0:1::3');
    come('192.0.2.7');
    expect(come('::ffff:192.0.2.8')).toBe('total');
    leave();
    expect([come('2001:db8::4'), counts.open]).toEqual([expect.any(Function), 4]);
  });
});
