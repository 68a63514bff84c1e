/**
 * The first code that the single executable runs, in its process and in each of its threads: it loads an entry point of
 * the program from the assets, and other chunks on demand.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { getAsset } from 'node:sea';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

type ModuleFunction = (
  exports: object,
  require: (id: string) => unknown,
  module: { exports: object },
  file: string,
  folder: string,
) => void;

/** Where the build has the machine code of executed functions written to, for inclusion among the assets. */
const writeCodeTo = process.env.MAILBRIDGE_WRITE_CODE;

const scripts = new Map<string, Script>();
const modules = new Map<string, { exports: object }>();
const requireBuiltIn = createRequire(process.execPath);

function load(id: string): unknown {
  if (!id.startsWith('./')) return requireBuiltIn(id);
  const name = id.slice(2);
  const known = modules.get(name);
  if (known) return known.exports;
  const module = { exports: {} };
  modules.set(name, module);
  const script = compiled(name);
  const run = script.runInThisContext() as ModuleFunction;
  run(module.exports, load, module, join(process.execPath, name), process.execPath);
  return module.exports;
}

function compiled(name: string): Script {
  // One byte per character: the chunks are ASCII.
  const source = Buffer.from(getAsset(`lib/${name}`)).toString('latin1');
  const code = `(function (exports, require, module, __filename, __dirname) { ${source}\n})`;
  const cachedData = writeCodeTo === undefined ? codeOf(name) : undefined;
  const script = new Script(code, { filename: `mailbridge/${name}`, ...(cachedData && { cachedData }) });
  if (writeCodeTo !== undefined) scripts.set(name, script);
  return script;
}

function codeOf(name: string): Buffer | undefined {
  try {
    return Buffer.from(getAsset(`code/${name}`));
  } catch {
    return undefined;
  }
}

function writeCode(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, script] of scripts) writeFileSync(join(folder, name), script.createCachedData());
}

/** Called by the names of /usr/sbin/sendmail and related commands, it acts as they do. */
const calledAs: Readonly<Record<string, readonly string[]>> = {
  sendmail: ['sendmail'],
  mailq: ['sendmail', '-bp'],
  newaliases: ['sendmail', '-bi'],
};

/** glibc keeps separate memory for each thread, and after the first large allocation keeps that much permanently. */
const memorySettings = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
};

/** Same as in src/main.ts: machine code made with other flags is rejected. */
setFlagsFromString('--heap-growing-percent=40');

function boot(): void {
  const role = /^--run-as=([a-z-]+)$/.exec(process.argv.at(isMainThread ? 2 : -1) ?? '')?.[1];
  if (writeCodeTo !== undefined) process.on('exit', () => writeCode(writeCodeTo));
  if (role !== undefined) {
    process.argv.splice(isMainThread ? 2 : -1, 1);
    load(`./${role}.cjs`);
    return;
  }
  const { argv, env } = process;
  const command = calledAs[basename(process.argv0)] ?? [];
  // Only variables present at process start count.
  if (process.platform === 'linux' && env.MALLOC_ARENA_MAX === undefined && process.execve) {
    process.execve(process.execPath, [process.argv0, ...argv.slice(2)], { ...memorySettings, ...env } as Record<
      string,
      string
    >);
  }
  argv.splice(2, 0, ...command);
  load('./main.cjs');
}

boot();
