import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { needLoopbackAddresses, needProgram, runProgram } from '../support/external.ts';
import { Mailbridge } from '../support/process.ts';
import { contosoConfig, password, type RelayFolder, relayFolder, startContoso, until } from '../support/relay.ts';
import { play } from '../support/transcript.ts';

/** Three processes start, on a machine that may be busy. */
const patienceMs = 90_000;

/** Exchange allows 20 sessions for each, and so does the bridge; together they have room for 200. */
const mailboxes = Array.from({ length: 10 }, (_, index) => `box${index}@contoso.com`);
const perMailbox = 20;
const perAddress = 40;

const listeners: ConfigInput['listeners'] = [
  { protocol: 'imap', port: 0, security: 'starttls' },
  { protocol: 'imap', port: 0, security: 'tls' },
  { protocol: 'pop3', port: 0, security: 'starttls' },
  { protocol: 'smtp', port: 0, security: 'starttls' },
];

const account = { password, connection: 'contoso', mailbox: 'box0@contoso.com', mailboxes };

interface Failure {
  readonly code?: string;
}

let simulator: Simulator;
let folder: RelayFolder;
/** One for all tests, which the last test stops: each start takes three processes. */
let bridge: Mailbridge;

function bridgeConfig(): ConfigInput {
  return {
    ...contosoConfig(simulator),
    workers: 2,
    listeners,
    admin: { port: 0 },
    tls: { cert: join(folder.path, 'server.crt'), key: join(folder.path, 'server.key') },
    accounts: [
      { ...account, username: 'imap', read: 'imap', send: 'graph' },
      { ...account, username: 'guessed', read: 'imap' },
      { ...account, username: 'pop3', read: 'pop3' },
    ],
    limits: { maxConnectionsPerAccount: perMailbox, maxConnectionsPerAddress: perAddress, loginFailures: 3 },
    shutdown: { graceSeconds: 2 },
  };
}

/** Writes a new certificate to the configured path. @returns the authority to trust */
async function writeCertificate(): Promise<string> {
  const authority = await makeAuthority('Test', 10);
  const { cert, key } = await issueServerCertificate(authority, ['localhost', '127.0.0.1'], 10);
  await writeFile(join(folder.path, 'server.crt'), cert);
  await writeFile(join(folder.path, 'server.key'), key, { mode: 0o600 });
  await writeFile(join(folder.path, 'ca.crt'), authority.cert);
  return authority.cert;
}

beforeAll(async () => {
  simulator = await startContoso({ mailboxes });
  for (const mailbox of mailboxes) {
    simulator.directory.deliver(mailbox, 'INBOX', Buffer.from(`Subject: box of ${mailbox}\r\n\r\ntext\r\n`));
  }
  folder = await relayFolder();
  await writeCertificate();
  await folder.configure(bridgeConfig());
  bridge = await Mailbridge.start(folder.configFile, { patienceMs: 80_000 });
}, patienceMs);

afterAll(async () => {
  await bridge?.kill();
  await simulator?.close();
  await folder?.remove();
});

beforeEach(async (context) => {
  needLoopbackAddresses(context);
  await until('both workers to run, and nobody to be connected', async () => {
    const { 'client_connections imap': imap, 'client_connections pop3': pop3, ...all } = await metrics();
    return imap === 0 && pop3 === 0 && [1, 2].every((each) => all[`worker_resident_memory_bytes ${each}`]);
  });
}, patienceMs);

const ports = { imap: 0, imaps: 1, pop3: 2 } as const;

/** A connection that has received the greeting; it ends with its test. */
async function client(to: keyof typeof ports, script = 'S: * OK …', localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port: bridge.port(ports[to]), host: '127.0.0.1', localAddress }).on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await play(socket, script);
  return socket;
}

const login = (username: string, given = password) => `C: a LOGIN ${username} "${given}"`;

/** A session with a mailbox open. */
function session(username = 'imap', localAddress?: string): Promise<Socket> {
  return client('imap', `S: * OK …\n${login(username)}\nS: a OK …`, localAddress);
}

/** An attempt that comes when the account has no permits left. */
async function expectFull(username: string): Promise<void> {
  (await client('imap', `S: * OK …\n${login(username)}\nS: a NO [LIMIT] …`)).destroy();
}

const many = <T>(count: number, make: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));

async function metrics(): Promise<Record<string, number>> {
  const listening = await bridge.line(({ msg }) => msg.startsWith('admin endpoint'), 'the admin port');
  const text = await (await fetch(`http://127.0.0.1:${listening.port}/metrics`)).text();
  const found = text.matchAll(/^mailbridge_(\w+)\{\w+="(\w+)"\} (\S+)$/gm);
  return Object.fromEntries([...found].map(([, name, label, value]) => [`${name} ${label}`, Number(value)]));
}

/** The numbers of connections of the two workers. */
async function shares(): Promise<readonly [number, number]> {
  const all = await metrics();
  return [all['worker_connections 1'] ?? 0, all['worker_connections 2'] ?? 0];
}

/** Process ids of the workers, from Linux. */
function workers(): number[] {
  const children = readFileSync(`/proc/${bridge.pid}/task/${bridge.pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

const ended = (socket: Socket) => (socket.closed ? undefined : once(socket.resume(), 'close'));

const imaplib = `
import imaplib, ssl, sys
ca, tls, starttls, user, password = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
clients = []
for i in range(2):
    clients.append(imaplib.IMAP4_SSL('localhost', int(tls), ssl_context=context))
    clients.append(imaplib.IMAP4('localhost', int(starttls)))
    clients[-1].starttls(context)
for client in clients:
    client.login(user, password)
    client.select('INBOX')
    print(client.fetch('1', '(BODY.PEEK[HEADER])')[1][0][1].decode().strip())
for client in clients: client.logout()`;

const poplib = `
import poplib, ssl, sys
ca, port, password = sys.argv[1:]
for user in sys.stdin.read().split():
    client = poplib.POP3('localhost', int(port))
    client.stls(ssl.create_default_context(cafile=ca))
    client.user(user)
    client.pass_(password)
    print(b'\\n'.join(client.retr(1)[1]).decode())
    client.quit()`;

test('clients nobody here wrote read through workers: passed through, and POP3 translated', async (context) => {
  for (const name of ['python3', 'curl']) needProgram(context, name);
  const [ca, starttls, tls] = [join(folder.path, 'ca.crt'), bridge.port(ports.imap), bridge.port(ports.imaps)];
  const imap = await runProgram('python3', ['-c', imaplib, ca, `${tls}`, `${starttls}`, 'imap/box1', password]);
  expect(imap).toMatchObject({ code: 0, output: 'Subject: box of box1@contoso.com\n'.repeat(4) });

  const users = 'imap/box2 pop3/box3 imap/box4 pop3/box5';
  const pop3 = await runProgram('python3', ['-c', poplib, ca, `${bridge.port(ports.pop3)}`, password], users);
  expect(pop3.output.match(/(?<=^Subject: box of )box\d/gm)).toEqual(['box2', 'box3', 'box4', 'box5']);

  const url = `imaps://localhost:${tls}/INBOX;MAILINDEX=1`;
  const curl = (given: string) => runProgram('curl', ['-sS', '--cacert', ca, url, '-u', `imap/box6:${given}`]);
  expect(await curl(password)).toMatchObject({ code: 0, output: expect.stringContaining('box6') as string });
  expect(await curl('wrong')).toMatchObject({ code: 67 });
  await until('each to have its own process', async () => {
    const all = await metrics();
    return [1, 2].every((each) => (all[`worker_cpu_seconds ${each}`] ?? 0) > 0);
  });
});

test(
  '200 sessions are spread evenly, and told in the metrics and the log as those of one process',
  async () => {
    const sockets = await many(200, (index) => session(`imap/box${index % 10}`, `127.0.1.${1 + (index % 10)}`));
    expect(await shares()).toEqual([100, 100]);
    expect(await metrics()).toMatchObject({ 'client_connections imap': 200, 'client_connections smtp': 0 });
    const logOut = 'C: b EXAMINE INBOX\nS: * 1 EXISTS\nC: c LOGOUT';
    await Promise.all(sockets.map((socket) => play(socket, logOut).then(() => ended(socket))));
    await until('all to be gone', async () => (await metrics())['client_connections imap'] === 0);
    const closed = bridge.lines.filter(({ msg, client: from }) => msg === 'mailbox closed' && from !== '127.0.0.1');
    expect(closed).toHaveLength(200);
    const text = expect.any(String) as string;
    const number = expect.any(Number) as number;
    const who = { protocol: 'imap', session: text, client: expect.stringMatching(/^127\.0\.1\./) as string };
    const passed = { toUpstreamBytes: number, toClientBytes: number, endedBy: text };
    for (const line of closed) {
      expect(line).toEqual({
        ...{ level: 30, time: text, msg: 'mailbox closed', username: 'imap', mailbox: text },
        ...{ ...who, ...passed },
      });
    }
  },
  patienceMs,
);

test('limits of an account and of an address hold over all workers together', async () => {
  const [first] = await many(perMailbox, () => session('imap/box1'));
  expect(await shares()).toEqual([perMailbox / 2, perMailbox / 2]);
  // Two in turn: one reaches each worker.
  for (let worker = 0; worker < 2; worker++) await expectFull('imap/box1');
  first?.destroy();
  await until('the permit to be free', () =>
    session('imap/box1').then(
      () => true,
      () => false,
    ),
  );
  await expectFull('imap/box1');

  const elsewhere = '127.0.0.9';
  await many(perAddress, () => client('imap', 'S: * OK …', elsewhere));
  await client('imap', 'S: * BYE Too many connections, try again later.\nS: <end>', elsewhere);
});

test('guesses at one worker block the login at another', async () => {
  const [one, other] = [await client('imap'), await client('imap')];
  expect(await shares()).toEqual([1, 1]);
  const guess = (given: string) => `${login('guessed', given)}\nS: a NO [AUTHENTICATIONFAILED] …`;
  await play(one, guess('first'));
  await play(one, guess('second'));
  await play(other, guess('third'));
  for (const socket of [one, other])
    await play(socket, `${login('guessed')}\nS: a NO [UNAVAILABLE] Too many failed logins …`);
});

test('a POP3 mailbox is open once, whichever worker has it; who seems to have left makes room', async () => {
  const pop3 = `S: +OK …\nC: USER imap/box2\nS: +OK\nC: PASS ${password}\n`;
  const holder = await client('pop3', `${pop3}S: +OK …`);
  const refused = await client('pop3', `${pop3}S: -ERR [IN-USE] …`);
  expect(await shares()).toEqual([1, 1]);
  refused.destroy();
  holder.end();
  await client('pop3', `${pop3}S: +OK …\nC: STAT\nS: +OK 1 …`);
  await ended(holder);
});

test(
  'a worker that stands still holds up neither the metrics nor a login to the maildrop that it has',
  async () => {
    const pop3 = `S: +OK …\nC: USER imap/box2\nS: +OK\nC: PASS ${password}\n`;
    await client('pop3', `${pop3}S: +OK …`);
    const busy = (await shares())[0] === 1 ? 0 : 1;
    const pid = workers()[busy] ?? 0;
    process.kill(pid, 'SIGSTOP');
    onTestFinished(() => void process.kill(pid, 'SIGCONT'));
    const all = await metrics();
    expect(all[`worker_connections ${busy + 1}`]).toBe(1);
    expect(all).not.toHaveProperty(`worker_cpu_seconds ${busy + 1}`);
    expect(all).toHaveProperty(`worker_cpu_seconds ${2 - busy}`);
    await client('pop3', `${pop3}S: -ERR [IN-USE] …`);
    process.kill(pid, 'SIGCONT');
    await until('it to tell of itself', async () => (await metrics())[`worker_cpu_seconds ${busy + 1}`]);
  },
  patienceMs,
);

test(
  'a worker that is killed takes its sessions alone; its permits come back, and it is started again',
  async () => {
    const before = await metrics();
    const killed = workers()[0] ?? 0;
    const sockets = await many(perMailbox, () => session('imap/box3'));
    await expectFull('imap/box3');
    await until(
      'the refused client to be gone',
      async () => (await metrics())['client_connections imap'] === perMailbox,
    );
    process.kill(killed, 'SIGKILL');
    const half = perMailbox / 2;
    const open = () => sockets.filter(({ readyState }) => readyState === 'open');
    await until('its sessions to be cut', () => open().length <= half);
    for (const socket of open()) await play(socket, 'C: n NOOP\nS: n OK …');
    const line = await bridge.line(({ error }) => (error as Failure)?.code === 'worker-ended', 'the end of the worker');
    expect(line).toMatchObject({ level: 50, error: { kind: 'temporary', cut: half } });
    // As many as were cut, and no more.
    await many(half, () => session('imap/box3'));
    await expectFull('imap/box3');
    const startsOf = (all: Record<string, number>) => (all['worker_starts 1'] ?? 0) + (all['worker_starts 2'] ?? 0);
    await until('the worker to run again', async () => startsOf(await metrics()) === startsOf(before) + 1);
    await until('the new worker to serve', async () => {
      const next = await session('imap/box4', '127.0.0.8');
      const served = Math.min(...(await shares())) > 0;
      next.destroy();
      return served;
    });
    expect(workers()).not.toContain(killed);
    for (const socket of open()) await play(socket, 'C: n NOOP\nS: n OK …');
  },
  patienceMs,
);

test('without any worker the main process serves, and counts as before', async () => {
  const noticed = () => bridge.lines.filter(({ error }) => (error as Failure)?.code === 'worker-ended').length;
  const before = noticed();
  const sockets = await many(2, () => session('imap/box5'));
  for (const pid of workers()) process.kill(pid, 'SIGKILL');
  await Promise.all(sockets.map(ended));
  await until('both deaths to be noticed', () => noticed() === before + 2);
  const socket = await session('imap/box5');
  await play(socket, 'C: b EXAMINE INBOX\nS: * 1 EXISTS');
  expect(await metrics()).toMatchObject({ 'client_connections imap': 1 });
  expect(await shares()).toEqual([0, 0]);
});

/** Whether a TLS client that trusts an authority can connect. */
async function trusts(ca: string): Promise<boolean> {
  const socket = connectTls({ port: bridge.port(ports.imaps), host: 'localhost', ca });
  onTestFinished(() => void socket.destroy());
  return await new Promise((resolve) => {
    socket.once('secureConnect', () => resolve(true)).once('error', () => resolve(false));
  });
}

test(
  'a reload reaches every worker, and those started later: certificates, accounts, connections',
  async () => {
    const open = await many(2, () => session());
    const before = readFileSync(join(folder.path, 'ca.crt'), 'utf8');
    expect(await many(2, () => trusts(before))).toEqual([true, true]);

    const after = await writeCertificate();
    const { accounts, connections, ...rest } = bridgeConfig();
    const added = { ...account, username: 'added', connection: 'other', read: 'imap' } as const;
    const both = { contoso: connections.contoso, other: connections.contoso } as ConfigInput['connections'];
    await folder.configure({ ...rest, connections: both, accounts: [...accounts.slice(1), added] });
    bridge.signal('SIGHUP');
    await bridge.line(({ msg }) => msg === 'configuration and certificates reloaded', 'the reload');
    const expectNew = async () => {
      expect(await many(2, () => trusts(after))).toEqual([true, true]);
      expect(await trusts(before)).toBe(false);
      for (const socket of await many(2, () => session('added'))) {
        await play(socket, 'C: b EXAMINE INBOX\nS: * 1 EXISTS');
      }
    };
    await expectNew();
    await client('imap', `S: * OK …\n${login('imap')}\nS: a NO [AUTHENTICATIONFAILED] …`);
    // Those of the old configuration continue.
    for (const socket of open) await play(socket, 'C: n NOOP\nS: n OK …');

    const pids = workers();
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await until('both to run again', async () => {
      const all = await metrics();
      const running = [1, 2].every((each) => all[`worker_resident_memory_bytes ${each}`]);
      return running && workers().every((pid) => !pids.includes(pid));
    });
    await expectNew();
  },
  patienceMs,
);

test('a stop ends silent sessions at once and busy ones after the grace, and leaves no process', async () => {
  const pids = workers();
  expect(pids).toHaveLength(2);
  const failures = bridge.lines.filter(({ level }) => level >= 50).length;
  const [silent, busy] = [await session('added/box6'), await session('added/box6')];
  const order: string[] = [];
  silent.resume().once('close', () => order.push('silent'));
  busy.resume().once('close', () => order.push('busy'));
  const talk = setInterval(() => busy.writable && busy.write('n NOOP\r\n'), 50);
  onTestFinished(() => clearInterval(talk));
  bridge.signal('SIGTERM');
  // Ctrl-C reaches every process of a terminal: only the main one reports the result.
  for (const pid of pids) process.kill(pid, 'SIGINT');
  expect(await bridge.exit()).toEqual({ code: 0, signal: null });
  await until('both to be closed', () => order.length === 2);
  expect(order).toEqual(['silent', 'busy']);
  expect(bridge.lines.at(-1)?.msg).toBe('stopped');
  expect(bridge.lines.filter(({ level }) => level >= 50)).toHaveLength(failures);
  expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
});
