import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'vitest';

/** What a program said and how it ended. */
export interface ProgramResult {
  readonly code: number | null;
  readonly output: string;
}

/**
 * Skips a test whose program is not installed, with a line that says which. In continuous integration (`CI` is set)
 * it fails instead: there everything has to be installed.
 */
export function needProgram(context: TestContext, name: string): void {
  if (isInstalled(name)) return;
  const text = `${name} is not installed`;
  if (process.env.CI) throw new Error(text);
  // vitest tells the reason in its verbose report alone.
  if (!told.has(name)) process.stderr.write(`${text}: tests of ${context.task.file.name} are skipped\n`);
  told.add(name);
  context.skip(text);
}

const told = new Set<string>();

/** Addresses of 127.0.0.0/8 beside 127.0.0.1 can be used as they are on Linux alone. */
export function needLoopbackAddresses(context: TestContext): void {
  if (process.platform !== 'linux') context.skip('127.0.0.2 is no address of this machine');
}

function isInstalled(name: string): boolean {
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
