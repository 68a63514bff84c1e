import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ConfigInput } from '../../src/config/schema.ts';
import { freePorts } from '../../test/support/ports.ts';
import { Postgres, type PostgresPrograms } from '../../test/support/postgres.ts';
import { greeted, type RelayKind, type RelaySettings, reversePath } from './relay.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Installs the program into a folder as users do, built from the current sources.
 * @returns the launcher
 */
export function installProgram(folder: string): string {
  run(process.execPath, [
    join(repository, 'packaging/package.ts'),
    '--only',
    'bundle',
    '--version',
    '0.0.0',
    '--out',
    folder,
  ]);
  run('tar', ['-xzf', join(folder, 'mailbridge-0.0.0.tgz'), '-C', folder]);
  return join(folder, 'package/bin/mailbridge.js');
}

function run(program: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw error ?? new Error(`${program} has failed:\n${stderr}`);
}

/** How to start mailbridge's process. */
export interface ProgramSettings {
  /** The launcher, or a main module. */
  readonly program: string;
  /** For Node.js; the launcher passes none on. */
  readonly flags: readonly string[];
}

/** Where the queue is kept. */
export interface QueuePlace {
  /** A PostgreSQL server with durable settings; its processor time and memory are not counted as the bridge's. */
  readonly database?: PostgresPrograms;
  /** Bridges that share it; if there are two, each with half of the clients; default 1. */
  readonly instances?: number;
}

/** mailbridge as a user starts it, by default with its queue in SQLite. */
export function mailbridge(send: 'smtp' | 'graph', program: ProgramSettings, place: QueuePlace = {}): RelayKind {
  const { database, instances = 1 } = place;
  return {
    name: `mailbridge ${send}${database ? ' postgres' : ''}${instances > 1 ? ` x${instances}` : ''}`,
    version: () => `mailbridge on Node.js ${process.versions.node}`,
    async start(settings) {
      const server = database && (await Postgres.start(database, { shared_buffers: '128MB' }));
      const bridges: Instance[] = [];
      const stop = async () => {
        for (const bridge of bridges) await bridge.stop();
        await server?.stop();
      };
      try {
        for (let number = 0; number < instances; number++) {
          const folder = join(settings.folder, `bridge-${number}`);
          mkdirSync(folder);
          bridges.push(await startInstance(program, send, { ...settings, folder }, server?.url()));
        }
      } catch (error) {
        await stop();
        throw error;
      }
      const [{ config }] = bridges as [Instance];
      return {
        pids: bridges.map(({ pid }) => pid),
        ports: bridges.map(({ port }) => port),
        queued: () => countQueued(program.program, config),
        worstStallMs: async () => Math.max(...(await Promise.all(bridges.map(({ port }) => worstStall(port + 1))))),
        stop,
      };
    },
  };
}

interface Instance {
  readonly pid: number;
  readonly port: number;
  readonly config: string;
  stop(): Promise<void>;
}

async function startInstance(
  { program, flags }: ProgramSettings,
  send: 'smtp' | 'graph',
  settings: RelaySettings,
  databaseUrl: string | undefined,
): Promise<Instance> {
  const port = await freePorts(2);
  const config = join(settings.folder, 'config.json');
  const whole = configOf(settings, send, port);
  const shared = databaseUrl !== undefined && {
    instance: basename(settings.folder),
    queue: { ...whole.queue, store: 'postgres', postgres: { url: databaseUrl } },
  };
  writeFileSync(config, JSON.stringify({ ...whole, ...shared }), { mode: 0o600 });
  writeFileSync(join(settings.folder, 'ca.pem'), settings.sink.caPem);
  const log = openSync(join(settings.folder, 'log'), 'a');
  const args = [...flags, program, 'start', '--config', config];
  const child = spawn(process.execPath, args, { stdio: ['ignore', log, log] });
  const exited = once(child, 'exit');
  await greeted(port, () => (child.exitCode === null ? undefined : `mailbridge has ended; see ${settings.folder}/log`));
  return {
    ...{ pid: child.pid ?? 0, port, config },
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

function configOf({ sink, concurrency }: RelaySettings, send: 'smtp' | 'graph', port: number): ConfigInput {
  const { host, smtpPort, authority, graph, tenantId, clientId, clientSecret } = sink;
  const smtp = { host, port: smtpPort, security: 'starttls' as const };
  return {
    dataDir: 'data',
    listeners: [{ protocol: 'smtp', host: '127.0.0.1', port, security: 'none' }],
    connections: {
      bench: {
        tenantId,
        clientId,
        grant: 'client-credentials',
        clientSecret,
        // Reading is not measured, but the ports must be configured.
        cloud: { authority, graph, smtp, imap: smtp, pop3: smtp, caFile: 'ca.pem' },
      },
    },
    accounts: [{ username: 'bench', networks: ['127.0.0.0/8'], connection: 'bench', mailbox: reversePath, send }],
    queue: { retryBaseSeconds: 1 },
    // The highest limits allowed: the benchmark measures the program, not the restraint that Microsoft asks for.
    limits: { messagesPerMinute: 10_000, recipientsPerDay: 1_000_000, concurrentPerMailbox: concurrency },
    shutdown: { graceSeconds: 2 },
    admin: { host: '127.0.0.1', port: port + 1 },
  };
}

/** Resolution of the timer that measures the delay, and included in the measurement. */
const timerMs = 10;

/** As reported by the admin port, which starts anew after each query. */
async function worstStall(port: number): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const [, seconds] = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(metrics) ?? [];
  return Math.max(0, Number(seconds) * 1000 - timerMs);
}

/** The count from `mailbridge queue list`. */
async function countQueued(program: string, config: string): Promise<number> {
  const args = [program, 'queue', 'list', '--json', '--state', 'queued', '--limit', '1000000', '--config', config];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1024 ** 3 });
  return (JSON.parse(stdout) as unknown[]).length;
}
