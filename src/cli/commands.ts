import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { version } from '../app/version.ts';
import { BridgeError } from '../base/errors.ts';
import { visibleStream } from '../base/visible.ts';
import { suggestionOrStop } from './arguments.ts';
import { helpTopics, runHelp } from './help/command.ts';
import type { CommandHelp } from './help/command-help.ts';
import { fittedHelp } from './terminal/help.ts';
import type { CliIo } from './terminal/io.ts';
import { withErrorsTold } from './terminal/tell-error.ts';
import { widthOf } from './terminal/width.ts';

type Run = (args: string[], io: CliIo) => Promise<number>;

interface Command {
  readonly summary: string;
  /** Loaded when it is run: a command only loads what it needs. */
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
    summary: 'write or print the PowerShell that Exchange Online needs',
    load: async () => (await import('./exchange-script/command.ts')).runExchangeScript,
  },
  check: {
    summary: 'try every hop of every connection and account, and the bridge; say how to fix what fails',
    load: async () => (await import('./check/command.ts')).runCheck,
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
    summary: 'list, show, retry, hold, release, delete, export, repair or migrate the queue',
    load: async () => (await import('./queue/command.ts')).runQueue,
  },
  trace: {
    summary: 'follow a message: each hop, with what Microsoft said',
    load: async () => (await import('./trace.ts')).runTrace,
  },
  account: {
    summary: 'make, list, remove or replace app passwords; invite people to make their own',
    load: async () => {
      const { runAccount } = await import('./account/command.ts');
      return (args, io) => runAccount(args, io);
    },
  },
  admin: {
    summary: 'print or replace the token that administrators sign in with',
    load: async () => (await import('./admin/command.ts')).runAdmin,
  },
  'install-service': {
    summary: 'make mailbridge a service of this machine: user, folders, systemd unit, sendmail',
    load: async () => {
      const { runInstallService } = await import('./service/command.ts');
      return (args, io) => runInstallService(args, io);
    },
  },
  'uninstall-service': {
    summary: 'remove the service; configuration and queue stay',
    load: async () => {
      const { runUninstallService } = await import('./service/command.ts');
      return (args, io) => runUninstallService(args, io);
    },
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
    summary: 'submit a message as /usr/sbin/sendmail does',
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
  completion: {
    summary: 'print a completion script for bash, zsh or fish',
    load: async () => {
      const { runCompletion } = await import('./completion/command.ts');
      return (args, io) =>
        runCompletion(args, io, async () => ({ commands: await commandTable(), topics: helpTopics() }));
    },
  },
};

/** Every command with its `--help` text for output without a terminal. */
export async function commandTable(): Promise<CommandHelp[]> {
  const names = Object.keys(commands);
  const table = Object.entries(commands).map(async ([name, { summary }]) => {
    const stdout = new PassThrough();
    const usage = text(stdout);
    await runCommand([name, '--help'], { stdin: new PassThrough(), stdout, stderr: stdout, env: {} });
    stdout.end();
    return { name, summary, usage: await usage, others: names.filter((each) => each !== name) };
  });
  return await Promise.all(table);
}

/**
 * Runs one command line.
 * @param args without the program's name
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage or bad configuration
 */
export async function runCommand(args: string[], io: CliIo): Promise<number> {
  const [first, ...more] = args;
  const topic = first === 'help' ? more[0] : undefined;
  const [name, ...rest] = topic === undefined ? args : [topic, '--help'];
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const output = name === undefined ? io.stderr : io.stdout;
    output.write(fittedHelp(usage(), widthOf(output, io.env)));
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-V' || name === '-v') {
    io.stdout.write(`${version()}\n`);
    return 0;
  }
  // Addresses, subjects and replies are untrusted text, whatever command shows them.
  const shown = { stdin: io.stdin, env: io.env, stdout: visibleStream(io.stdout), stderr: visibleStream(io.stderr) };
  return await withErrorsTold(shown, rest.includes('--json'), async () => {
    const command = topic !== undefined && isTopic(topic) ? helpOn(more) : commandOf(name);
    if (!command) throw unknown(name, topic !== undefined);
    const run = await command.load();
    return await run(rest, shown);
  });
}

function unknown(name: string, mayBeTopic: boolean): BridgeError {
  const what = mayBeTopic ? 'command or topic' : 'command';
  const known = [...Object.keys(commands), ...(mayBeTopic ? helpTopics() : ['help'])];
  return new BridgeError('usage', `There is no ${what} "${name}"${suggestionOrStop(name, known)}`, {
    remedy: 'Run mailbridge --help for the commands.',
  });
}

function commandOf(name: string): Command | undefined {
  return Object.hasOwn(commands, name) ? commands[name] : undefined;
}

/** A document takes precedence over a command of its name, whose own help is printed by --help. */
function isTopic(name: string): boolean {
  return helpTopics().includes(name);
}

function helpOn(words: string[]): Command {
  return { summary: '', load: async () => async (_, io) => runHelp(words, io) };
}

function usage(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `Usage: mailbridge COMMAND [--config FILE] [--json]

${lines.join('\n')}

The configuration is the file named by --config or MAILBRIDGE_CONFIG, otherwise config.json, otherwise
/etc/mailbridge/config.json.

mailbridge help COMMAND, or COMMAND --help, describes a command; mailbridge --version prints the version.
mailbridge help TOPIC prints a document: ${helpTopics().join(', ')}.
mailbridge help configuration KEY and mailbridge help errors CODE print only the part about one of them.
`;
}
