import { BridgeError, systemErrorCode } from '../base/errors.ts';
import { type Simulator, startSimulator } from '../simulator/simulator.ts';
import { numberOption, readArguments } from './arguments.ts';
import { showHelp } from './terminal/help.ts';
import type { CliIo } from './terminal/io.ts';

const usage = `Usage: mailbridge simulate [--port-base N]

Runs a simulated Microsoft 365 on 127.0.0.1 until it is stopped: Entra ID, Graph, IMAP, POP3, SMTP and a control
endpoint, on ports N to N+5, or on free ones. Prints endpoints, ids and secrets as JSON. docs/simulator.md tells more.
`;

/** `mailbridge simulate` */
export async function runSimulate(args: string[], io: CliIo): Promise<number> {
  const { values } = readArguments('simulate', {
    args,
    options: { 'port-base': { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return showHelp(io, usage);
  const portBase = values['port-base'] === undefined ? 0 : numberOption('port-base', values['port-base'], 1, 65_530);
  const ended = new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
  const simulator = await openSimulator(portBase);
  io.stdout.write(`${JSON.stringify(describeSimulator(simulator), null, 2)}\n`);
  await ended;
  await simulator.close();
  return 0;
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
      { cause, remedy: 'Choose others with --port-base, or leave it out for free ones.' },
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
