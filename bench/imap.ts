import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { issueServerCertificate, makeAuthority } from '../src/base/certificates.ts';
import type { ConfigInput } from '../src/config/schema.ts';
import { freePorts } from '../test/support/ports.ts';
import { Client, type Target } from './imap/client.ts';
import type { UpstreamEndpoints } from './imap/upstream-process.ts';
import { installProgram } from './relay/mailbridge.ts';
import { residentBytes, type Usage, UsageWatch } from './relay/usage.ts';

const usage = `Usage: node bench/imap.ts [--rounds N] [--gigabytes N] [--logins N] [--sessions N] [--only NAME]...
       [--json] [--workers N] [--node-flags=FLAGS] [--email-oauth2-proxy FILE [--python FILE]]

IMAP passed through mailbridge, beside stunnel (TLS joined to TLS and nothing else), email-oauth2-proxy if there is one,
and no relay at all, in turns: throughput of FETCH, logins, idle sessions. Needs Linux and Debian's package stunnel4.
With --workers, mailbridge on one processor beside mailbridge with N workers on N processors, by what its own processes
use: client and upstream, which share the processors here, do not count.
docs/benchmarks.md tells more.
`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    gigabytes: { type: 'string', default: '2' },
    logins: { type: 'string', default: '400' },
    sessions: { type: 'string', default: '500' },
    only: { type: 'string', multiple: true },
    workers: { type: 'string' },
    'node-flags': { type: 'string' },
    'email-oauth2-proxy': { type: 'string' },
    python: { type: 'string', default: '/usr/bin/python3' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

/** A program between client and upstream. */
interface Relay {
  readonly name: string;
  readonly target: Target;
  readonly process?: ChildProcess;
  /** Number it is bound to; default 1. */
  readonly processors?: number;
}

interface Figures {
  readonly relay: string;
  readonly megabytesPerSecond: number;
  readonly cpuSecondsPerGigabyte: number;
  /** Capacity of its processors if client and upstream were elsewhere: see {@link capacity}. */
  readonly megabytesPerSecondAlone: number;
  readonly loginsPerSecondAlone: number;
  readonly loginMs: number;
  readonly loginsPerSecond: number;
  readonly kilobytesPerIdleSession: number;
}

const password = 'benchmark';
const mailbox = 'reports@contoso.example';
const xoauth2 = `AUTHENTICATE XOAUTH2 ${Buffer.from(`user=${mailbox}\x01auth=Bearer x\x01\x01`).toString('base64')}`;

async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'imap-bench-'));
  const child = fork(fileURLToPath(new URL('./imap/upstream-process.ts', import.meta.url)));
  const [upstream] = (await once(child, 'message')) as [UpstreamEndpoints];
  const authority = await makeAuthority('Benchmark', 2);
  const certificate = await issueServerCertificate(authority, ['localhost', '127.0.0.1'], 2);
  for (const [name, text] of Object.entries({
    'ca.pem': `${upstream.caPem}${readFileSync(upstream.authorityCaFile, 'utf8')}`,
    'server.crt': certificate.cert,
    'server.key': certificate.key,
  })) {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  }
  const launcher = installProgram(folder);
  const flags = values['node-flags'];
  // The launcher sets its own flags; other flags need the main module.
  const program =
    flags === undefined ? [launcher] : [...flags.split(' '), launcher.replace('bin/mailbridge.js', 'lib/main.cjs')];
  const measured: Figures[] = [];
  try {
    for (let round = 0; round <= Number(values.rounds); round++) {
      const others = { none, stunnel, mailbridge, ...(values['email-oauth2-proxy'] ? { emailOauth2Proxy } : {}) };
      const all = values.workers === undefined ? others : { mailbridge, mailbridgeWorkers };
      const kinds = Object.values(all).filter(({ name }) => values.only?.includes(name) ?? true);
      const first = round % kinds.length;
      for (const kind of [...kinds.slice(first), ...kinds.slice(0, first)]) {
        const relay = await kind({ folder, upstream, ca: authority.cert, program });
        try {
          const figures = await measure(relay);
          if (round > 0) measured.push(figures);
          process.stderr.write(`round ${round}, ${JSON.stringify(figures)}\n`);
        } finally {
          relay.process?.kill();
          if (relay.process) await once(relay.process, 'exit');
        }
      }
    }
  } finally {
    child.disconnect();
    rmSync(folder, { recursive: true, force: true });
  }
  print(measured);
}

interface Setting {
  readonly folder: string;
  readonly upstream: UpstreamEndpoints;
  readonly ca: string;
  readonly program: readonly string[];
}

async function none({ upstream }: Setting): Promise<Relay> {
  return { name: 'no relay', target: { port: upstream.port, ca: upstream.caPem, login: xoauth2 } };
}

async function stunnel({ folder, upstream, ca }: Setting): Promise<Relay> {
  const port = await freePorts();
  const inner = await freePorts();
  const config = join(folder, 'stunnel.conf');
  writeFileSync(
    config,
    `foreground = yes
debug = 3
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
[in]
accept = 127.0.0.1:${port}
connect = 127.0.0.1:${inner}
cert = ${folder}/server.crt
key = ${folder}/server.key
[out]
client = yes
accept = 127.0.0.1:${inner}
connect = 127.0.0.1:${upstream.port}
CAfile = ${folder}/ca.pem
verifyChain = yes
checkHost = localhost
`,
  );
  const child = spawn('stunnel', [config], { stdio: 'ignore' });
  return await up({ name: 'stunnel', target: { port, ca, login: xoauth2 }, process: child });
}

const mailbridge = (setting: Setting) => startMailbridge(setting, 1);
const mailbridgeWorkers = (setting: Setting) => startMailbridge(setting, Number(values.workers));

async function startMailbridge({ folder, upstream, ca, program }: Setting, workers: number): Promise<Relay> {
  const port = await freePorts();
  const config: ConfigInput = {
    dataDir: 'data',
    hostname: 'localhost',
    workers,
    log: { level: 'warn', format: 'json' },
    tls: { cert: 'server.crt', key: 'server.key' },
    listeners: [{ protocol: 'imap', port, security: 'tls' }],
    connections: {
      bench: {
        tenantId: upstream.tenantId,
        clientId: upstream.clientId,
        grant: 'client-credentials',
        clientSecret: upstream.clientSecret,
        cloud: {
          authority: upstream.authority,
          imap: { host: 'localhost', port: upstream.port, security: 'tls' },
          caFile: 'ca.pem',
        },
      },
    },
    accounts: [{ username: 'bench', password, connection: 'bench', mailbox, read: 'imap' }],
    limits: { maxConnections: 20_000, maxConnectionsPerAddress: 20_000, maxConnectionsPerAccount: 10_000 },
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config), { mode: 0o600 });
  const args = [...program, 'start', '--config', join(folder, 'config.json')];
  // Bound to processors only if that is what is compared.
  const bound = values.workers === undefined ? [] : ['taskset', '-c', workers === 1 ? '0' : `0-${workers - 1}`];
  const [command = '', ...rest] = [...bound, process.execPath, ...args];
  const child = spawn(command, rest, { stdio: ['ignore', 'ignore', 'inherit'] });
  const name = workers === 1 ? 'mailbridge' : `mailbridge, ${workers} workers`;
  const target = { port, ca, login: `LOGIN bench ${password}` };
  return await up({ name, target, process: child, processors: workers });
}

/** https://github.com/simonrob/email-oauth2-proxy, with TLS on both sides like the others. */
async function emailOauth2Proxy({ folder, upstream, ca }: Setting): Promise<Relay> {
  const port = await freePorts();
  const config = join(folder, 'emailproxy.config');
  writeFileSync(
    config,
    `[Server setup]
[IMAP-${port}]
server_address = localhost
server_port = ${upstream.port}
local_address = 127.0.0.1
local_certificate_path = ${folder}/server.crt
local_key_path = ${folder}/server.key
[Account setup]
[${mailbox}]
token_url = ${upstream.authority}/${upstream.tenantId}/oauth2/v2.0/token
oauth2_scope = https://outlook.office365.com/.default
oauth2_flow = client_credentials
redirect_uri = http://localhost
client_id = ${upstream.clientId}
client_secret = ${upstream.clientSecret}
`,
  );
  const script = values['email-oauth2-proxy'] ?? '';
  const child = spawn(values.python, [script, '--no-gui', '--config-file', config], {
    stdio: 'ignore',
    env: { ...process.env, SSL_CERT_FILE: join(folder, 'ca.pem') },
  });
  return await up({
    name: 'email-oauth2-proxy',
    target: { port, ca, login: `LOGIN ${mailbox} ${password}` },
    process: child,
  });
}

/** Waits until a relay accepts a login. */
async function up(relay: Relay): Promise<Relay> {
  for (let attempt = 0; ; attempt++) {
    try {
      (await Client.open(relay.target)).close();
      return relay;
    } catch (error) {
      if (attempt > 600) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function measure(relay: Relay): Promise<Figures> {
  const gigabytes = Number(values.gigabytes);
  const logins = Number(values.logins);
  const clients = await Promise.all(Array.from({ length: 4 }, () => Client.open(relay.target)));
  const watch = relay.process?.pid === undefined ? undefined : new UsageWatch([relay.process.pid]);
  const startedAt = performance.now();
  await Promise.all(clients.map((client) => client.fetch((gigabytes * 1024) / clients.length)));
  const seconds = (performance.now() - startedAt) / 1000;
  const fetching = watch?.stop();
  for (const client of clients) client.close();
  const loginMs = await oneByOne(relay.target, 100);
  const loginWatch = relay.process?.pid === undefined ? undefined : new UsageWatch([relay.process.pid]);
  const loginsPerSecond = await together(relay.target, logins, 16);
  const loggingIn = loginWatch?.stop();
  return {
    relay: relay.name,
    megabytesPerSecond: (gigabytes * 1024) / seconds,
    cpuSecondsPerGigabyte: (fetching?.cpuSeconds ?? 0) / gigabytes,
    megabytesPerSecondAlone: capacity(gigabytes * 1024, relay, fetching),
    loginsPerSecondAlone: capacity(logins, relay, loggingIn),
    loginMs,
    loginsPerSecond,
    kilobytesPerIdleSession: await idle(relay, Number(values.sessions)),
  };
}

/**
 * What a relay could do in a second with its processors to itself, from the processor time of its processes: limited by
 * all of them together, and by the busiest one on a single processor.
 */
function capacity(done: number, { processors = 1 }: Relay, usage: Usage | undefined): number {
  return usage === undefined ? 0 : done / Math.max(usage.cpuSeconds / processors, usage.busiestCpuSeconds);
}

/** Median time from connecting to the login's OK, in milliseconds. */
async function oneByOne(target: Target, logins: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < logins; i++) {
    const startedAt = performance.now();
    const client = await Client.open(target);
    times.push(performance.now() - startedAt);
    client.close();
  }
  return median(times);
}

async function together(target: Target, logins: number, concurrent: number): Promise<number> {
  const startedAt = performance.now();
  let left = logins;
  const worker = async () => {
    while (left-- > 0) (await Client.open(target)).close();
  };
  await Promise.all(Array.from({ length: concurrent }, worker));
  return logins / ((performance.now() - startedAt) / 1000);
}

/** Resident memory added by each session. */
async function idle(relay: Relay, sessions: number): Promise<number> {
  const pid = relay.process?.pid;
  if (pid === undefined) return 0;
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const before = residentBytes(pid);
  const clients: Client[] = [];
  for (let i = 0; i < sessions; i++) clients.push(await Client.open(relay.target));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const after = residentBytes(pid);
  for (const client of clients) client.close();
  return (after - before) / 1024 / sessions;
}

function median(all: readonly number[]): number {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
}

function print(all: readonly Figures[]): void {
  if (values.json) {
    process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
    return;
  }
  if (values.workers !== undefined) {
    printWorkers(all);
    return;
  }
  const names = [...new Set(all.map((each) => each.relay))];
  const of = (relay: string, name: Exclude<keyof Figures, 'relay'>) =>
    median(all.filter((each) => each.relay === relay).map((each) => each[name]));
  process.stdout.write(
    '| relay | FETCH MB/s | to stunnel | CPU s/GB | to stunnel | login ms | added ms | logins/s | kB/idle session |\n' +
      '|---|---:|---:|---:|---:|---:|---:|---:|---:|\n',
  );
  for (const name of names) {
    const speed = of(name, 'megabytesPerSecond');
    const cpu = of(name, 'cpuSecondsPerGigabyte');
    const login = of(name, 'loginMs');
    const cells = [
      speed.toFixed(0),
      (speed / of('stunnel', 'megabytesPerSecond')).toFixed(2),
      cpu.toFixed(2),
      (cpu / of('stunnel', 'cpuSecondsPerGigabyte')).toFixed(2),
      login.toFixed(2),
      (login - of('no relay', 'loginMs')).toFixed(2),
      of(name, 'loginsPerSecond').toFixed(0),
      of(name, 'kilobytesPerIdleSession').toFixed(0),
    ];
    process.stdout.write(`| ${name} | ${cells.join(' | ')} |\n`);
  }
  process.stdout.write(
    `\nMedians of ${values.rounds} rounds. Node.js ${process.versions.node}, ${cpus().length} CPUs.\n`,
  );
}

/** Compares each relay with the first, which is on one processor. */
function printWorkers(all: readonly Figures[]): void {
  const of = (relay: string, name: Exclude<keyof Figures, 'relay'>) =>
    median(all.filter((each) => each.relay === relay).map((each) => each[name]));
  process.stdout.write(
    '| relay | CPU s/GB | FETCH MB/s alone | to one | logins/s alone | to one | login ms | kB/idle session |\n' +
      '|---|---:|---:|---:|---:|---:|---:|---:|\n',
  );
  for (const name of new Set(all.map((each) => each.relay))) {
    const [speed, logins] = [of(name, 'megabytesPerSecondAlone'), of(name, 'loginsPerSecondAlone')];
    const cells = [
      of(name, 'cpuSecondsPerGigabyte').toFixed(2),
      speed.toFixed(0),
      (speed / of('mailbridge', 'megabytesPerSecondAlone')).toFixed(2),
      logins.toFixed(0),
      (logins / of('mailbridge', 'loginsPerSecondAlone')).toFixed(2),
      of(name, 'loginMs').toFixed(2),
      of(name, 'kilobytesPerIdleSession').toFixed(0),
    ];
    process.stdout.write(`| ${name} | ${cells.join(' | ')} |\n`);
  }
  process.stdout.write(
    `\nMedians of ${values.rounds} rounds. Load at the end: ${loadavg()[0]?.toFixed(1)} on ${cpus().length} CPUs.\n`,
  );
}

if (values.help) process.stdout.write(usage);
else await run();
