import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openPostgresStore } from '../src/queue/stores/postgres/store.ts';
import { openSqliteStore } from '../src/queue/stores/sqlite/store.ts';
import type { MovableStore } from '../src/queue/transfer/transfer.ts';
import { freePorts } from '../test/support/ports.ts';
import { Mailbridge } from '../test/support/process.ts';

const usage = `Usage: node bench/admin.ts [--messages N] [--accounts N] [--delivered N] [--requests N] [--pause MS] [--settle SECONDS]
                           [--postgres URL]

How long the admin API takes to answer while Microsoft cannot be reached and mail waits: a bridge in a process of its own,
with N accounts and N queued messages. Prints the median, the 95th percentile and the longest, in milliseconds.
`;

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '50000' },
    delivered: { type: 'string', default: '0' },
    accounts: { type: 'string', default: '5000' },
    requests: { type: 'string', default: '50' },
    pause: { type: 'string', default: '600' },
    settle: { type: 'string', default: '60' },
    postgres: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const accounts = Number(values.accounts);
const hourMs = 3_600_000;

function config(adminPort: number) {
  return {
    dataDir: 'data',
    log: { format: 'json', level: 'info' },
    listeners: [{ protocol: 'smtp', port: 0 }],
    connections: {
      contoso: {
        ...{ tenantId: 'contoso.example', grant: 'client-credentials', clientSecret: 'secret-of-the-bench' },
        clientId: '00000000-0000-0000-0000-000000000001',
        // Nothing listens there.
        cloud: { authority: 'https://127.0.0.1:9', graph: 'https://127.0.0.1:9' },
      },
    },
    accounts: Array.from({ length: accounts }, (_, at) => ({
      ...{ username: `device-${at}`, passwordFrom: 'app-passwords', connection: 'contoso', send: 'graph' },
      mailbox: `device-${at}@contoso.com`,
    })),
    queue: values.postgres === undefined ? {} : { store: 'postgres', postgres: { url: values.postgres } },
    admin: { port: adminPort },
  };
}

async function fill(store: MovableStore, count: number, state: 'queued' | 'delivered'): Promise<void> {
  const nowMs = Date.now();
  const one = async (at: number) => {
    const spool = store.spool();
    await spool.write(Buffer.from(`Subject: message ${at}\r\n\r\nas always\r\n`));
    const account = `device-${at % accounts}`;
    const address = `person-${at % 997}@fabrikam.com`;
    const { id } = await spool.commit({
      ...{ account, connection: 'contoso', mailbox: `${account}@contoso.com`, courier: 'graph', isBounce: false },
      envelope: { reversePath: `${account}@contoso.com`, recipients: [{ address }], eightBit: false, smtpUtf8: false },
      receivedAtMs: nowMs - (count - at) * 100,
      expiresAtMs: nowMs + 48 * hourMs,
      subject: `message ${at}`,
      messageId: `<${at}@contoso.com>`,
    });
    if (state === 'queued') return;
    const outcome = { outcome: 'delivered', code: '202', text: 'Accepted' } as const;
    await store.record(id, {
      attempt: { startedAtMs: nowMs, durationMs: 100, outcomes: [{ address, ...outcome }], courier: 'graph' },
      recipients: [{ address, state: 'delivered', last: outcome }],
      ...{ state: 'delivered', nextAttemptAtMs: nowMs },
    });
  };
  for (let from = 0; from < count; from += 500) {
    await Promise.all(Array.from({ length: Math.min(500, count - from) }, (_, at) => one(from + at)));
  }
}

const agent = new Agent({ keepAlive: true });

function ask(port: number, token: string, path: string): Promise<{ status: number; bytes: number; ms: number }> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${token}` };
    const whole = path === '/metrics' ? path : `/api/v1${path}`;
    get({ host: '127.0.0.1', port, path: whole, headers, agent }, async (answer) => {
      const body = await text(answer);
      resolve({ status: answer.statusCode ?? 0, bytes: body.length, ms: performance.now() - startedAt });
    }).once('error', reject);
  });
}

async function measure(port: number, token: string, path: string): Promise<void> {
  const times: number[] = [];
  let last = await ask(port, token, path);
  for (let count = 0; count < Number(values.requests); count++) {
    await delay(Number(values.pause));
    last = await ask(port, token, path);
    times.push(last.ms);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => (times[Math.ceil(times.length * share) - 1] ?? 0).toFixed(1).padStart(7);
  console.log(`${path.padEnd(52)} ${last.status} ${String(last.bytes).padStart(8)} B ${at(0.5)} ${at(0.95)} ${at(1)}`);
}

const paths = [
  '/session',
  '/overview',
  '/messages',
  '/messages?state=queued&limit=500',
  '/messages?recipient=person-7@*',
  '/messages?subject=message%2012',
  '/messages?error=nothing-like-that',
  '/accounts',
  '/accounts?search=device-4999',
  '/accounts/device-4999',
  '/connections',
  '/log',
  '/metrics',
];

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mailbridge-bench-admin-'));
  const port = await freePorts();
  await writeFile(join(folder, 'config.json'), JSON.stringify(config(port)), { mode: 0o600 });
  const store = values.postgres
    ? await openPostgresStore({ url: values.postgres })
    : openSqliteStore(join(folder, 'data', 'queue'), { exclusive: true });
  await fill(store, Number(values.delivered), 'delivered');
  await fill(store, Number(values.messages), 'queued');
  await store.close();
  const bridge = Mailbridge.run(['start', '--config', 'config.json'], { cwd: folder });
  try {
    await bridge.line(({ msg }) => msg.startsWith('admin endpoint'), 'the admin port');
    // It takes up the mailboxes one after the other.
    await delay(Number(values.settle) * 1000);
    const token = (await readFile(join(folder, 'data', 'admin-token'), 'utf8')).trim();
    console.log(
      `${values.messages} queued, ${values.delivered} delivered, ${accounts} accounts: p50, p95, longest in ms`,
    );
    for (const path of paths) await measure(port, token, path);
  } finally {
    await bridge.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

if (values.help) process.stdout.write(usage);
else await main();
