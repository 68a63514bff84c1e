import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { keptLog } from '../support/kept-log.ts';
import { alice, bob, contosoConfig, password, type Relay, relayFrom, startContoso, until } from '../support/relay.ts';
import { smallDisk } from '../support/small-disk.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { play } from '../support/transcript.ts';

let relay: Relay | undefined;
let log: ReturnType<typeof keptLog>;

afterEach(async () => {
  await relay?.close();
  relay = undefined;
});

/**
 * A bridge whose accounts read through Graph, in front of a simulator with a message in alice's and in bob's mailbox.
 */
async function start(dataDir: string = temporaryFolder(), limits: ConfigInput['limits'] = {}): Promise<Relay> {
  const simulator = await startContoso();
  log = keptLog();
  for (const mailbox of [alice, bob])
    simulator.directory.deliver(mailbox, 'INBOX', Buffer.from('Subject: a\r\n\r\nb\r\n'));
  relay = await relayFrom(simulator, { ...configOf(simulator, dataDir), limits }, log.log);
  return relay;
}

function configOf(simulator: Simulator, dataDir: string): ConfigInput {
  const account = { password, connection: 'contoso', read: 'graph' as const };
  return contosoConfig(simulator, {
    dataDir,
    listeners: [
      { protocol: 'imap', port: 0, security: 'none' },
      { protocol: 'pop3', port: 0, security: 'none' },
    ],
    accounts: [
      { ...account, username: 'alice', mailbox: alice },
      { ...account, username: 'bob', mailbox: bob },
      { ...account, username: 'nobody', mailbox: 'nobody@contoso.com' },
    ],
  });
}

async function dialogue({ port }: Relay, protocol: 'imap' | 'pop3', script: string): Promise<void> {
  const socket = connect({ port: port(protocol === 'imap' ? 0 : 1), host: '127.0.0.1' }).on('error', () => {});
  try {
    await play(socket, script);
  } finally {
    socket.destroy();
  }
}

function imap(name: string, script: string): string {
  return `S: * OK …\nC: l LOGIN ${name} "${password}"\n${script}`;
}

function pop3(name: string, script: string): string {
  return `S: +OK …\nC: USER ${name}\nS: +OK\nC: PASS ${password}\n${script}`;
}

const selected = `S: l OK …
  C: s SELECT INBOX
  S: * 1 EXISTS
  S: * … RECENT
  S: * FLAGS …
  S: * OK [PERMANENTFLAGS …
  S: * OK [UNSEEN 1] …
  S: * OK [UIDVALIDITY …
  S: * OK [UIDNEXT 2] …
  S: * OK [HIGHESTMODSEQ …
  S: * OK [MAILBOXID …
  S: s OK …`;

function codesTold(): string[] {
  return log.lines.flatMap(({ error }) => (error as { code?: string } | undefined)?.code ?? []);
}

test('a missing permission is told at the login, and in the log with its code', async () => {
  const world = await start();
  const { roles } = world.simulator.tenant.app;
  roles.graph = ['Mail.Send'];
  await dialogue(world, 'imap', imap('alice', 'S: l NO [CONTACTADMIN] Microsoft Graph does not let us use alice@…'));
  await dialogue(world, 'pop3', pop3('alice', 'S: -ERR [SYS/PERM] Microsoft Graph does not let us use alice@…'));
  expect(codesTold()).toEqual(['graph-mailbox-refused', 'graph-mailbox-refused']);
});

test('a command that Graph refuses is told in the log, with its code and what to do; one that asks wrongly is not', async () => {
  const world = await start();
  world.simulator.tenant.app.roles.graph = ['Mail.Read'];
  const script = 'S: l OK …\nC: a CREATE X\nS: a NO [NOPERM] …\nC: b SELECT Nowhere\nS: b NO [NONEXISTENT] …';
  await dialogue(world, 'imap', imap('alice', script));
  expect(codesTold()).toEqual(['graph-mailbox-refused']);
});

test('a mailbox that Graph does not know is refused', async () => {
  const world = await start();
  await dialogue(world, 'imap', imap('nobody', 'S: l NO [CONTACTADMIN] Microsoft Graph does not know nobody@…'));
  expect(codesTold()).toEqual(['graph-mailbox-unknown']);
});

test('while Graph is away every login is told so in time, however many come; afterwards they work', async () => {
  const world = await start();
  world.simulator.faults.outages = ['graph'];
  const began = Date.now();
  const script = imap('alice', 'S: l NO [UNAVAILABLE] Microsoft Graph is busy with alice@…');
  await Promise.all(Array.from({ length: 5 }, () => dialogue(world, 'imap', script)));
  expect(Date.now() - began).toBeLessThan(40_000);
  world.simulator.faults.outages = [];
  await dialogue(world, 'imap', imap('alice', selected));
}, 60_000);

test('a command waits while Graph is away, and is carried out when it is back', async () => {
  const world = await start();
  world.simulator.faults.add({ target: 'graph', kind: 'status', status: 503, at: 'getMime' }, 2);
  await dialogue(
    world,
    'imap',
    imap(
      'alice',
      `${selected}
    C: f FETCH 1 BODY.PEEK[TEXT]
    S: * 1 FETCH (BODY[TEXT] {3}
    S: b
    S: )
    S: f OK …`,
    ),
  );
});

test('a short Retry-After is waited for, and the client is told; a long one is told at once, to whoever asks', async () => {
  const world = await start();
  const throttled = { target: 'graph', kind: 'status', status: 429, code: 'TooManyRequests', mailbox: alice } as const;
  world.simulator.faults.add({ ...throttled, at: 'getMime', retryAfterSeconds: 4 });
  await dialogue(
    world,
    'imap',
    imap(
      'alice',
      `${selected}
    C: f FETCH 1 BODY.PEEK[TEXT]
    S: * OK Microsoft 365 asks to wait 4 seconds
    S: * 1 FETCH (BODY[TEXT] {3}
    S: b
    S: )
    S: f OK …`,
    ),
  );
  world.simulator.faults.add({ ...throttled, at: 'deltaMessages', retryAfterSeconds: 600 });
  await dialogue(
    world,
    'imap',
    imap(
      'alice',
      `S: l OK …
    C: s SELECT INBOX
    S: s NO [UNAVAILABLE] … It asks to wait 600 seconds.
    C: t SELECT INBOX
    S: t NO [UNAVAILABLE] … It asks to wait 600 seconds.`,
    ),
  );
  // Another mailbox has its own budget.
  await dialogue(world, 'imap', imap('bob', selected));
});

test('whoever waits because the configured requests are used up is told why, and served', async () => {
  const world = await start(undefined, { graphRequestsPerTenMinutes: 100 });
  const stores = Array.from(
    { length: 100 },
    (_, at) => `f${at} STORE 1 ${at % 2 === 0 ? '+' : '-'}FLAGS.SILENT (\\Seen)`,
  );
  const socket = connect({ port: world.port(0), host: '127.0.0.1' });
  socket.write([`l LOGIN alice "${password}"`, 's SELECT INBOX', ...stores, ''].join('\r\n'));
  let said = '';
  for await (const chunk of socket.setEncoding('latin1')) {
    said += chunk;
    if (said.includes('requests to this mailbox are used up')) break;
  }
  expect(said.match(/^f\d+ OK/gm)?.length).toBeGreaterThan(80);
  expect(said).toMatch(
    /\* OK the requests to this mailbox are used up \(limits\.graphRequestsPerTenMinutes\); the next one is in [4-6] seconds\r\n$/,
  );
});

test('on a full disk a message cannot be kept: the client is told at once, and served again when there is room', async (context) => {
  const disk = smallDisk(context, 16);
  const world = await start(disk.folder);
  world.simulator.directory.deliver(alice, 'INBOX', Buffer.from(`Subject: large\r\n\r\n${'x\r\n'.repeat(500_000)}`));
  await dialogue(world, 'imap', imap('alice', 'S: l OK …'));
  disk.fill();
  // POP3 reports exact sizes, for which every message is read.
  const refused = 'S: -ERR [SYS/…] What mailbridge keeps of alice@… in its data folder cannot be read or written: …';
  await dialogue(world, 'pop3', pop3('alice', refused));
  expect(codesTold()).toEqual(['mailbox-index-unusable']);
  disk.relieve();
  await dialogue(world, 'pop3', pop3('alice', 'S: +OK …\nC: STAT\nS: +OK 2 …\nC: QUIT\nS: +OK …'));
});

test('a damaged index is told, and concerns no other mailbox; once its folder is deleted, the mailbox is loaded anew', async () => {
  const dataDir = temporaryFolder();
  const first = await start(dataDir);
  await dialogue(first, 'imap', imap('alice', selected));
  await first.bridge.stop();
  await first.folder.remove();
  const folder = join(dataDir, 'mailboxes', readdirSync(join(dataDir, 'mailboxes'))[0] ?? '');
  writeFileSync(join(folder, 'index.db'), 'no database\n'.repeat(1_000));
  relay = await relayFrom(first.simulator, configOf(first.simulator, dataDir), log.log);
  await dialogue(
    relay,
    'imap',
    imap('alice', `S: l NO [CONTACTADMIN] ${folder}/index.db cannot be used: file is not a database.`),
  );
  expect(codesTold()).toEqual(['mailbox-index-unusable']);
  await dialogue(relay, 'imap', imap('bob', selected));
  rmSync(folder, { recursive: true });
  await dialogue(relay, 'imap', imap('alice', selected));
});

test('POP3 takes one session of a mailbox at a time', async () => {
  const world = await start();
  const socket = connect({ port: world.port(1), host: '127.0.0.1' });
  await play(socket, pop3('alice', 'S: +OK …\nC: DELE 1\nS: +OK'));
  await dialogue(world, 'pop3', pop3('alice', 'S: -ERR [IN-USE] …'));
  await play(socket, 'C: QUIT\nS: +OK …');
  expect(world.simulator.directory.messages(alice, 'INBOX')).toEqual([]);
  await dialogue(world, 'pop3', pop3('alice', 'S: +OK …\nC: STAT\nS: +OK 0 0'));
});

test('a session goes on through a reload; a stop ends one behind the command that it waits for', async () => {
  const world = await start();
  const { faults } = world.simulator;
  const socket = connect({ port: world.port(), host: '127.0.0.1' });
  await play(socket, imap('alice', selected));
  await world.bridge.reload((await loadConfig(world.folder.configFile, { env: {} })).config);
  await play(
    socket,
    `C: f FETCH 1 BODY.PEEK[TEXT]
    S: * 1 FETCH (BODY[TEXT] {3}
    S: b
    S: )
    S: f OK …`,
  );
  faults.add({ target: 'graph', kind: 'delay', delayMs: 1_500, at: 'deltaMessages' });
  const listing = play(
    socket,
    `C: s SELECT Archive
    S: * 0 EXISTS
    S: * …
    S: * FLAGS …
    S: * OK …
    S: * OK …
    S: * OK …
    S: * OK …
    S: * OK …
    S: s OK …
    S: * BYE …`,
  );
  await until('the listing to begin', () => faults.list().length === 0);
  await Promise.all([world.bridge.stop(), listing]);
});
