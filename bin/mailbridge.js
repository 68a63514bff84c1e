#!/usr/bin/env node
// Kept in old JavaScript: it runs on whatever Node.js the system has, and finds or asks for the right one.
import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const neededMajor = 24;
const root = fileURLToPath(new URL('..', import.meta.url));
// A checkout has sources, which Node.js runs as they are; the package has a bundle of them.
const source = join(root, 'src/main.ts');
const isPacked = !existsSync(source);
const program = isPacked ? join(root, existsSync(join(root, 'lib')) ? 'lib/main.cjs' : 'dist/main.js') : source;
// Mail is many short-lived buffers: with Node.js's own settings they pile up to twice the memory before they are
// collected. More threads of V8 than other processors only delay the one that serves clients. docs/benchmarks.md has
// what this costs.
const processors = os.availableParallelism?.() ?? os.cpus().length;
const engineFlags = ['--max-semi-space-size=2', `--v8-pool-size=${Math.min(4, Math.max(1, processors - 1))}`];
// glibc keeps memory apart for each thread, and after the first large piece keeps as much as that for ever.
const env = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
  ...codeCache(),
  ...process.env,
};

/**
 * Where Node.js keeps the machine code of the bundle: compiled anew, it takes half of a start. systemd names a folder for
 * the service; else it is in that of the user. What is there is run: never in a folder of somebody else, as sudo may
 * leave it in HOME.
 */
function codeCache() {
  const { CACHE_DIRECTORY, XDG_CACHE_HOME, LOCALAPPDATA, HOME } = process.env;
  const parent = CACHE_DIRECTORY || XDG_CACHE_HOME || LOCALAPPDATA || HOME;
  if (!isPacked || !parent || !isOwn(parent)) return {};
  const path = { [HOME]: '.cache/mailbridge', [CACHE_DIRECTORY]: '.' }[parent] || 'mailbridge';
  return { NODE_COMPILE_CACHE: join(parent, path) };
}

function isOwn(folder) {
  const facts = statSync(folder, { throwIfNoEntry: false });
  return facts !== undefined && (process.getuid === undefined || facts.uid === process.getuid());
}

/** The Node.js that npm installed beside mailbridge. */
function ownNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve('node/package.json');
    const binary = manifest.replace(/package\.json$/, process.platform === 'win32' ? 'bin\\node.exe' : 'bin/node');
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

const runs = Number(process.versions.node.split('.')[0]) >= neededMajor ? process.execPath : ownNode();
if (runs === undefined) {
  process.stderr.write(
    `mailbridge: it needs Node.js ${neededMajor} or later, and this is ${process.versions.node}. ` +
      `Install "node@${neededMajor}" beside it with npm, or a newer Node.js.\n`,
  );
  process.exit(2);
}
// Called by the names of /usr/sbin/sendmail and its kin, it does as they do.
const calledAs = { sendmail: ['sendmail'], mailq: ['sendmail', '-bp'], newaliases: ['sendmail', '-bi'] };
const name = basename(process.argv[1] ?? '');
const command = Object.hasOwn(calledAs, name) ? calledAs[name] : [];
const argv = [...engineFlags, program, ...command, ...process.argv.slice(2)];
if (typeof process.execve === 'function' && process.platform !== 'win32') {
  process.execve(runs, [runs, ...argv], env);
}
const child = spawn(runs, argv, { stdio: 'inherit', env });
// A terminal's Ctrl-C reaches the child by itself, all others are passed on.
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (status, signal) => process.exit(signal ? 1 : (status ?? 1)));
