import { hasOwnSignIns, isDelegated } from '../app/connections/tokens.ts';
import { becomeDataFolderOwner } from '../app/data-folder-owner.ts';
import { withSharedRecords } from '../app/instances/shared-records.ts';
import type { CommandQueue } from '../app/queue-store.ts';
import { openHttp } from '../app/set-up/cloud-access.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { BridgeError } from '../base/errors.ts';
import type { HttpClient } from '../base/http/client.ts';
import type { RecordTable } from '../base/record-table.ts';
import { resolveCloud } from '../config/clouds.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import type { Config, Connection } from '../config/schema.ts';
import { ownConnection } from '../message/own-connection.ts';
import { assertRegistered } from '../onboarding/init-config.ts';
import { readArguments } from './arguments.ts';
import { type AuditNote, audited, commandUser } from './audited.ts';
import { checkConfig, trySignIn } from './check/command.ts';
import { configPath } from './config-path.ts';
import { verifiedText, verifyRegistration } from './register-app/verify-registration.ts';
import { logIn, type SignInMade } from './sign-in/log-in.ts';
import { outcomeText } from './sign-in/login-outcome.ts';
import { settleTrial } from './sign-in/replacement.ts';
import type { SignInTerminal } from './sign-in/terminal.ts';
import { showHelp } from './terminal/help.ts';
import { interruptible } from './terminal/interruptible.ts';
import type { CliIo } from './terminal/io.ts';
import { Screen } from './terminal/screen.ts';

const usage = `Usage: mailbridge login [NAME] [--mailbox ADDRESS] [--browser] [--replace] [--verify-only] [--no-check]
                        [--config FILE] [--json]

Signs a person in for connection NAME, with a code that can be entered on any device, and stores the sign-in encrypted.
Then says who signed in and what was granted, and tries every hop of the connection. A sign-in that works is kept
until the hops of the new one work; before it changes to a different person it asks.

  --mailbox      whose sign-in it is, for a connection with "signIns": "each"
  --browser      in a browser of this machine (authorization code with PKCE); for tenants that block device codes
  --replace      lets a different person sign in without asking; also replaces a sign-in that was encrypted with a key
                 that is lost
  --verify-only  asks for a code and keeps nothing: shows that Microsoft knows the app registration
  --no-check     does not try the hops, and keeps the new sign-in whether they work or not
  --json         prints the outcome as JSON, without the hops

Exit code 0: signed in, and every hop works; 1: not; 2: wrong usage or configuration.

Example: mailbridge login contoso --browser
`;

/** `mailbridge login` */
export async function runLogin(args: string[], io: CliIo, clock: Clock = systemClock): Promise<number> {
  const values = readOptions(args);
  if (values.help) return showHelp(io, usage);
  const { browser, json, replace } = values;
  const path = configPath(values.config, io.env);
  const loaded = await loadConfig(path, { env: io.env });
  const { config } = loaded;
  const user = commandUser(io.env);
  const { dataDir } = config;
  becomeDataFolderOwner(dataDir);
  const [name, connection] = chosen(values.positionals, config);
  assertRegistered(name, connection.clientId);
  assertMailbox(name, connection, values.mailbox);
  const { mailbox } = values;
  const screen = new Screen(json ? io.stderr : io.stdout, io.env);
  const tell = (text: string) => screen.say(text);
  const check = !values['no-check'];
  const work = (note: AuditNote) =>
    withSharedRecords(config, async (shared, queue) => {
      const loggedIn = await withAccess(connection, config, async (http, signal) => {
        const terminal: SignInTerminal = { io, clock, signal, tell };
        if (values['verify-only']) {
          const verified = await verifyRegistration(name, connection, config, http, terminal);
          if (json) io.stdout.write(`${JSON.stringify({ connection: name, ...verified }, null, 2)}\n`);
          else tell(verifiedText(verified));
          return undefined;
        }
        if (!isDelegated(connection) || connection.grant === 'password') throw nobodySignsIn(name, connection);
        return await logIn({ name, mailbox, connection, config, shared, http, browser, replace, check }, terminal);
      });
      if (!loggedIn) return 0;
      note({ signedInAs: loggedIn.outcome.username });
      return await conclude(loggedIn, { name, mailbox, loaded, shared, queue, json, check, clock, tell }, io);
    });
  const details = { name, ...(mailbox !== undefined && { mailbox }) };
  if (values['verify-only']) return await work(() => {});
  return await audited({ action: 'connections.sign-in', details, user, dataDir }, io, work);
}

function readOptions(args: string[]) {
  const { values, positionals } = readArguments('login', {
    args,
    allowPositionals: true,
    options: {
      browser: { type: 'boolean', default: false },
      replace: { type: 'boolean', default: false },
      mailbox: { type: 'string' },
      'verify-only': { type: 'boolean', default: false },
      'no-check': { type: 'boolean', default: false },
      config: { type: 'string', short: 'c' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  return { ...values, positionals };
}

interface Conclusion {
  readonly name: string;
  readonly mailbox: string | undefined;
  readonly loaded: LoadedConfig;
  readonly shared: RecordTable | undefined;
  readonly queue: CommandQueue;
  readonly json: boolean;
  readonly check: boolean;
  readonly clock: Clock;
  tell(text: string): void;
}

/** Shows the result of the sign-in, and tries the hops. @returns the exit code */
async function conclude({ outcome, trial }: SignInMade, options: Conclusion, io: CliIo): Promise<number> {
  const { name, mailbox, loaded, shared, queue, json, check, clock, tell } = options;
  const tried = mailbox === undefined ? { name } : { name: ownConnection(name, mailbox), mailboxes: [mailbox] };
  const { config } = loaded;
  const code = outcome.missing.length > 0 ? 1 : 0;
  if (!json) tell(outcomeText(name, outcome));
  let works = true;
  if (trial) {
    if (!json) tell('');
    const hops = {
      withCandidate: () =>
        trySignIn(config, { ...tried, shared, queue, signIn: trial.candidate, quiet: json }, io, clock),
      withPrevious: () => trySignIn(config, { ...tried, shared, queue, signIn: trial.kept, quiet: true }, io, clock),
    };
    works = await settleTrial(name, trial, hops, tell);
  }
  if (json) io.stdout.write(`${JSON.stringify({ connection: name, ...outcome }, null, 2)}\n`);
  else if (check && !trial) {
    io.stdout.write('\n');
    works = (await checkConfig(loaded, { ...tried, shared, queue, clock }, io)) === 0;
  }
  return works ? code : 1;
}

/** Ctrl-C and SIGTERM end the work cleanly. */
async function withAccess<T>(
  connection: Connection,
  config: Config,
  work: (http: HttpClient, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const http = await openHttp(resolveCloud(connection.cloud, connection.tenantId), { proxy: config.proxy?.reveal() });
  try {
    return await interruptible((signal) => work(http, signal));
  } finally {
    await http.close();
  }
}

/** The named connection, or the only one that a person signs in to. @throws BridgeError `usage` */
function chosen(positionals: readonly string[], config: Config): [string, Connection] {
  const known = Object.keys(config.connections);
  const delegated = known.filter((each) => isDelegated(config.connections[each] as Connection));
  const candidates = delegated.length > 0 ? delegated : known;
  const [name = candidates.length === 1 ? candidates[0] : undefined, ...more] = positionals;
  const connection = name !== undefined && Object.hasOwn(config.connections, name) && config.connections[name];
  if (name !== undefined && connection && more.length === 0) return [name, connection];
  const what = name === undefined ? 'Which connection?' : `There is no connection "${[name, ...more].join(' ')}".`;
  throw new BridgeError('usage', `${what} The configuration has ${known.join(', ')}.`, {
    remedy: 'Run mailbridge login --help.',
  });
}

/**
 * @throws BridgeError `usage` if the owner of the sign-in is missing, or given although there is one sign-in for all
 */
function assertMailbox(name: string, connection: Connection, mailbox: string | undefined): void {
  const remedy = 'Run mailbridge login --help.';
  if (hasOwnSignIns(connection) && mailbox === undefined) {
    const text = `Each mailbox of connection "${name}" has its own sign-in: name one with --mailbox ADDRESS.`;
    throw new BridgeError('usage', text, { remedy });
  }
  if (hasOwnSignIns(connection) || mailbox === undefined) return;
  throw new BridgeError('usage', `Connection "${name}" has one sign-in for all mailboxes: leave --mailbox out.`, {
    remedy,
  });
}

function nobodySignsIn(name: string, { grant }: Connection): BridgeError {
  const why =
    grant === 'password'
      ? 'signs in by itself with the password of its configuration'
      : 'works as the application itself, so nobody signs in';
  return new BridgeError('usage', `Connection ${name} (grant "${grant}") ${why}.`, {
    remedy: `Run mailbridge check ${name} to try it, or set grant to device-code or authorization-code.`,
  });
}
