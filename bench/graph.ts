import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Simulator } from '../src/simulator/simulator.ts';
import { freePorts } from '../test/support/ports.ts';
import { installProgram } from './relay/mailbridge.ts';
import { residentBytes } from './relay/usage.ts';

const usage = `Usage: node bench/graph.ts [--messages N] [--latency MS] [--json]

A mailbox of N messages (default 100,000) that is read by Graph over IMAP, where each request to Graph takes MS more
milliseconds (default 150): the first listing, later ones, flags of all messages, SORT, THREAD, new mail, memory, requests to
Graph, and how long the bridge's event loop stood still.
`;

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '100000' },
    latency: { type: 'string', default: '150' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}

const mailbox = 'reports@contoso.example';

/** An IMAP client that looks only for the end of an answer. */
class Client {
  readonly #socket: Socket;
  #tag = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async logIn(port: number): Promise<Client> {
    const client = new Client(connect(port, '127.0.0.1'));
    await client.#until(/^\* OK/m);
    await client.run('LOGIN reader secret');
    return client;
  }

  /** @returns milliseconds, and bytes of the answer */
  async run(command: string): Promise<{ ms: number; octets: number }> {
    const tag = `a${++this.#tag}`;
    const startedAt = performance.now();
    this.#socket.write(`${tag} ${command}\r\n`);
    const octets = await this.#until(new RegExp(`^${tag} (OK|NO|BAD)`, 'm'));
    return { ms: performance.now() - startedAt, octets };
  }

  /** Waits in IDLE for EXISTS. */
  async idle(): Promise<number> {
    const startedAt = performance.now();
    this.#socket.write('i IDLE\r\n');
    await this.#until(/^\* \d+ EXISTS/m);
    const ms = performance.now() - startedAt;
    this.#socket.write('DONE\r\n');
    await this.#until(/^i OK/m);
    return ms;
  }

  close(): void {
    this.#socket.end();
  }

  async #until(end: RegExp): Promise<number> {
    let octets = 0;
    let tail = '';
    for (;;) {
      const chunk = this.#socket.read() as Buffer | null;
      if (chunk === null) {
        await once(this.#socket, 'readable');
        continue;
      }
      octets += chunk.length;
      tail = `${tail.slice(-2000)}${chunk.toString('latin1')}`;
      if (end.test(tail)) return octets;
    }
  }
}

async function startMicrosoft365(): Promise<{ process: ChildProcess; told: Simulator }> {
  const program = fileURLToPath(new URL('graph/simulator-process.ts', import.meta.url));
  const child = fork(program, [mailbox, values.messages, values.latency]);
  const [told] = (await once(child, 'message')) as [Simulator];
  return { process: child, told };
}

function configure(
  folder: string,
  [port, adminPort]: readonly [number, number],
  { endpoints, tenantId, clientId, clientSecret }: Simulator,
): string {
  const { authority, graph, imap, pop3, smtp, caFile } = endpoints;
  const file = join(folder, 'config.json');
  const config = {
    dataDir: join(folder, 'data'),
    log: { format: 'json' },
    listeners: [{ protocol: 'imap', port, security: 'none' }],
    connections: {
      contoso: {
        tenantId,
        clientId,
        clientSecret,
        grant: 'client-credentials',
        cloud: { authority, graph, imap, pop3, smtp, caFile },
      },
    },
    admin: { port: adminPort },
    accounts: [{ username: 'reader', password: 'secret', connection: 'contoso', mailbox, read: 'graph' }],
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}

async function startBridge(program: string, configFile: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, 'start', '--config', configFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stderr?.pipe(process.stderr);
  await new Promise<void>((resolve) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.includes('ready')) resolve();
    });
  });
  return child;
}

/** Longest event loop stall since the last call, in milliseconds, less the resolution of its timer. */
async function stalled(adminPort: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const seconds = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1];
  return Math.round(Number(seconds) * 1000) - 10;
}

async function counted(m365: ChildProcess, ask: 'counts' | 'deliver'): Promise<number> {
  m365.send(ask);
  const [{ requests }] = (await once(m365, 'message')) as [{ requests: number }];
  return requests;
}

function residentMegabytes({ pid }: ChildProcess): number {
  return Math.round(residentBytes(pid as number) / 1e6);
}

/** By then V8 has released what a large command left, if nothing else is requested. */
const restMs = 30_000;

const folder = mkdtempSync(join(tmpdir(), 'mailbridge-bench-'));
const m365 = await startMicrosoft365();
const [port, adminPort] = [await freePorts(1), await freePorts(1)];
const configFile = configure(folder, [port, adminPort], m365.told);
const program = installProgram(folder);
let bridge = await startBridge(program, configFile);
// The event loop is watched from the first request on.
await stalled(adminPort);
const seconds = (ms: number): string => (ms / 1000).toFixed(2);
const figures: Record<string, string | number> = {};
try {
  const first = await Client.logIn(port);
  figures['first SELECT, s'] = seconds((await first.run('SELECT INBOX')).ms);
  figures['longest stall in it, ms'] = await stalled(adminPort);
  figures['requests to Graph until then'] = await counted(m365.process, 'counts');
  figures['FETCH 1:* (FLAGS), s'] = seconds((await first.run('FETCH 1:* (FLAGS)')).ms);
  figures['memory of the bridge then, MB'] = residentMegabytes(bridge);
  figures['FETCH 1:* (ENVELOPE), s'] = seconds((await first.run('FETCH 1:* (ENVELOPE)')).ms);
  figures['longest stall in both, ms'] = await stalled(adminPort);
  for (const command of ['SORT (SUBJECT DATE) UTF-8 ALL', 'THREAD REFERENCES UTF-8 ALL']) {
    const [name] = command.split(' ');
    figures[`${name}, s`] = seconds((await first.run(command)).ms);
    figures[`longest stall in it (${name}), ms`] = await stalled(adminPort);
  }
  const before = await counted(m365.process, 'counts');
  const again = await Client.logIn(port);
  figures['SELECT by another session, s'] = seconds((await again.run('SELECT INBOX')).ms);
  again.close();
  const idling = first.idle();
  const deliveredAt = performance.now();
  await counted(m365.process, 'deliver');
  await idling;
  figures['new mail told in IDLE after, s'] = seconds(performance.now() - deliveredAt);
  figures['requests to Graph meanwhile'] = (await counted(m365.process, 'counts')) - before;
  figures['memory after all that, MB'] = residentMegabytes(bridge);
  await delay(restMs);
  figures['memory half a minute later, MB'] = residentMegabytes(bridge);
  first.close();
  bridge.kill('SIGTERM');
  await once(bridge, 'exit');
  bridge = await startBridge(program, configFile);
  const later = await Client.logIn(port);
  figures['first SELECT after a restart, s'] = seconds((await later.run('SELECT INBOX')).ms);
  figures['memory after that, MB'] = residentMegabytes(bridge);
  later.close();
} finally {
  bridge.kill('SIGKILL');
  m365.process.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
const conditions = `${values.messages} messages, ${values.latency} ms a request, ${cpus().length} processors, load ${loadavg()[0]?.toFixed(1)}`;
if (values.json) console.log(JSON.stringify({ conditions, figures }));
else {
  console.log(conditions);
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(36)} ${value}`);
}
process.exit(0);
