import { lstat, readFile } from 'node:fs/promises';
import { BridgeError, systemErrorCode } from '../base/errors.ts';
import { writeWholeFile } from '../onboarding/whole-file.ts';
import { type Simulator, startSimulator } from '../simulator/simulator.ts';
import { numberOption, readArguments } from './arguments.ts';
import { showHelp } from './terminal/help.ts';
import type { CliIo } from './terminal/io.ts';
import { Screen } from './terminal/screen.ts';
import { shellWord } from './terminal/shell-word.ts';

const usage = `Usage: mailbridge simulate [--port-base N] [--write FILE]

Runs a simulated Microsoft 365 on 127.0.0.1 until it is stopped: Entra ID, Graph, IMAP, POP3, SMTP and a control
endpoint, on ports N to N+5, or on free ones. Prints endpoints, ids and secrets as JSON.

  --write FILE   writes the JSON to a file, for init --cloud FILE, and prints who can sign in and what to do next

mailbridge help simulator has a first set-up with it, and lists what it can do.

Example: mailbridge simulate --write simulator.json
`;

/** `mailbridge simulate` */
export async function runSimulate(args: string[], io: CliIo): Promise<number> {
  const { values } = readArguments('simulate', {
    args,
    options: {
      'port-base': { type: 'string' },
      write: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return showHelp(io, usage);
  const portBase = values['port-base'] === undefined ? 0 : numberOption('port-base', values['port-base'], 1, 65_530);
  const ended = new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
  const simulator = await openSimulator(portBase);
  try {
    await describe(simulator, values.write, io);
    await ended;
  } finally {
    await simulator.close();
  }
  return 0;
}

/** @throws BridgeError `file-exists`, `file-not-written` */
async function describe(simulator: Simulator, file: string | undefined, io: CliIo): Promise<void> {
  const json = `${JSON.stringify(describeSimulator(simulator), null, 2)}\n`;
  if (file === undefined) {
    io.stdout.write(json);
    return;
  }
  await assertMayReplace(file);
  await writeWholeFile(file, json, 0o600);
  const screen = new Screen(io.stdout, io.env);
  screen.say(`The simulated Microsoft 365 is running. Ctrl-C stops it. ${file} has its addresses, ids and secrets.`);
  screen.blank();
  const facts = [
    ['Mailboxes', simulator.mailboxes.join(', ')],
    ['Administrator', `admin@${simulator.tenantDomain}`],
    ['Password', `${simulator.userPassword} (for everybody)`],
  ];
  for (const [name = '', fact] of facts) screen.say(`${name.padEnd(13)}  ${fact}`, { indent: 2, hanging: 17 });
  screen.blank();
  screen.say('Next, in another terminal:');
  screen.blank();
  screen.command(`mailbridge init --cloud ${shellWord(file)}`, 2);
}

const mostBytes = 1024 * 1024;

/** The output of an earlier simulator may be replaced. @throws BridgeError `file-exists` */
async function assertMayReplace(file: string): Promise<void> {
  const facts = await lstat(file).catch(() => undefined);
  if (facts === undefined) return;
  const text = facts.isFile() && facts.size < mostBytes ? await readFile(file, 'utf8').catch(() => '') : '';
  if (/^\s*\{\s*"cloud": \{/.test(text)) return;
  throw new BridgeError('file-exists', `${file} already exists with other content.`, {
    remedy: 'Name another file.',
  });
}

/** Starts the simulator. @throws BridgeError `port-in-use`, `listen-failed` */
export async function openSimulator(portBase: number): Promise<Simulator> {
  try {
    return await startSimulator({ portBase });
  } catch (cause) {
    const code = systemErrorCode(cause);
    if (code === undefined) throw cause;
    throw new BridgeError(
      code === 'EADDRINUSE' ? 'port-in-use' : 'listen-failed',
      `The simulator cannot open the ports ${portBase} to ${portBase + 5} (${code}).`,
      { cause, remedy: 'Choose others with --port-base, or leave it out to use free ones.' },
    );
  }
}

/** What a configuration needs to use the simulator, and what a test needs to control it. */
export function describeSimulator(simulator: Simulator) {
  const { authority, graph, imap, pop3, smtp, control, caFile } = simulator.endpoints;
  return {
    cloud: { authority, graph, imap, pop3, smtp, caFile },
    control,
    tenantId: simulator.tenantId,
    tenantDomain: simulator.tenantDomain,
    clientId: simulator.clientId,
    clientSecret: simulator.clientSecret,
    mailboxes: simulator.mailboxes,
    users: [...simulator.tenant.users.values()].map(({ upn, administrator }) => ({ upn, administrator })),
    userPassword: simulator.userPassword,
    managedIdentity: simulator.managedIdentity,
  };
}
