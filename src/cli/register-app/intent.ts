import type { LooseConfig } from '../../app/set-up/loose-config.ts';
import { presentCredential } from '../../app/set-up/present-credential.ts';
import { BridgeError } from '../../base/errors.ts';
import { courierKinds } from '../../message/courier-kind.ts';
import { certificateDays } from '../../onboarding/client-certificate-maker.ts';
import type { ScriptAccount } from '../../onboarding/exchange-script/input.ts';
import { noClientId } from '../../onboarding/init-config.ts';
import { appName } from '../../onboarding/names.ts';
import { applicationPermissions, delegatedPermissions, type Uses, usesOf } from '../../onboarding/permissions.ts';
import type { AppCredential } from '../../onboarding/registration/credentials.ts';
import type { Registration } from '../../onboarding/registration/register-app.ts';
import type { WantedCredential } from '../../onboarding/registration/settle-credential.ts';
import type { RegisterAppOptions } from './options.ts';

type Raw = Readonly<Record<string, unknown>>;

/** What to register, from the command line and the existing configuration. */
export interface Intent {
  /** Name of the connection. */
  readonly name: string;
  readonly grant: string;
  /** As in the configuration; undefined if it names none, or any. */
  readonly tenantId: string | undefined;
  readonly registration: Registration;
  /** The credential to be replaced, if any. */
  readonly replaced: AppCredential | undefined;
  /** What the accounts do, for the Exchange script; empty if no mailbox is known. */
  readonly accounts: readonly ScriptAccount[];
}

/** @throws BridgeError `usage` */
export async function intentOf(options: RegisterAppOptions, config: LooseConfig): Promise<Intent> {
  const name = connectionName(options, config);
  const connection = Object.hasOwn(config.connections, name) ? config.connections[name] : undefined;
  if (connection?.grant === 'managed-identity' && options.mode === undefined) {
    throw new BridgeError('usage', `Connection "${name}" is a managed identity, which Azure registers itself.`, {
      remedy: 'mailbridge exchange-script prints the Exchange permissions that it needs.',
    });
  }
  const delegated = isDelegated(options, connection);
  if (delegated && options.rotate) {
    throw new BridgeError('usage', `Connection "${name}" works as a person: there is no credential to rotate.`, {
      remedy: `Sign in again instead: mailbridge login ${name}.`,
    });
  }
  const accounts = accountsOf(options, config.accountsOf(name));
  const uses = usesFrom(options, accounts);
  const credential = delegated ? undefined : await credentialOf(options, config, name, connection);
  return {
    name,
    grant: grantOf(delegated, connection),
    tenantId: tenantIdOf(connection),
    registration: {
      displayName: options.displayName ?? appName(name),
      clientId: options.clientId ?? clientIdOf(connection),
      roles: delegated ? [] : applicationPermissions(uses, options),
      scopes: delegated ? delegatedPermissions(uses, options) : [],
      publicClient: delegated,
      redirectUris: ['http://localhost'],
      credential,
    },
    replaced: credential?.rotate ? credential.present : undefined,
    accounts,
  };
}

function connectionName(options: RegisterAppOptions, config: LooseConfig): string {
  const known = Object.keys(config.connections);
  const [only = 'microsoft365', another] = known;
  if (options.name !== undefined) return options.name;
  if (another === undefined) return only;
  throw new BridgeError('usage', `Which connection? The configuration has ${known.join(', ')}.`, {
    remedy: 'Name it with --name, or a new one.',
  });
}

function isDelegated({ mode }: RegisterAppOptions, connection: Raw | undefined): boolean {
  if (mode !== undefined) return mode === 'delegated';
  return connection !== undefined && connection.grant !== 'client-credentials' && connection.grant !== undefined;
}

function grantOf(delegated: boolean, connection: Raw | undefined): string {
  if (!delegated) return 'client-credentials';
  const present = connection?.grant;
  return present === 'authorization-code' || present === 'password' ? present : 'device-code';
}

function tenantIdOf(connection: Raw | undefined): string | undefined {
  const tenantId = connection?.tenantId;
  return typeof tenantId === 'string' && tenantId !== 'common' && tenantId !== 'organizations' ? tenantId : undefined;
}

function clientIdOf(connection: Raw | undefined): string | undefined {
  const clientId = connection?.clientId;
  return typeof clientId === 'string' && clientId !== noClientId ? clientId : undefined;
}

/** The accounts of the configuration, or the mailboxes of the command line treated as accounts. */
function accountsOf(options: RegisterAppOptions, configured: readonly ScriptAccount[]): readonly ScriptAccount[] {
  const { send, read } = options;
  const count = Math.max(send.length, read.length);
  const asked = options.mailboxes.flatMap((mailbox) =>
    Array.from({ length: count }, (_, at) => ({
      mailbox,
      senders: [],
      ...(send[at] && { send: [send[at]] }),
      ...(read[at] && { read: read[at] }),
    })),
  );
  return asked.length > 0 ? asked : configured;
}

function usesFrom(options: RegisterAppOptions, accounts: readonly ScriptAccount[]): Uses {
  const { send, read } = options;
  const known = usesOf(accounts);
  const uses = send.length + read.length > 0 ? { ...known, send, read } : known;
  if (uses.send.length + uses.read.length > 0) return uses;
  throw new BridgeError('usage', 'What will the app be used for? No account of the connection says so.', {
    remedy: `Give --send ${courierKinds.join('|')}, --read imap|pop3|graph, or both.`,
  });
}

async function credentialOf(
  options: RegisterAppOptions,
  config: LooseConfig,
  name: string,
  connection: Raw | undefined,
): Promise<WantedCredential | undefined> {
  // A federated credential is trusted because of its issuer; there is nothing to create here.
  if (connection?.clientAssertionFile !== undefined && options.credential === undefined) return undefined;
  const found = connection && (await presentCredential(config, connection));
  const kind = options.credential ?? found?.kind ?? 'certificate';
  // Another kind than the existing one replaces it in the same careful way.
  const rotate = found !== undefined && (options.rotate || found.kind !== kind);
  return {
    kind,
    validDays: kind === 'secret' ? options.secretDays : certificateDays,
    displayName: appName(name),
    folder: config.dataDir,
    connection: name,
    present: found,
    rotate,
    dryRun: options.dryRun,
  };
}
