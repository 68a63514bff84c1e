import {
  type DelegatedConnection,
  isDelegated,
  openPersonalAccess,
  type PersonalAccess,
} from '../app/connections/tokens.ts';
import { becomeDataFolderOwner } from '../app/data-folder-owner.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { BridgeError } from '../base/errors.ts';
import type { HttpClient } from '../base/http/client.ts';
import { silentLog } from '../base/log.ts';
import { resolveCloud } from '../config/clouds.ts';
import { loadConfig } from '../config/load.ts';
import type { Config, Connection } from '../config/schema.ts';
import { assertRegistered } from '../onboarding/init-config.ts';
import { missingScopes } from '../tokens/entra/scopes.ts';
import type { SignIn } from '../tokens/sign-ins/store.ts';
import { type SignedIn, storeSignIn } from '../tokens/sign-ins/user-sign-in.ts';
import { readArguments } from './arguments.ts';
import { checkConfig } from './check.ts';
import { openHttp } from './cloud-access.ts';
import { configPath } from './config-path.ts';
import { verifiedText, verifyRegistration } from './register-app/verify-registration.ts';
import { signInWithCode } from './sign-in/by-device-code.ts';
import { signInInBrowser } from './sign-in/in-browser.ts';
import { type LoginOutcome, outcomeText, sharedScopes } from './sign-in/login-outcome.ts';
import { pointedToBrowser, type SignInTerminal } from './sign-in/terminal.ts';
import { interruptible } from './terminal/interruptible.ts';
import type { CliIo } from './terminal/io.ts';

const usage = `Usage: mailbridge login [NAME] [--browser] [--verify-only] [--no-check] [--config FILE] [--json]

Signs a person in for connection NAME, by a code that is entered on any device, and keeps the sign-in, encrypted.
Then says who signed in and what was granted, and tries every hop of the connection.

  --browser      in a browser of this machine (authorization code with PKCE); for tenants that block device codes
  --verify-only  asks for a code and keeps nothing: shows that Microsoft knows the app registration
  --no-check     leaves out the hops
  --json         prints the outcome as JSON, without the hops

Exit code 0: signed in, and every hop works; 1: not; 2: wrong usage or configuration.
`;

/** `mailbridge login` */
export async function runLogin(args: string[], io: CliIo, clock: Clock = systemClock): Promise<number> {
  const { values, positionals } = readArguments('login', {
    args,
    allowPositionals: true,
    options: {
      browser: { type: 'boolean', default: false },
      'verify-only': { type: 'boolean', default: false },
      'no-check': { type: 'boolean', default: false },
      config: { type: 'string', short: 'c' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    io.stdout.write(usage);
    return 0;
  }
  const { browser, json } = values;
  const path = configPath(values.config, io.env);
  const loaded = await loadConfig(path, { env: io.env });
  const { config } = loaded;
  becomeDataFolderOwner(config.dataDir);
  const [name, connection] = chosen(positionals, config);
  assertRegistered(name, connection.clientId);
  const progress = json ? io.stderr : io.stdout;
  const finished = await withAccess(connection, config, async (http, signal) => {
    const terminal: SignInTerminal = { io, clock, signal, tell: (text) => progress.write(`${text}\n`) };
    if (values['verify-only']) {
      const verified = await verifyRegistration(name, connection, config, http, terminal);
      io.stdout.write(
        json ? `${JSON.stringify({ connection: name, ...verified }, null, 2)}\n` : `${verifiedText(verified)}\n`,
      );
      return { code: 0, check: false };
    }
    const outcome = await logIn({ name, connection, config, http, browser }, terminal);
    if (json) io.stdout.write(`${JSON.stringify({ connection: name, ...outcome }, null, 2)}\n`);
    else terminal.tell(outcomeText(name, outcome));
    return { code: outcome.missing.length > 0 ? 1 : 0, check: !json && !values['no-check'] };
  });
  if (!finished.check) return finished.code;
  io.stdout.write('\n');
  return Math.max(finished.code, await checkConfig(loaded, { name, json, wait: false, sendTestTo: [] }, io, clock));
}

/** Ctrl-C and SIGTERM end the work in good order. */
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

/** The connection named, or the only one that a person signs in to. @throws BridgeError `usage` */
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

interface Login {
  readonly name: string;
  readonly connection: Connection;
  readonly config: Config;
  readonly http: HttpClient;
  readonly browser: boolean;
}

async function logIn(login: Login, terminal: SignInTerminal): Promise<LoginOutcome> {
  const { name, connection, config, http } = login;
  if (!isDelegated(connection) || connection.grant === 'password') throw nobodySignsIn(name, connection);
  const endpoints = resolveCloud(connection.cloud, connection.tenantId);
  const { io, clock } = terminal;
  const parts = { endpoints, http, clock, log: silentLog, env: io.env };
  const person = await openPersonalAccess(name, connection, config, parts);
  const { scopes, store, client } = person;
  const [first, ...others] = (['exchange', 'graph'] as const).filter((each) => (scopes[each] ?? []).length > 0);
  if (first === undefined) {
    throw new BridgeError('usage', `No account uses connection ${name}, so there is nothing to ask for.`, {
      remedy: 'Add an account with this connection, or give the connection scopes.',
    });
  }
  const wanted = scopes[first] ?? [];
  const previous = await previousSignIn(person, terminal);
  const signedIn = await signIn(login, connection, person, wanted, terminal);
  if (previous && previous.username.toLowerCase() !== signedIn.username.toLowerCase()) {
    terminal.tell(`\nThis replaces the sign-in of ${previous.username}.`);
  }
  await storeSignIn(store, client, signedIn, first);
  const granted = [...signedIn.scopes];
  const missing = missingScopes(wanted, granted);
  const refusals: string[] = [];
  for (const resource of others) {
    let more = await person.grant.redeem(resource);
    if (more.refusal?.details.aadsts === consentMissing) {
      // Consent is asked for on the sign-in page alone, and there for one service at a time.
      terminal.tell('\nWhat sending needs has not been consented to yet: please sign in once more.');
      const again = await signIn(login, connection, person, scopes[resource] ?? [], terminal);
      await storeSignIn(store, client, again, resource);
      more = await person.grant.redeem(resource);
      await person.grant.redeem(first);
    }
    granted.push(...more.granted);
    missing.push(...more.missing);
    if (more.refusal) refusals.push(`${more.refusal.message} ${more.refusal.remedy}`);
  }
  const { username, homeTenantId } = signedIn;
  const otherMailboxes = mailboxesOf(name, config).filter((mailbox) => mailbox !== username.toLowerCase());
  if (otherMailboxes.length > 0) missing.push(...missingScopes(sharedScopes(scopes), granted));
  return { username, tenantId: homeTenantId, granted, missing, refusals, otherMailboxes };
}

/** Nobody has consented to the scopes yet. */
const consentMissing = 'AADSTS65001';

function signIn(
  { name, browser }: Login,
  connection: Exclude<DelegatedConnection, { grant: 'password' }>,
  { client }: PersonalAccess,
  scopes: readonly string[],
  terminal: SignInTerminal,
): Promise<SignedIn> {
  const request = { ...client, scopes, invitation: 'Sign in' };
  if (browser || connection.grant === 'authorization-code') {
    const redirectUri = connection.grant === 'authorization-code' ? connection.redirectUri : undefined;
    return signInInBrowser({ ...request, redirectUri, prompt: connection.prompt ?? 'select_account' }, terminal);
  }
  return signInWithCode(request, terminal).catch((error: unknown) => {
    throw pointedToBrowser(error, `mailbridge login ${name} --browser`);
  });
}

/** What is in the place of a sign-in and can never be one for this connection again. */
const replaceable: ReadonlySet<string> = new Set([
  'sign-in-file-foreign',
  'sign-in-file-newer',
  'sign-in-file-damaged',
  'sign-in-file-other-app',
]);

/**
 * The sign-in there is. It is looked for before anybody is asked to sign in: a folder that cannot be written, or the
 * wrong key, shows now. With another key than the bridge has, a new sign-in would be of no use to it.
 * @throws BridgeError see `SignInStore`
 */
async function previousSignIn({ store }: PersonalAccess, { tell }: SignInTerminal): Promise<SignIn | undefined> {
  try {
    return await store.update(async (current) => ({ result: current }));
  } catch (error) {
    if (!(error instanceof BridgeError) || !replaceable.has(error.code)) throw error;
    tell(`${error.message} It is moved aside once somebody has signed in.\n`);
    return undefined;
  }
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

function mailboxesOf(name: string, config: Config): string[] {
  const own = config.accounts.filter((account) => account.connection === name);
  return [...new Set(own.map(({ mailbox }) => mailbox.toLowerCase()))];
}
