import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { runCommand } from '../../src/cli/commands.ts';
import { commandOutput } from '../support/secret-search/command-output.ts';

/** Runs a command line as main does, and returns its output and exit code. */
export async function mailbridge(args: string[], input = '', env: NodeJS.ProcessEnv = {}) {
  const { stdout, stderr } = commandOutput(args);
  const printed = Promise.all([text(stdout), text(stderr)]);
  const code = await runCommand(args, { stdin: Readable.from([input]), stdout, stderr, env });
  stdout.end();
  stderr.end();
  const [out, err] = await printed;
  return { code, out, err };
}
