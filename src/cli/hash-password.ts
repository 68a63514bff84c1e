import { parseArgs } from 'node:util';
import { hashPassword } from '../accounts/passwords.ts';
import { isLoginName } from '../accounts/sources/file/lines.ts';
import { BridgeError, errorText } from '../base/errors.ts';
import { showHelp } from './terminal/help.ts';
import type { CliIo } from './terminal/io.ts';
import { promptHidden } from './terminal/prompt-hidden.ts';
import { Screen } from './terminal/screen.ts';

const usage = `Usage: mailbridge hash-password [--user NAME] [--json]

Asks for a password twice, or reads it from the first line of standard input, and prints its hash for "password"
in the configuration.

  --user NAME  prints a line for a password file ("passwordFrom") instead: NAME, a colon and the hash

Example: mailbridge hash-password --user alice@contoso.com >> passwords
`;

const maxPasswordBytes = 1024;

/**
 * `mailbridge hash-password`. The password never comes from the command line, which every user of the machine can see
 * and the shell's history keeps.
 * @throws BridgeError `usage`, `password-unusable`
 */
export async function runHashPassword(args: string[], io: CliIo): Promise<number> {
  let json: boolean;
  let user: string | undefined;
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: 'boolean' },
        user: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) return showHelp(io, usage);
    // Not quoted: it may well be the password.
    if (positionals.length > 0) throw refusal();
    json = values.json ?? false;
    user = values.user === undefined ? undefined : readName(values.user);
  } catch (error) {
    if (error instanceof BridgeError) throw error;
    // parseArgs quotes the argument, which may be a password that begins with a dash.
    const isOption = /Unknown option '--[a-z-]+'/.test(errorText(error));
    throw refusal(isOption ? 'hash-password accepts no option but --user and --json. ' : '');
  }
  const hash = await hashPassword(io.stdin.isTTY ? await ask(io) : await firstLine(io.stdin));
  const line = user === undefined ? hash : `${user}:${hash}`;
  io.stdout.write(json ? `${JSON.stringify({ ...(user !== undefined && { user }), hash })}\n` : `${line}\n`);
  return 0;
}

/** @throws BridgeError `usage` for a name that is impossible in a password file */
function readName(name: string): string {
  if (isLoginName(name) && !/[:\uFFFD]/.test(name) && !name.startsWith('#')) return name;
  throw new BridgeError(
    'usage',
    '--user needs a name without colons and control characters, and must not begin with #.',
    {
      remedy: 'Run mailbridge hash-password --help.',
    },
  );
}

function refusal(option = ''): BridgeError {
  const text =
    'The password is not taken from the command line, where other users of this machine and the shell history see it.';
  return new BridgeError('usage', `${option}${text}`, {
    remedy: 'Run mailbridge hash-password and type it, or pipe it in.',
  });
}

/** Asks until both entries are the same. @throws BridgeError `password-unusable` */
async function ask(io: CliIo): Promise<string> {
  for (;;) {
    const password = usable(await promptHidden(io, 'Password: ', maxPasswordBytes));
    const again = usable(await promptHidden(io, 'Again: ', maxPasswordBytes));
    if (again === password) return password;
    new Screen(io.stderr, io.env).say('The passwords do not match. Type both again, or press Ctrl-C.', {
      mark: 'warning',
    });
  }
}

/** @throws BridgeError `password-unusable` */
async function firstLine(stdin: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    length += bytes.length;
    if (bytes.includes(0x0a) || length > maxPasswordBytes + 2) break;
  }
  const [line = ''] = Buffer.concat(chunks).toString('utf8').split('\n');
  return usable(line.replace(/\r$/, ''));
}

function usable(password: string | undefined): string {
  if (password === undefined) throw new BridgeError('password-unusable', 'Nothing was hashed.');
  if (password === '') throw new BridgeError('password-unusable', 'The password is empty.');
  if (Buffer.byteLength(password) <= maxPasswordBytes) return password;
  throw new BridgeError('password-unusable', `The password is longer than ${maxPasswordBytes} bytes.`);
}
