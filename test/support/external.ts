import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'vitest';

/** A program's output and how it ended. */
export interface ProgramResult {
  readonly code: number | null;
  readonly output: string;
}

/**
 * Skips a test whose program is not installed, and says which one. In continuous integration (`CI` is set) it fails
 * instead: everything must be installed there.
 */
export function needProgram(context: TestContext, name: string): void {
  if (isInstalled(name)) return;
  lacks(context, `${name} is not installed`);
}

/** The same for a Perl module. */
export function needPerlModule(context: TestContext, name: string): void {
  if (spawnSync('perl', [`-M${name}`, '-e', '1']).status !== 0) lacks(context, `${name} is not installed`);
}

/** Skips a test that the machine cannot run; like {@link needProgram}, fails in continuous integration. */
export function lacks(context: TestContext, what: string): never {
  if (process.env.CI) throw new Error(what);
  return skipLoudly(context, what);
}

/** Skips a test and prints the reason: vitest prints it only in its verbose report. */
export function skipLoudly(context: TestContext, why: string): never {
  const key = `${context.task.file.name} ${why}`;
  if (!told.has(key)) process.stderr.write(`${why}: tests of ${context.task.file.name} are skipped\n`);
  told.add(key);
  return context.skip(why);
}

const told = new Set<string>();

/** Only on Linux can addresses of 127.0.0.0/8 other than 127.0.0.1 be used without configuration. */
export function needLoopbackAddresses(context: TestContext): void {
  if (process.platform !== 'linux') skipLoudly(context, '127.0.0.2 is no address of this machine');
}

/** Only root can create files of several users. */
export function needRoot(context: TestContext): void {
  if (process.geteuid?.() !== 0) skipLoudly(context, 'not run as root, who alone can make files of other users');
}

/** Whether a program is in the search path. */
export function isInstalled(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a program to its end. @param input for its standard input */
export function runProgram(name: string, args: readonly string[], input: string | Buffer = ''): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, { stdio: 'pipe' });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}
