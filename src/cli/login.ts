import {
  type DelegatedConnection,
  isDelegated,
  openPersonalAccess,
  type PersonalAccess,
} from '../app/connection-tokens.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { BridgeError } from '../base/errors.ts';
import type { HttpClient } from '../base/http.ts';
import { silentLog } from '../base/log.ts';
import { resolveCloud } from '../config/clouds.ts';
import { loadConfig } from '../config/load.ts';
import type { Config, Connection } from '../config/schema.ts';
import { listenForRedirect } from '../onboarding/loopback-redirect.ts';
import { beginAuthorization } from '../tokens/authorization-code.ts';
import { requestDeviceCode, signInByDeviceCode } from '../tokens/device-code.ts';
import { delegatedScopes, missingScopes } from '../tokens/scopes.ts';
import type { TokenResource } from '../tokens/token-source.ts';
import { type SignedIn, storeSignIn } from '../tokens/user-sign-in.ts';
import { readArguments } from './arguments.ts';
import { runCheck } from './check.ts';
import { openHttp } from './cloud-access.ts';
import { configPath } from './config-path.ts';
import { DeviceCodeDisplay } from './device-code-display.ts';
import { firstLine } from './first-line.ts';
import { interruptible } from './interruptible.ts';
import type { CliIo } from './io.ts';
import { openBrowser } from './open-browser.ts';

const usage = `Usage: mailbridge login [NAME] [--browser] [--verify-only] [--no-check] [--config FILE] [--json]

Signs a person in for connection NAME, by a code that is entered on any device, and keeps the sign-in, encrypted.
Then says who signed in and what was granted, and tries every hop of the connection.

  --browser      in a browser of this machine (authorization code with PKCE); for tenants that block device codes
  --verify-only  asks for a code and keeps nothing: shows that Microsoft knows the app registration and its scopes
  --no-check     leaves out the hops
  --json         prints the outcome as JSON, without the hops

Exit code 0: signed in, and every hop works; 1: not; 2: wrong usage or configuration.
`;

/** Nobody has consented to the scopes yet. */
const consentMissing = 'AADSTS65001';

const browserPatienceMs = 15 * 60_000;

interface Sitting {
  readonly io: CliIo;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  tell(text: string): void;
}

/** `mailbridge login` */
export async function runLogin(args: string[], io: CliIo, clock: Clock = systemClock): Promise<number> {
  const { values, positionals } = readArguments('login', {
    args,
    allowPositionals: true,
    options: {
      browser: { type: 'boolean' },
      'verify-only': { type: 'boolean' },
      'no-check': { type: 'boolean' },
      config: { type: 'string', short: 'c' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    io.stdout.write(usage);
    return 0;
  }
  const path = configPath(values.config, io.env);
  const { config } = await loadConfig(path, { env: io.env });
  const [name, connection] = chosen(positionals, config);
  const output = values.json ? io.stderr : io.stdout;
  const endpoints = resolveCloud(connection.cloud);
  const http = await openHttp(endpoints, { proxy: config.proxy?.reveal() });
  try {
    return await interruptible(async (signal) => {
      const sitting = { io, clock, signal, tell: (text: string) => void output.write(`${text}\n`) };
      if (values['verify-only']) return await verify(name, connection, config, http, sitting);
      if (!isDelegated(connection) || connection.grant === 'password') throw nobodySignsIn(name, connection);
      const parts = { endpoints, http, clock, log: silentLog, env: io.env };
      const person = await openPersonalAccess(name, connection, config, parts);
      const browser = values.browser ?? connection.grant === 'authorization-code';
      const outcome = await signIn(name, connection, person, browser, sitting);
      tellOutcome(outcome, mailboxesOf(name, config), sitting);
      if (values.json) {
        io.stdout.write(`${JSON.stringify({ connection: name, ...outcome }, null, 2)}\n`);
        return outcome.missing.length > 0 ? 1 : 0;
      }
      if (values['no-check']) return outcome.missing.length > 0 ? 1 : 0;
      io.stdout.write('\n');
      return await runCheck([name, '--config', path], io, clock);
    });
  } finally {
    await http.close();
  }
}

/** @throws BridgeError `usage` */
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

function nobodySignsIn(name: string, { grant }: Connection): BridgeError {
  const why =
    grant === 'password'
      ? 'signs in by itself with the password of its configuration'
      : 'works as the application itself, so nobody signs in';
  return new BridgeError('usage', `Connection ${name} (grant "${grant}") ${why}.`, {
    remedy: `Run mailbridge check ${name} to try it, or set grant to device-code or authorization-code.`,
  });
}

interface Outcome {
  readonly username: string;
  readonly tenant: string;
  readonly granted: readonly string[];
  readonly missing: readonly string[];
  /** Why a resource granted nothing. */
  readonly refusals: readonly string[];
}

async function signIn(
  name: string,
  connection: DelegatedConnection,
  person: PersonalAccess,
  browser: boolean,
  sitting: Sitting,
): Promise<Outcome> {
  const { scopes, store, client, grant } = person;
  const [first, ...others] = (['exchange', 'graph'] as const).filter((each) => (scopes[each] ?? []).length > 0);
  if (first === undefined) {
    throw new BridgeError('config-invalid', `No account uses connection ${name}, so there is nothing to ask for.`, {
      remedy: 'Add an account with this connection, or give the connection scopes.',
    });
  }
  const wanted = scopes[first] ?? [];
  const previous = await store.read().catch(() => undefined);
  const ask = (wanted: readonly string[]) =>
    browser ? inBrowser(connection, person, wanted, sitting) : byDeviceCode(name, person, wanted, sitting);
  const signedIn = await ask(wanted);
  if (previous && previous.username.toLowerCase() !== signedIn.username.toLowerCase()) {
    sitting.tell(`This replaces the sign-in of ${previous.username}.`);
  }
  await storeSignIn(store, client, signedIn, first);
  const granted = [...signedIn.scopes];
  const missing = missingScopes(wanted, signedIn.scopes);
  const refusals: string[] = [];
  for (const resource of others) {
    let more = await grant.redeem(resource);
    if (more.refusal?.details.aadsts === consentMissing) {
      // Consent is asked for on the sign-in page alone, and for one resource at a time.
      sitting.tell(`${nameOf(resource)} wants a consent of its own: please sign in once more.`);
      const again = await ask(scopes[resource] ?? []);
      await storeSignIn(store, client, again, resource);
      more = await grant.redeem(resource);
      await grant.redeem(first);
    }
    granted.push(...more.granted);
    missing.push(...more.missing);
    if (more.refusal) refusals.push(`${nameOf(resource)}: ${more.refusal.message} ${more.refusal.remedy}`);
  }
  return { username: signedIn.username, tenant: signedIn.homeTenantId, granted, missing, refusals };
}

async function byDeviceCode(
  name: string,
  { client }: PersonalAccess,
  scopes: readonly string[],
  { io, clock, signal, tell }: Sitting,
): Promise<SignedIn> {
  for (;;) {
    const display = new DeviceCodeDisplay(io, clock, tell);
    try {
      return await signInByDeviceCode({ ...client, scopes, signal, onCode: (code) => display.show(code) });
    } catch (error) {
      if (!(error instanceof BridgeError)) throw error;
      // Whoever looks for the phone too long finds a new code.
      if (error.code !== 'device-code-expired') throw blockedByPolicy(name, error) ?? error;
      tell('That code has expired. Here is a new one.');
    } finally {
      display.end();
    }
  }
}

async function inBrowser(
  connection: DelegatedConnection,
  { client }: PersonalAccess,
  scopes: readonly string[],
  { io, signal, tell }: Sitting,
): Promise<SignedIn> {
  const configured = connection.grant === 'authorization-code' ? connection.redirectUri : undefined;
  const prompt = ('prompt' in connection ? connection.prompt : undefined) ?? 'select_account';
  const loopback = configured === undefined ? undefined : URL.parse(configured);
  const isLoopback = configured === undefined || /^(localhost|127\.0\.0\.1|\[::1\])$/.test(loopback?.hostname ?? '');
  if (!isLoopback) {
    // The browser ends up on a page elsewhere, whose address says it all.
    const request = await beginAuthorization({ ...client, scopes, redirectUri: configured, prompt });
    tell(`Open this address in a browser and sign in:\n\n  ${request.url}\n`);
    tell('Then copy the address of the page you end up on, and paste it here:');
    const address = URL.parse((await firstLine(io.stdin, signal)) ?? '');
    if (address) return await request.redeem(address);
    throw new BridgeError('sign-in-redirect-invalid', 'That is no address.');
  }
  const listener = await listenForRedirect(Number(loopback?.port ?? 0));
  try {
    const redirectUri = configured ?? listener.redirectUri;
    const request = await beginAuthorization({ ...client, scopes, redirectUri, prompt });
    tell(`Sign in with the browser of this machine:\n\n  ${request.url}\n`);
    openBrowser(request.url, io);
    return await listener.receive({
      read: (address) => request.redeem(address),
      elsewhere: 'sign-in-redirect-invalid',
      thanks: 'You are signed in.',
      signal: AbortSignal.any([signal, AbortSignal.timeout(browserPatienceMs)]),
    });
  } finally {
    await listener.close();
  }
}

/** Many tenants forbid the device code flow; the browser is the way around. */
function blockedByPolicy(name: string, error: BridgeError): BridgeError | undefined {
  if (!/^AADSTS530/.test(String(error.details.aadsts))) return undefined;
  return new BridgeError(error.code, error.message, {
    kind: error.kind,
    remedy: `The tenant blocks signing in by device code. Run mailbridge login ${name} --browser on a machine with a browser.`,
    cause: error.cause,
    details: error.details,
  });
}

function tellOutcome(outcome: Outcome, mailboxes: readonly string[], { tell }: Sitting): void {
  const { username, tenant, granted, missing, refusals } = outcome;
  tell(`\nSigned in: ${username}, tenant ${tenant}.`);
  tell(`Granted: ${granted.length > 0 ? granted.map(shortName).join(', ') : 'nothing'}.`);
  if (missing.length > 0) {
    tell(`Missing: ${missing.map(shortName).join(', ')}. Let an administrator consent: mailbridge consent.`);
  }
  for (const refusal of refusals) tell(refusal);
  const others = mailboxes.filter((mailbox) => mailbox.toLowerCase() !== username.toLowerCase());
  if (others.length > 0) {
    tell(
      `${username} is not the owner of ${others.join(', ')}. That is right for a shared mailbox to which ${username} has full access; otherwise sign in again as the owner.`,
    );
  }
}

async function verify(
  name: string,
  connection: Connection,
  config: Config,
  http: HttpClient,
  { clock, tell }: Sitting,
): Promise<number> {
  const { tenantId, clientId } = connection;
  if (tenantId === undefined || clientId === undefined || connection.grant === 'managed-identity') {
    throw new BridgeError('usage', `Connection ${name} has no app registration to verify.`);
  }
  const endpoints = resolveCloud(connection.cloud);
  const accounts = config.accounts.filter((account) => account.connection === name);
  const uses = {
    read: accounts.flatMap(({ read }) => read ?? []),
    send: accounts.flatMap(({ send }) => send ?? []),
  };
  const { exchange, graph } = delegatedScopes(uses, endpoints, isDelegated(connection) ? connection.scopes : undefined);
  const scopes = exchange ?? graph ?? [endpoints.exchangeScope];
  const client = { name, tenantId, clientId, authority: endpoints.authority, http, clock };
  const code = await requestDeviceCode({ ...client, scopes });
  tell(`✓ Microsoft knows app registration ${clientId} in tenant ${tenantId}, and gave a device code for it.`);
  tell(`  Asked for: ${scopes.join(' ')}`);
  tell(
    `  To try the sign-in page, too, open ${code.verificationUri} and enter ${code.userCode}. Nothing is kept of it.`,
  );
  return 0;
}

function mailboxesOf(name: string, config: Config): string[] {
  const own = config.accounts.filter((account) => account.connection === name);
  return [...new Set(own.map(({ mailbox }) => mailbox.toLowerCase()))];
}

function nameOf(resource: TokenResource): string {
  return resource === 'graph' ? 'Microsoft Graph' : 'Exchange Online';
}

function shortName(scope: string): string {
  return scope.slice(scope.lastIndexOf('/') + 1);
}
