import { parseArgs } from 'node:util';
import { hashPassword } from '../accounts/passwords.ts';
import { errorText } from '../base/errors.ts';
import type { CliIo } from './terminal/io.ts';
import { promptHidden } from './terminal/prompt-hidden.ts';

const usage = `Usage: mailbridge hash-password [--json]

Asks for a password twice, or reads it from the first line of standard input, and prints its hash for "password"
in the configuration.
`;

const maxPasswordBytes = 1024;

/**
 * `mailbridge hash-password`. The password never comes from the command line: that is seen by every user of the
 * machine and kept in the shell's history.
 * @returns the exit code: 0, 1 when the password is unusable, 2 for wrong usage
 */
export async function runHashPassword(args: string[], io: CliIo): Promise<number> {
  let json: boolean;
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help) {
      io.stdout.write(usage);
      return 0;
    }
    // Not quoted: it may well be the password.
    if (positionals.length > 0) return refuse(io, argumentRefused);
    json = values.json ?? false;
  } catch (error) {
    // parseArgs quotes the argument, and that may be a password beginning with a dash.
    const isOption = /Unknown option '--[a-z-]+'/.test(errorText(error));
    return refuse(io, isOption ? `hash-password accepts no option but --json. ${argumentRefused}` : argumentRefused);
  }
  const entered = io.stdin.isTTY ? await ask(io) : await firstLine(io.stdin);
  if ('problem' in entered) {
    io.stderr.write(`${entered.problem}\n`);
    return 1;
  }
  const hash = await hashPassword(entered.password);
  io.stdout.write(json ? `${JSON.stringify({ hash })}\n` : `${hash}\n`);
  return 0;
}

const argumentRefused =
  'The password is not taken from the command line, where other users of this machine and the shell history see it: run "mailbridge hash-password" and type it, or pipe it in.';

function refuse(io: CliIo, message: string): number {
  io.stderr.write(`${message}\n`);
  return 2;
}

type Entered = { readonly password: string } | { readonly problem: string };

/** Asks until both entries are the same, or nothing more is typed. */
async function ask(io: CliIo): Promise<Entered> {
  for (;;) {
    const password = await promptHidden(io, 'Password: ', maxPasswordBytes);
    if (password === undefined) return { problem: 'Nothing was hashed.' };
    const problem = unusable(password);
    if (problem) return { problem };
    const again = await promptHidden(io, 'Again: ', maxPasswordBytes);
    if (again === undefined) return { problem: 'Nothing was hashed.' };
    if (again === password) return { password };
    io.stderr.write('The passwords do not match. Type both again, or press Ctrl-C.\n');
  }
}

async function firstLine(stdin: NodeJS.ReadableStream): Promise<Entered> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    length += bytes.length;
    if (bytes.includes(0x0a) || length > maxPasswordBytes + 2) break;
  }
  const [line = ''] = Buffer.concat(chunks).toString('utf8').split('\n');
  const password = line.replace(/\r$/, '');
  const problem = unusable(password);
  return problem ? { problem } : { password };
}

function unusable(password: string): string | undefined {
  if (password === '') return 'The password is empty. Give one on the first line of standard input, or type it.';
  if (Buffer.byteLength(password) > maxPasswordBytes) return `The password is longer than ${maxPasswordBytes} bytes.`;
  return undefined;
}
