import type { ChildProcess } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { openOutput, recorded } from './record.ts';

/** Output streams for a command that runs inside the test's process; everything written is searched for secrets. */
export function commandOutput(args: readonly string[]): { readonly stdout: PassThrough; readonly stderr: PassThrough } {
  return {
    stdout: recorded(new PassThrough(), { command: args, stream: 'standard output' }),
    stderr: recorded(new PassThrough(), { command: args, stream: 'standard error' }),
  };
}

/** Records the output of a separate `mailbridge` process from its start. */
export function recordProcess({ pid, stdout, stderr }: ChildProcess, command: readonly string[]): void {
  const about = { command, ...(pid !== undefined && { pid }) };
  stdout?.on('data', openOutput({ ...about, stream: 'standard output' }));
  stderr?.on('data', openOutput({ ...about, stream: 'standard error' }));
}
