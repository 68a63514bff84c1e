import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { CliInput, CliIo } from '../../src/cli/terminal/io.ts';
import { withErrorsTold } from '../../src/cli/terminal/tell-error.ts';
import { commandOutput } from '../support/secret-search/command-output.ts';

/** Runs a command with this input and keeps its output. */
export async function run(
  command: (args: string[], io: CliIo) => Promise<number>,
  args: string[],
  options: { stdin?: CliInput; env?: CliIo['env'] } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { stdout, stderr } = commandOutput([command.name, ...args]);
  const stdin = options.stdin ?? new PassThrough().end();
  const written = Promise.all([text(stdout), text(stderr)]);
  const io = { stdin, stdout, stderr, env: options.env ?? {} };
  const code = await withErrorsTold(io, args.includes('--json'), () => command(args, io));
  stdout.end();
  stderr.end();
  const [out, err] = await written;
  return { code, stdout: out, stderr: err };
}
