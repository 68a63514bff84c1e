import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { type CertificateAndKey, issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import { silentLog } from '../../src/base/log.ts';
import { listenSmtp } from '../../src/listeners/smtp-listener.ts';
import { SubmissionConnection } from '../../src/smtp/connection.ts';
import { settled, turns, until } from '../support/event-turns.ts';

let tls: CertificateAndKey;

beforeAll(async () => {
  tls = await issueServerCertificate(await makeAuthority('Test', 2), ['localhost'], 2);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A client, and how much the server had still to send each time it took a command. */
async function connected({ encrypted = false, offersAuth = true } = {}) {
  const unsent: number[] = [];
  const stalled: string[] = [];
  const onCommand = SubmissionConnection.prototype._onCommand;
  vi.spyOn(SubmissionConnection.prototype, '_onCommand').mockImplementation(function (
    this: SubmissionConnection,
    ...args
  ) {
    unsent.push(this._socket.writableLength);
    onCommand.apply(this, args);
  });
  const server = await listenSmtp({
    host: '127.0.0.1',
    port: 0,
    security: encrypted ? 'tls' : 'none',
    ...(encrypted && { tls }),
    // Long replies fill the system's buffers sooner.
    name: 'b'.repeat(2_000),
    mechanisms: ['PLAIN'],
    maxMessageBytes: 1_000,
    maxRecipients: 5,
    limits: { maxConnections: 10, maxConnectionsPerAddress: 10, loginTimeoutMs: 3_600_000 },
    log: silentLog,
    idleTimeoutMs: 3_600_000,
    openSession: () => ({
      offersAuth: () => offersAuth,
      isIdentified: () => true,
      async authenticate() {},
      completeAddress: () => undefined,
      async mailFrom() {},
      async rcptTo() {},
      data: async () => '',
      refused() {},
      closed() {},
    }),
    onDefect() {},
    onRejected() {},
    onStalled: (client) => stalled.push(client),
  });
  const client: Socket = encrypted
    ? connectTls({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false })
    : connect(server.port, '127.0.0.1');
  onTestFinished(async () => {
    client.destroy();
    await server.close(0);
  });
  await once(
    client.on('error', () => {}),
    'readable',
  );
  await until(() => client.read() !== null);
  return { client, unsent, stalled };
}

async function logIn(client: Socket): Promise<void> {
  client.write(`EHLO x\r\nAUTH PLAIN ${Buffer.from('\0a\0b').toString('base64')}\r\n`);
  let said = '';
  await until(() => {
    said += String(client.read() ?? '');
    return /^235 /m.test(said);
  });
}

test.each([
  { encrypted: false, loggedIn: false },
  { encrypted: true, loggedIn: false },
  { encrypted: false, loggedIn: true },
  { encrypted: true, loggedIn: true },
])(
  'a client that sends commands and reads nothing is taken no more from, and loses no reply ($encrypted, $loggedIn)',
  async ({ encrypted, loggedIn }) => {
    const { client, unsent } = await connected({ encrypted });
    if (loggedIn) await logIn(client);
    const asked = 5_000;
    client.write('EHLO x\r\n'.repeat(asked));
    // The data in the system's buffers is out of reach: 4 MB of replies of 2 kB.
    expect(await settled(() => unsent.length)).toBeLessThan(asked * 0.7);
    expect(Math.max(...unsent)).toBe(0);

    let answered = 0;
    let partial = '';
    for await (const chunk of client) {
      const lines = (partial + (chunk as Buffer).toString('latin1')).split('\n');
      partial = lines.pop() ?? '';
      answered += lines.filter((line) => line.startsWith('250 SIZE')).length;
      if (answered >= asked) break;
    }
    expect(answered).toBe(asked);
  },
);

test('a client that is refused AUTH over and over and reads nothing is taken no more from', async () => {
  const { client, unsent } = await connected({ offersAuth: false });
  client.write(`EHLO x\r\n${'AUTH PLAIN\r\n'.repeat(100_000)}`);
  expect(await settled(() => unsent.length)).toBeLessThan(90_000);
  expect(Math.max(...unsent)).toBe(0);
});

test.each([
  { loggedIn: false, seconds: 60 },
  { loggedIn: true, seconds: 300 },
])('a client that reads nothing is cut after $seconds s and told in the log', async ({ loggedIn, seconds }) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { client, unsent, stalled } = await connected();
  if (loggedIn) await logIn(client);
  client.write('EHLO x\r\n'.repeat(20_000));
  for (let quiet = 0, last = -1; quiet < 2_000; quiet++) {
    await turns(1);
    if (unsent.length !== last) quiet = 0;
    last = unsent.length;
  }
  vi.advanceTimersByTime(seconds * 1000 - 1);
  await turns(20);
  expect(stalled).toEqual([]);
  vi.advanceTimersByTime(1);
  await until(() => stalled.length > 0);
  expect(stalled).toEqual(['127.0.0.1']);
  client.resume();
  await new Promise((resolve) => client.once('close', resolve));
});
