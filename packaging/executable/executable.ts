import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inject } from 'postject';
import { rolldown } from 'rolldown';
import { type Chunk, repository } from '../bundle/chunks.ts';
import type { PackedFile } from '../files.ts';
import { nodeBinary, type Platform } from './node-binary.ts';

/** The marker that Node.js looks for in itself: https://nodejs.org/api/single-executable-applications.html */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** The contents of an executable. */
export interface ExecutableParts {
  readonly chunks: readonly Chunk[];
  readonly files: readonly PackedFile[];
}

/**
 * Makes an executable from Node.js, the chunks and the files. For the current platform it also contains the machine
 * code of what a start runs, made by starting it once.
 */
export async function makeExecutable(platform: Platform, parts: ExecutableParts, target: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'mailbridge-executable-'));
  try {
    const assets = await layOut(parts, work);
    await assemble(platform, assets, work, target);
    if (platform !== `${process.platform}-${process.arch}`) return;
    const code = join(work, 'code');
    await startOnce(target, code, work);
    for (const name of readdirSync(code)) assets[`code/${name}`] = join(code, name);
    await assemble(platform, assets, work, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** @returns the file of each asset, by name */
async function layOut({ chunks, files }: ExecutableParts, work: string): Promise<Record<string, string>> {
  const contents = new Map<string, string | Buffer>([
    ['boot.cjs', await boot()],
    ...chunks.map(({ name, code }) => [`lib/${name}`, code] as const),
    ...files.map(({ path, content }) => [`files/${path}`, content] as const),
  ]);
  const assets: Record<string, string> = {};
  for (const [name, content] of contents) {
    const file = join(work, 'assets', name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    assets[name] = file;
  }
  return assets;
}

async function boot(): Promise<string> {
  const build = await rolldown({ input: join(repository, 'packaging/executable/boot.ts'), platform: 'node' });
  const { output } = await build.generate({ format: 'cjs', minify: true });
  await build.close();
  return output[0].code;
}

async function assemble(
  platform: Platform,
  assets: Readonly<Record<string, string>>,
  work: string,
  target: string,
): Promise<void> {
  const blob = join(work, 'blob');
  const config = join(work, 'sea.json');
  const settings = {
    main: assets['boot.cjs'],
    output: blob,
    disableExperimentalSEAWarning: true,
    // As in bin/mailbridge.js, except for what depends on the machine.
    execArgv: ['--max-semi-space-size=2'],
    assets,
  };
  writeFileSync(config, JSON.stringify(settings));
  const native = await nodeBinary(`${process.platform}-${process.arch}` as Platform);
  execFileSync(native.file, ['--experimental-sea-config', config], { stdio: 'ignore' });
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync((await nodeBinary(platform)).file, target);
  chmodSync(target, 0o755);
  await inject(target, 'NODE_SEA_BLOB', readFileSync(blob), { sentinelFuse: fuse });
}

/** Starts the executable, waits until it has failed to get a token, and ends it. */
async function startOnce(executable: string, code: string, work: string): Promise<void> {
  const config = join(work, 'config.json');
  writeFileSync(config, JSON.stringify(firstConfig(join(work, 'data'))), { mode: 0o600 });
  const child = spawn(executable, ['start', '--config', config], {
    env: { PATH: process.env.PATH ?? '', MAILBRIDGE_WRITE_CODE: code },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const wasReady = said.includes('"ready: ');
    said += text;
    if (!wasReady && said.includes('"ready: ')) setTimeout(() => child.kill('SIGTERM'), 2_000);
  });
  const [status] = (await exit) as [number | null];
  if (status !== 0) throw new Error(`${executable} does not run (${status}):\n${said}`);
}

/** A typical bridge: three listeners, an app. Nothing answers in Microsoft's place. */
function firstConfig(dataDir: string): object {
  const nowhere = 'https://127.0.0.1:9';
  const host = { host: '127.0.0.1', port: 9, security: 'tls' };
  return {
    dataDir,
    hostname: 'localhost',
    listeners: ['smtp', 'imap', 'pop3'].map((protocol) => ({
      protocol,
      host: '127.0.0.1',
      port: 0,
      security: 'starttls',
    })),
    connections: {
      nowhere: {
        tenantId: 'contoso.onmicrosoft.com',
        clientId: '00000000-0000-0000-0000-000000000000',
        grant: 'client-credentials',
        clientSecret: 'not a secret',
        cloud: { authority: nowhere, graph: nowhere, imap: host, pop3: host, smtp: { ...host, security: 'starttls' } },
      },
    },
    accounts: [
      {
        username: 'nobody',
        password: 'not a password',
        connection: 'nowhere',
        mailbox: 'nobody@contoso.com',
        send: 'graph',
        read: 'imap',
      },
    ],
  };
}
