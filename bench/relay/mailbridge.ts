import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, openSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ConfigInput } from '../../src/config/schema.ts';
import { freePorts } from '../../test/support/ports.ts';
import { Postgres, type PostgresPrograms } from '../../test/support/postgres.ts';
import { greeted, type RelayKind, type RelaySettings, reversePath } from './relay.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Puts the program into a folder as the packed one is laid out, compiled from the sources as they are: running them as
 * they are takes 35 MB more, for the removal of types.
 * @returns the launcher
 */
export function compileProgram(folder: string): string {
  const compiler = join(repository, 'node_modules/typescript/bin/tsc');
  const project = join(repository, 'tsconfig.build.json');
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', project, '--outDir', join(folder, 'dist')]);
  if (status !== 0) process.stderr.write(`The sources have faults, and are measured all the same:\n${stdout}`);
  cpSync(join(repository, 'bin'), join(folder, 'bin'), { recursive: true });
  cpSync(join(repository, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
  return join(folder, 'bin/mailbridge.js');
}

/** How mailbridge's process is started. */
export interface ProgramSettings {
  /** The launcher, or a main module. */
  readonly program: string;
  /** For Node.js; the launcher passes none on. */
  readonly flags: readonly string[];
}

/**
 * mailbridge as a user starts it.
 * @param database runs a PostgreSQL server for its queue, with settings that lose nothing, whose processor time and memory
 *   are not the bridge's and not counted
 */
export function mailbridge(
  send: 'smtp' | 'graph',
  { program, flags }: ProgramSettings,
  database?: PostgresPrograms,
): RelayKind {
  return {
    name: `mailbridge ${send}${database === undefined ? '' : ' postgres'}`,
    version: () => `mailbridge on Node.js ${process.versions.node}`,
    async start(settings) {
      const port = await freePorts(2);
      const config = join(settings.folder, 'config.json');
      const server = database && (await Postgres.start(database, { shared_buffers: '128MB' }));
      const queue = server && { store: 'postgres' as const, postgres: { url: server.url() } };
      const whole = configOf(settings, send, port);
      writeFileSync(config, JSON.stringify({ ...whole, queue: { ...whole.queue, ...queue } }), { mode: 0o600 });
      writeFileSync(join(settings.folder, 'ca.pem'), settings.sink.caPem);
      const log = openSync(join(settings.folder, 'log'), 'a');
      const args = [...flags, program, 'start', '--config', config];
      const child = spawn(process.execPath, args, { stdio: ['ignore', log, log] });
      const exited = once(child, 'exit');
      await greeted(port, () =>
        child.exitCode === null ? undefined : `mailbridge has ended; see ${settings.folder}/log`,
      );
      return {
        pid: child.pid ?? 0,
        port,
        queued: () => countQueued(program, config),
        worstStallMs: () => worstStall(port + 1),
        async stop() {
          child.kill('SIGTERM');
          await exited;
          await server?.stop();
        },
      };
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
        // Reading is not measured; the ports have to be named all the same.
        cloud: { authority, graph, smtp, imap: smtp, pop3: smtp, caFile: 'ca.pem' },
      },
    },
    accounts: [{ username: 'bench', networks: ['127.0.0.0/8'], connection: 'bench', mailbox: reversePath, send }],
    queue: { retryBaseSeconds: 1 },
    // The highest there are: what is measured is the program, not the restraint that Microsoft asks for.
    limits: { messagesPerMinute: 10_000, recipientsPerDay: 1_000_000, concurrentPerMailbox: concurrency },
    shutdown: { graceSeconds: 2 },
    admin: { host: '127.0.0.1', port: port + 1 },
  };
}

/** Of the timer by which the delay is measured, and part of what it measures. */
const timerMs = 10;

/** As the admin port tells it, which begins anew each time it is asked. */
async function worstStall(port: number): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const [, seconds] = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(metrics) ?? [];
  return Math.max(0, Number(seconds) * 1000 - timerMs);
}

/** What `mailbridge queue list` says. */
async function countQueued(program: string, config: string): Promise<number> {
  const args = [program, 'queue', 'list', '--json', '--state', 'queued', '--limit', '1000000', '--config', config];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1024 ** 3 });
  return (JSON.parse(stdout) as unknown[]).length;
}
