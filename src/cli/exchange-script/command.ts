import { openHttp } from '../../app/set-up/cloud-access.ts';
import { type LooseConfig, readLooseConfig } from '../../app/set-up/loose-config.ts';
import { presentCredential } from '../../app/set-up/present-credential.ts';
import { systemClock } from '../../base/clock.ts';
import { BridgeError, errorText } from '../../base/errors.ts';
import { readClaims, type TokenClaims } from '../../onboarding/check/token-claims.ts';
import type { ScriptAccount, ScriptApp, ScriptPerson } from '../../onboarding/exchange-script/input.ts';
import { exchangeScript, needsExchangeScript } from '../../onboarding/exchange-script/script.ts';
import {
  carryingLines,
  type ScriptFileRequest,
  writeScriptFile,
} from '../../onboarding/exchange-script/script-file.ts';
import { assertRegistered } from '../../onboarding/init-config.ts';
import { resourcesOf, usesOf } from '../../onboarding/permissions.ts';
import { clientCredential } from '../../onboarding/registration/prove-registration.ts';
import { clientCredentialsGrant } from '../../tokens/grants/client-credentials.ts';
import { readArguments } from '../arguments.ts';
import { configPath } from '../config-path.ts';
import { assertHasTenant, namedConnection } from '../named-connection.ts';
import { signedInUser } from '../sign-in/signed-in-user.ts';
import { showHelp } from '../terminal/help.ts';
import type { CliIo } from '../terminal/io.ts';
import { withProgress } from '../terminal/progress.ts';
import { Screen } from '../terminal/screen.ts';

const usage = `Usage: mailbridge exchange-script [NAME] [--undo] [--object-id ID] [--user ADDRESS] [--classic] [--tenant-wide]
                                  [--offline] [--print] [--force] [--config FILE] [--json]

Makes the Exchange Online PowerShell that a connection and its accounts need: settings that Exchange has no page for.
At a terminal it writes NAME.ps1 next to the configuration, to be copied to a machine with PowerShell; into a pipe or
a file it prints the script.

  --undo           makes the script that undoes all of it, NAME-undo.ps1
  --object-id ID   object id of the enterprise application; default: as the app's own token says
  --user ADDRESS   who signs in, for a connection where a person does; default: the person who has signed in
  --classic        sending by SMTP with the permission SMTP.SendAsApp and mailbox permissions, not with a role
  --tenant-wide    the Graph permissions are granted in Entra ID for every mailbox; no role for them
  --offline        does not request a token
  --print          prints the script even at a terminal
  --force          replaces a NAME.ps1 that has other content

Example: mailbridge exchange-script contoso
`;

/** `mailbridge exchange-script` */
export async function runExchangeScript(args: string[], io: CliIo): Promise<number> {
  const { values, positionals } = readArguments('exchange-script', {
    args,
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      undo: { type: 'boolean', default: false },
      'object-id': { type: 'string' },
      user: { type: 'string' },
      classic: { type: 'boolean', default: false },
      'tenant-wide': { type: 'boolean', default: false },
      offline: { type: 'boolean', default: false },
      print: { type: 'boolean', default: false },
      force: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return showHelp(io, usage);
  const config = await readLooseConfig(configPath(values.config, io.env), io.env);
  const { name, connection } = namedConnection('exchange-script', positionals, config);
  const accounts = config.accountsOf(name);
  if (accounts.length === 0) {
    throw new BridgeError('usage', `No account uses connection "${name}", so there is nothing to set up in Exchange.`, {
      remedy: 'Add accounts to the configuration first: they name the mailboxes.',
    });
  }
  assertHasTenant(
    name,
    connection,
    'There is nothing to run. IMAP and POP3 are switched on at outlook.com: Settings > Mail > Forwarding and IMAP.',
  );
  assertRegistered(name, connection.clientId);
  const principal = isApp(connection.grant)
    ? await appOf(name, connection, config, accounts, values, io)
    : await personOf(name, connection, config, values.user, io);
  const { tenantId } = connection;
  const named = typeof tenantId === 'string' && tenantId !== 'common' && tenantId !== 'organizations';
  const organization = named ? tenantId : undefined;
  const input = { connection: name, organization, principal, accounts };
  const script = exchangeScript(input, { undo: values.undo });
  if (values.json) {
    const { kind, ...known } = principal;
    io.stdout.write(`${JSON.stringify({ connection: name, kind, ...known, undo: values.undo, script }, null, 2)}\n`);
  } else if (values.print || !io.stdout.isTTY || !needsExchangeScript(input)) io.stdout.write(script);
  else await write(config, { name, script, undo: values.undo, force: values.force }, io);
  return 0;
}

/** @throws BridgeError `file-exists`, `file-not-written` */
async function write({ folder }: LooseConfig, request: ScriptFileRequest, io: CliIo): Promise<void> {
  const file = await writeScriptFile(folder, request);
  if (file.outcome === 'other') {
    throw new BridgeError('file-exists', `${file.path} already exists with other content.`);
  }
  const verb = file.outcome === 'written' ? 'wrote' : 'nothing has changed in';
  io.stdout.write(
    `✓ ${verb} ${file.path}\n${carryingLines(file)
      .map((line) => `  ${line}\n`)
      .join('')}`,
  );
  if (!request.undo) io.stdout.write(`Then: mailbridge check ${request.name}\n`);
}

function isApp(grant: unknown): boolean {
  return grant === 'client-credentials' || grant === 'managed-identity';
}

async function personOf(
  name: string,
  connection: Readonly<Record<string, unknown>>,
  { path }: LooseConfig,
  given: string | undefined,
  io: CliIo,
): Promise<ScriptPerson> {
  const configured = typeof connection.username === 'string' ? connection.username : undefined;
  const user = given ?? configured ?? (await signedInUser(name, path, io));
  if (user !== undefined) return { kind: 'person', user };
  throw new BridgeError(
    'usage',
    `Nobody has signed in for connection "${name}", so it is unknown who the script is for.`,
    {
      remedy: `Sign in first (mailbridge login ${name}), or name the person with --user ADDRESS.`,
    },
  );
}

interface AppOptions {
  readonly 'object-id'?: string | undefined;
  readonly classic: boolean;
  readonly 'tenant-wide': boolean;
  readonly offline: boolean;
}

async function appOf(
  name: string,
  connection: Readonly<Record<string, unknown>>,
  config: LooseConfig,
  accounts: readonly ScriptAccount[],
  options: AppOptions,
  io: CliIo,
): Promise<ScriptApp> {
  const given = options['object-id'];
  if (given !== undefined && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(given)) {
    throw new BridgeError('usage', `--object-id needs a GUID, not "${given}".`);
  }
  const tokens = options.offline ? [] : await claimsOf(name, connection, config, accounts, io);
  const roles = tokens.flatMap((claims) => claims.roles);
  const clientId = typeof connection.clientId === 'string' ? connection.clientId : tokens[0]?.appid;
  // With the permission in the token, Exchange checks mailbox permissions and no role.
  const classic = options.classic || roles.includes('SMTP.SendAsApp');
  const everywhere = roles.filter((role) => role === 'Mail.Send' || role === 'Mail.ReadWrite');
  if (everywhere.length > 0 && !options['tenant-wide']) {
    new Screen(io.stderr, io.env).say(
      `! The app has ${everywhere.join(' and ')} in Entra ID, which reaches every mailbox whatever Exchange says. Remove it there once the roles work.`,
    );
  }
  return { kind: 'app', clientId, objectId: given ?? tokens[0]?.oid, classic, tenantWide: options['tenant-wide'] };
}

/** The claims of the app's own tokens; nothing, with the reason shown, if there are none. */
async function claimsOf(
  name: string,
  connection: Readonly<Record<string, unknown>>,
  config: LooseConfig,
  accounts: readonly ScriptAccount[],
  io: CliIo,
): Promise<TokenClaims[]> {
  const { tenantId, clientId } = connection;
  const credential = await presentCredential(config, connection);
  if (typeof tenantId !== 'string' || typeof clientId !== 'string' || credential === undefined) return [];
  const { authority, exchangeScope, graphScope, ...endpoints } = config.endpointsOf(name);
  const http = await openHttp(endpoints, config);
  const resources = resourcesOf(usesOf(accounts));
  const scopes = [
    ...(resources.has('exchange') ? [exchangeScope] : []),
    ...(resources.has('graph') ? [graphScope] : []),
  ];
  try {
    const grant = clientCredentialsGrant({
      name,
      tenantId,
      clientId,
      credential: clientCredential(credential),
      authority,
      http,
      clock: systemClock,
    });
    const claims: TokenClaims[] = [];
    for (const scope of scopes) {
      const token = await withProgress(io, 'Asking for a token', () => grant.acquire([scope], { forceRenew: false }));
      const read = readClaims(token.value);
      if (read) claims.push(read);
    }
    return claims;
  } catch (error) {
    const text = `! The object id is not filled in: ${error instanceof BridgeError ? error : errorText(error)}`;
    new Screen(io.stderr, io.env).say(text);
    return [];
  } finally {
    await http.close();
  }
}
