import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { freePorts } from '../support/ports.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { built, needBuilt } from './built.ts';
import { nowhere } from './nowhere.ts';

const home = mkdtempSync(join(tmpdir(), 'mailbridge-test-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Nothing from the checkout, and no access to the registry. */
const env = { PATH: '/usr/bin:/bin', HOME: home, TZ: 'UTC', npm_config_registry: 'http://127.0.0.1:9/' };

/** The ways to get the program that `npm run package` makes: how it is installed, and how its command line begins. */
const programs = {
  bundle(): string[] {
    const prefix = join(home, 'prefix');
    const command = [process.execPath, join(prefix, 'lib/node_modules/mailbridge/bin/mailbridge.js')];
    if (!existsSync(prefix)) {
      const args = ['install', '--global', '--prefix', prefix, '--no-audit', '--no-fund', built.bundle];
      const { status, stderr } = spawnSync('npm', args, { env: { ...env, PATH: process.env.PATH }, encoding: 'utf8' });
      expect({ status, stderr: stderr.replaceAll(/^npm (?:warn|notice).*\n/gm, '') }).toEqual({
        status: 0,
        stderr: '',
      });
    }
    return command;
  },
  executable: (): string[] => [built.executable],
};

function run(command: readonly string[], ...args: string[]) {
  const [program = '', ...first] = command;
  const options = { env, cwd: home, encoding: 'utf8', timeout: 60_000 } as const;
  const { status, stdout, stderr } = spawnSync(program, [...first, ...args], options);
  return { status, stdout, stderr };
}

describe.for(Object.keys(programs) as (keyof typeof programs)[])('%s', { timeout: 90_000 }, (kind) => {
  beforeEach((context) => needBuilt(context, kind));

  test('it runs by itself, with its documents', () => {
    const command = programs[kind]();
    expect(run(command, '--version')).toEqual({ status: 0, stdout: `${built.version}\n`, stderr: '' });
    expect(run(command, 'help').stdout).toContain('mailbridge help TOPIC prints a document: accounts,');
    expect(run(command, 'help', 'errors', 'config-not-found').stdout).toContain('What to do');
    expect(run(command, 'install-service', '--print').stdout).toContain(`ExecStart=${command.join(' ')} start`);
    expect(run(command, 'config', 'check', '--config', 'none.json')).toMatchObject({ status: 2 });
  });

  test('the demo sends by Graph and SMTP, and reads by IMAP and POP3', () => {
    const { status, stdout } = run(programs[kind](), 'demo', '--once');
    expect(status, stdout).toBe(0);
    expect(stdout).toMatch(/Graph/);
  });

  test('without a configuration the page of the set-up is there, with all that it loads', async () => {
    const port = await freePorts();
    const folder = temporaryFolder();
    const [program = '', ...first] = programs[kind]();
    const child = spawn(program, [...first, 'start', '--set-up', '--config', join(folder, 'config.json')], {
      env: { ...env, MAILBRIDGE_SETUP_PORT: String(port) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let said = '';
    while (!said.includes('"set-up: ')) said += (await once(child.stdout, 'data')).join('');
    await pagesWork(`http://127.0.0.1:${port}`);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('queue thread and reading workers run, and SIGTERM ends all of them', async () => {
    const port = await freePorts(3);
    const child = await started(programs[kind](), port);
    expect(await greeting(port)).toMatch(/^220 /);
    expect(await greeting(port + 1)).toMatch(/^\* OK /);
    await pagesWork(`http://127.0.0.1:${port + 2}`);
    expect(await (await fetch(`http://127.0.0.1:${port + 2}/metrics`)).text()).toContain('mailbridge_queue_messages');
    const workers = childrenOf(child.pid ?? 0);
    expect(workers).toHaveLength(2);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(workers.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  });

  test('called as sendmail it does as sendmail does', () => {
    const command = programs[kind]();
    const link = join(temporaryFolder(), 'sendmail');
    symlinkSync(command.at(-1) ?? '', link);
    const { status, stderr } = run([...command.slice(0, -1), link], 'you@contoso.com');
    expect({ status, stderr }).toMatchObject({ status: 78, stderr: expect.stringContaining('config') });
  });
});

test('the bundle is small, and names no package to fetch', (context) => {
  needBuilt(context, 'bundle');
  expect(statSync(built.bundle).size).toBeLessThan(3_000_000);
  const [, script = ''] = programs.bundle();
  const root = join(script, '../..');
  expect(readdirSync(root)).not.toContain('node_modules');
  expect(readdirSync(join(root, '..'))).toEqual(['mailbridge']);
  expect(readdirSync(root)).toEqual(expect.arrayContaining(['LICENSE', 'THIRD-PARTY-NOTICES', 'man', 'service']));
});

test('the bundle keeps the machine code of a start in the folder of its user alone', (context) => {
  needBuilt(context, 'bundle');
  run(programs.bundle(), '--version');
  expect(readdirSync(join(home, '.cache/mailbridge'))).not.toEqual([]);
  const foreign = { ...env, HOME: '/', XDG_CACHE_HOME: '' };
  if (process.getuid?.() === 0) return;
  const [node = '', script = ''] = programs.bundle();
  spawnSync(node, [script, '--version'], { env: foreign });
  expect(existsSync('/.cache/mailbridge')).toBe(false);
});

async function started(command: readonly string[], port: number): Promise<ChildProcess> {
  const folder = temporaryFolder();
  const config = join(folder, 'config.json');
  const settings = {
    dataDir: 'data',
    hostname: 'localhost',
    admin: { host: '127.0.0.1', port: port + 2 },
    workers: 2,
    listeners: ['smtp', 'imap'].map((protocol, n) => ({
      protocol,
      host: '127.0.0.1',
      port: port + n,
      security: 'starttls',
    })),
    connections: { nowhere },
    accounts: [
      {
        username: 'a',
        password: 'nobody-knows-that',
        connection: 'nowhere',
        mailbox: 'a@contoso.com',
        send: 'graph',
        read: 'imap',
      },
    ],
  };
  writeFileSync(config, JSON.stringify(settings), { mode: 0o600 });
  const [program = '', ...first] = command;
  const child = spawn(program, [...first, 'start', '--config', config], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const failed = text(child.stderr);
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (line: Buffer) => line.includes('"ready: ') && resolve());
    child.once('exit', () => void failed.then((said) => reject(new Error(said))));
  });
  await ready;
  return child;
}

/** Checks the page, and each file that it and its scripts name. */
async function pagesWork(url: string): Promise<void> {
  const wanted = ['/ui/'];
  for (const path of wanted) {
    const answer = await fetch(url + path);
    expect(`${path} ${answer.status}`).toBe(`${path} 200`);
    const content = await answer.text();
    const named = path.endsWith('/')
      ? [...content.matchAll(/(?:href|src)="(\/ui\/[^"]+)"/g)].map(([, file = '']) => file)
      : [...content.matchAll(/(?:from|import)\s*\(?["'`](\.[^"'`]+)["'`]/g)].map(
          ([, file = '']) => new URL(file, url + path).pathname,
        );
    wanted.push(...named.filter((file) => !wanted.includes(file)));
  }
  expect(wanted).toEqual(
    expect.arrayContaining(['/ui/main.js', '/ui/vendor/uplot/uPlot.min.css', '/ui/vendor/lit-html/lit-html.js']),
  );
}

/** The first line from a server. */
async function greeting(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const [line] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return line.toString('latin1');
}

function childrenOf(pid: number): string[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' });
  return stdout.trim().split(/\s+/);
}
