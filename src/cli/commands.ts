import { readFileSync } from 'node:fs';
import { BridgeError } from '../base/errors.ts';
import { visibleStream } from '../base/visible.ts';
import { suggestionOrStop } from './arguments.ts';
import type { CliIo } from './terminal/io.ts';

type Run = (args: string[], io: CliIo) => Promise<number>;

interface Command {
  readonly summary: string;
  /** Loaded when it is run: a command brings along only what it needs. */
  load(): Promise<Run>;
}

const commands: Readonly<Record<string, Command>> = {
  start: {
    summary: 'run the bridge',
    load: async () => (await import('./start.ts')).runStart,
  },
  init: {
    summary: 'ask a few questions and write a configuration',
    load: async () => {
      const { runInit } = await import('./init.ts');
      return (args, io) => runInit(args, io, runCommand);
    },
  },
  'register-app': {
    summary: 'register the app at Microsoft: permissions, consent, certificate',
    load: async () => (await import('./register-app/command.ts')).runRegisterApp,
  },
  consent: {
    summary: "print the link for an administrator's consent, and wait for it",
    load: async () => (await import('./consent.ts')).runConsent,
  },
  login: {
    summary: 'sign a person in, by a code or in the browser',
    load: async () => (await import('./login.ts')).runLogin,
  },
  'exchange-script': {
    summary: 'print the PowerShell that Exchange Online needs',
    load: async () => (await import('./exchange-script.ts')).runExchangeScript,
  },
  check: {
    summary: 'try every hop of every connection and account, and say how to fix it',
    load: async () => (await import('./check.ts')).runCheck,
  },
  demo: {
    summary: 'run the bridge on a simulated Microsoft 365, and show a message on its way',
    load: async () => (await import('./demo/command.ts')).runDemo,
  },
  simulate: {
    summary: 'run only the simulated Microsoft 365',
    load: async () => (await import('./simulate.ts')).runSimulate,
  },
  queue: {
    summary: 'list, show, retry, hold, release, delete or export queued messages',
    load: async () => (await import('./queue/command.ts')).runQueue,
  },
  backup: {
    summary: 'write configuration, keys, sign-ins and queue to one encrypted file',
    load: async () => {
      const { runBackup } = await import('./backup/backup.ts');
      return (args, io) => runBackup(args, io, version());
    },
  },
  restore: {
    summary: 'put back what backup wrote',
    load: async () => (await import('./backup/restore.ts')).runRestore,
  },
  sendmail: {
    summary: 'hand in a message as /usr/sbin/sendmail does',
    load: async () => (await import('./sendmail/command.ts')).runSendmail,
  },
  config: {
    summary: 'check the configuration, print its schema or its reference',
    load: async () => (await import('./config.ts')).runConfig,
  },
  'hash-password': {
    summary: 'turn a password into a hash for the configuration',
    load: async () => (await import('./hash-password.ts')).runHashPassword,
  },
};

/**
 * Runs one command line.
 * @param args without the program's name
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage or bad configuration
 */
export async function runCommand(args: string[], io: CliIo): Promise<number> {
  const [first, ...more] = args;
  const [name, ...rest] = first === 'help' && more[0] !== undefined ? [more[0], '--help'] : args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    (name === undefined ? io.stderr : io.stdout).write(usage());
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-V' || name === '-v') {
    io.stdout.write(`${version()}\n`);
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    const hint = suggestionOrStop(name, Object.keys(commands));
    visibleStream(io.stderr).write(
      `mailbridge: there is no command "${name}"${hint} Run mailbridge --help for the commands.\n`,
    );
    return 2;
  }
  // Addresses, subjects and replies are other people's text, whatever command shows them.
  const shown = { stdin: io.stdin, env: io.env, stdout: visibleStream(io.stdout), stderr: visibleStream(io.stderr) };
  try {
    const run = await command.load();
    return await run(rest, shown);
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    shown.stderr.write(`mailbridge: ${error}\n`);
    return error.kind === 'usage' ? 2 : 1;
  }
}

function usage(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `Usage: mailbridge COMMAND [--config FILE] [--json]

${lines.join('\n')}

The configuration is the file of --config, else of MAILBRIDGE_CONFIG, else config.json.
mailbridge help COMMAND, or COMMAND --help, tells more; mailbridge --version is the version.
`;
}

function version(): string {
  const manifest = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}
