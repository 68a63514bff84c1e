import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { openPostgresStore } from '../src/queue/stores/postgres/store.ts';
import { openSqliteStore } from '../src/queue/stores/sqlite/store.ts';
import type { MovableStore } from '../src/queue/transfer/transfer.ts';
import { debianPostgres, Postgres } from '../test/support/postgres.ts';
import { installProgram } from './relay/mailbridge.ts';
import { Sink, type SinkEndpoints } from './relay/sink.ts';
import { residentBytes } from './relay/usage.ts';

const usage = `Usage: npm run bench:size -- [--messages N]... [--store sqlite|postgres] [--mailboxes N]

What a bridge does with N messages in its queue (default: 1,000, then 10,000, then 1,000,000), of 100 mailboxes: how long it takes
from its start to the ready line, what it then holds of memory, how long "mailbridge queue list" takes, and how many messages a
second it delivers by SMTP: of the first 10,000, or of all. A PostgreSQL server of its own is started for --store postgres.
`;

const { values } = parseArgs({
  options: {
    messages: { type: 'string', multiple: true, default: ['1000', '10000', '1000000'] },
    store: { type: 'string', default: 'sqlite' },
    mailboxes: { type: 'string', default: '100' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const mailboxes = Number(values.mailboxes);
const mostDelivered = 10_000;
const hourMs = 3_600_000;
const body = Buffer.from(`Subject: as always\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(25)}`);

function account(at: number): string {
  return `device-${at % mailboxes}`;
}

async function fill(store: MovableStore, count: number): Promise<void> {
  const nowMs = Date.now();
  const one = async (at: number) => {
    const spool = store.spool();
    await spool.write(body);
    const username = account(at);
    const mailbox = `${username}@contoso.example`;
    const recipients = [{ address: `person-${at % 997}@fabrikam.example` }];
    await spool.commit({
      ...{ account: username, connection: 'bench', mailbox, courier: 'smtp', isBounce: false },
      envelope: { reversePath: mailbox, recipients, eightBit: false, smtpUtf8: false },
      receivedAtMs: nowMs - (count - at),
      expiresAtMs: nowMs + 48 * hourMs,
    });
  };
  const together = 1000;
  for (let from = 0; from < count; from += together) {
    await Promise.all(Array.from({ length: Math.min(together, count - from) }, (_, at) => one(from + at)));
  }
  await store.close();
}

function config(folder: string, sink: SinkEndpoints, databaseUrl: string | undefined): string {
  const { host, smtpPort, authority, graph, tenantId, clientId, clientSecret, caPem } = sink;
  const smtp = { host, port: smtpPort, security: 'starttls' };
  writeFileSync(join(folder, 'ca.pem'), caPem);
  const file = join(folder, 'config.json');
  const whole = {
    dataDir: 'data',
    log: { format: 'json' },
    listeners: [{ protocol: 'smtp', port: 0, security: 'none' }],
    connections: {
      bench: {
        ...{ tenantId, clientId, clientSecret, grant: 'client-credentials' },
        cloud: { authority, graph, smtp, imap: smtp, pop3: smtp, caFile: 'ca.pem' },
      },
    },
    accounts: Array.from({ length: mailboxes }, (_, at) => ({
      ...{ username: account(at), passwordFrom: 'app-passwords', connection: 'bench', send: 'smtp' },
      mailbox: `${account(at)}@contoso.example`,
    })),
    queue: databaseUrl === undefined ? {} : { store: 'postgres', postgres: { url: databaseUrl } },
    limits: { messagesPerMinute: 10_000, recipientsPerDay: 1_000_000 },
  };
  writeFileSync(file, JSON.stringify(whole), { mode: 0o600 });
  return file;
}

async function start(program: string, configFile: string): Promise<{ bridge: ChildProcess; readyMs: number }> {
  const startedAt = performance.now();
  const bridge = spawn(process.execPath, [program, 'start', '--config', configFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: bridge.stdout as NodeJS.ReadableStream });
  const readyMs = await new Promise<number>((resolve, reject) => {
    lines.on('line', (line) => {
      if (line.includes('"ready: ')) resolve(performance.now() - startedAt);
    });
    bridge.once('exit', () => reject(new Error('the bridge has ended')));
  });
  return { bridge, readyMs };
}

async function measure(program: string, sink: Sink, messages: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'mailbridge-bench-size-'));
  if (values.store === 'postgres' && !debianPostgres) throw new Error("Debian's package postgresql is not installed");
  const server =
    values.store === 'postgres' && debianPostgres
      ? await Postgres.start(debianPostgres, { shared_buffers: '128MB' })
      : undefined;
  let bridge: ChildProcess | undefined;
  try {
    mkdirSync(join(folder, 'data'), { mode: 0o700 });
    await fill(
      server
        ? await openPostgresStore({ url: server.url() })
        : openSqliteStore(join(folder, 'data', 'queue'), { exclusive: true }),
      messages,
    );
    const configFile = config(folder, sink.endpoints, server?.url());
    await sink.gate(false);
    const started = await start(program, configFile);
    bridge = started.bridge;
    await delay(5000);
    const memory = residentBytes(bridge.pid as number) / 1e6;
    const listing = performance.now();
    await promisify(execFile)(process.execPath, [program, 'queue', 'list', '--config', configFile]);
    const listMs = performance.now() - listing;
    const delivered = Math.min(messages, mostDelivered);
    const { reached } = await sink.expect(delivered);
    const fromMs = performance.timeOrigin + performance.now();
    await sink.gate(true);
    const { atMs } = await reached;
    const rate = (delivered * 1000) / (atMs - fromMs);
    const later = residentBytes(bridge.pid as number) / 1e6;
    const figures = [started.readyMs / 1000, listMs / 1000].map((seconds) => seconds.toFixed(2));
    return `${String(messages).padStart(9)} ${figures.join('  ')}  ${memory.toFixed(0)} MB, then ${later.toFixed(0)} MB  ${rate.toFixed(0)}/s`;
  } finally {
    const exited = bridge && once(bridge, 'exit');
    bridge?.kill('SIGKILL');
    await exited;
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mailbridge-bench-'));
  const sink = await Sink.start();
  try {
    const program = installProgram(folder);
    console.log(
      `${values.store}, ${mailboxes} mailboxes: messages, s to ready, s for "queue list", memory, deliveries`,
    );
    for (const messages of values.messages) console.log(await measure(program, sink, Number(messages)));
  } finally {
    sink.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (values.help) process.stdout.write(usage);
else await main();
