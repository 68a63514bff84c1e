import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { reachedMailboxes } from '../../accounts/account.ts';
import type { Clock } from '../../base/clock.ts';
import { BridgeError, systemErrorCode } from '../../base/errors.ts';
import { createHttpClient, type HttpClient } from '../../base/http/client.ts';
import type { Log } from '../../base/log.ts';
import { isPersonalTenant } from '../../base/personal-accounts.ts';
import { type RecordTable, recordKinds } from '../../base/record-table.ts';
import { systemDataDir, systemTokenKey } from '../../base/system/system-paths.ts';
import type { CloudEndpoints } from '../../config/clouds.ts';
import type { Config, Connection } from '../../config/schema.ts';
import { isPattern } from '../../message/address/pattern.ts';
import { ownConnection, splitConnection } from '../../message/own-connection.ts';
import { assertRegistered } from '../../onboarding/init-config.ts';
import { delegatedNames, usesOf } from '../../onboarding/permissions.ts';
import { readCertificatePair } from '../../onboarding/registration/credential-files.ts';
import { type DelegatedScopes, delegatedScopes, type NeededPermissions } from '../../tokens/entra/scopes.ts';
import { readClientAssertion } from '../../tokens/grants/client-assertion.ts';
import type { ClientCredential } from '../../tokens/grants/client-credential.ts';
import { clientCredentialsGrant } from '../../tokens/grants/client-credentials.ts';
import { type DelegatedGrant, delegatedGrant } from '../../tokens/grants/delegated.ts';
import type { Grant } from '../../tokens/grants/grant.ts';
import { managedIdentityGrant } from '../../tokens/grants/managed-identity.ts';
import { openSignInFile } from '../../tokens/sign-ins/file-store.ts';
import { openSignInRecord } from '../../tokens/sign-ins/record-store.ts';
import type { SignInStore } from '../../tokens/sign-ins/store.ts';
import { tokenKey } from '../../tokens/sign-ins/token-key.ts';
import type { UserClientOptions } from '../../tokens/sign-ins/user-sign-in.ts';
import { type TokenSource, tokenSourceOf } from '../../tokens/token-source.ts';
import type { Observation } from '../observing/observation.ts';

/** A connection that works on behalf of a person. */
export type DelegatedConnection = Extract<Connection, { grant: 'device-code' | 'authorization-code' | 'password' }>;

/** A person's sign-in for one connection. */
export interface PersonalAccess {
  readonly client: UserClientOptions;
  readonly store: SignInStore;
  readonly scopes: DelegatedScopes;
  readonly grant: DelegatedGrant;
}

/** How a connection gets its tokens. */
export interface ConnectionTokens {
  readonly source: TokenSource;
  /** Only if somebody signs in. */
  readonly person?: PersonalAccess;
  /** Only if each mailbox has its own sign-in. */
  readonly ofOwner?: (mailbox: string) => ConnectionTokens;
  close(): Promise<void>;
}

/** What it needs besides the configuration. */
export interface TokenParts {
  readonly endpoints: CloudEndpoints;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Contains the systemd credentials; default the environment of the process. */
  readonly env?: NodeJS.ProcessEnv;
  /** Replaces the sign-in that the connection keeps. */
  readonly signIn?: SignInStore | undefined;
  /** Set if instances share their sign-ins; undefined: they are files in the data folder. */
  readonly shared?: RecordTable | undefined;
  /** Called for each request for a token. Default: nothing is counted. */
  readonly observation?: Pick<Observation, 'tokenAsked' | 'mailboxOpened'> | undefined;
}

/**
 * The tokens of one connection, with any grant. Nothing is sent before the first one is requested.
 * @throws BridgeError `tls-material-unreadable`, `app-not-registered`, `client-certificate-invalid`,
 * `authority-invalid`, `tenant-invalid`, and see {@link openConnectionStore}
 */
export async function openConnectionTokens(name: string, config: Config, parts: TokenParts): Promise<ConnectionTokens> {
  const connection = config.connections[name] as Connection;
  const { clock, log, observation } = parts;
  const onAsked = observation?.tokenAsked.bind(observation);
  const counted = { clock, log, ...(onAsked && { onAsked }) };
  if (isDelegated(connection)) {
    const open = await personalAccess(name, connection, config, parts);
    const tokensOf = (person: PersonalAccess): ConnectionTokens => {
      const { graph = [], exchange = [] } = person.scopes;
      const source = tokenSourceOf({
        name: person.client.name,
        grant: person.grant,
        scopes: { graph, exchange },
        ...counted,
      });
      return { source, person, close: async () => {} };
    };
    if (!hasOwnSignIns(connection)) return tokensOf(open(undefined));
    return { source: noOneSource(name), ofOwner: (mailbox) => tokensOf(open(mailbox)), close: async () => {} };
  }
  const own = await openOwnGrant(name, connection, parts);
  const scopes = appScopes(connection.scopes, parts.endpoints);
  return { source: tokenSourceOf({ name, grant: own.grant, scopes, ...counted }), close: own.close };
}

export function isDelegated(connection: Connection): connection is DelegatedConnection {
  return ['device-code', 'authorization-code', 'password'].includes(connection.grant);
}

/** Whether each mailbox of a connection has its own sign-in. */
export function hasOwnSignIns(connection: Connection | undefined): boolean {
  return connection !== undefined && 'signIns' in connection && connection.signIns === 'each';
}

/** The connection that reaches a mailbox of an account; see `ownConnection`. */
export function connectionTo(
  mailbox: string,
  { connection }: { readonly connection: string },
  { connections }: Pick<Config, 'connections'>,
): string {
  return hasOwnSignIns(connections[connection]) ? ownConnection(connection, mailbox) : connection;
}

/** Nobody has signed in for the connection itself, and nobody will. */
function noOneSource(name: string): TokenSource {
  const text = `Each mailbox of connection "${name}" has its own sign-in, and the connection itself has none.`;
  return {
    getToken: () => Promise.reject(new BridgeError('sign-in-needed', text, { details: { connection: name } })),
    expiries: () => ({}),
    close() {},
  };
}

/** The grants without a user. */
async function openOwnGrant(
  name: string,
  connection: Exclude<Connection, DelegatedConnection>,
  { endpoints: { authority }, http, clock }: TokenParts,
): Promise<{ readonly grant: Grant; close(): Promise<void> }> {
  const { clientId } = connection;
  if (connection.grant === 'managed-identity') {
    // The service that issues these tokens is on the machine itself: no proxy leads there.
    const local = createHttpClient({ env: {} });
    const options = { name, http: local, clock, ...(clientId === undefined ? {} : { clientId }) };
    return { grant: managedIdentityGrant(options), close: () => local.close() };
  }
  const credential = await clientCredentialOf(name, connection);
  if (!credential) throw new Error('a client credentials connection without a credential');
  const { tenantId } = connection;
  const options = { name, tenantId, clientId: connection.clientId, credential, authority, http, clock };
  return { grant: clientCredentialsGrant(options), close: async () => {} };
}

/**
 * What signing in to a connection needs, for the bridge and for the command that signs in.
 * @throws BridgeError as {@link openConnectionTokens}
 */
export async function openPersonalAccess(
  name: string,
  connection: DelegatedConnection,
  config: Config,
  parts: TokenParts,
): Promise<PersonalAccess> {
  const { connection: configured, owner } = splitConnection(name);
  return (await personalAccess(configured, connection, config, parts))(owner);
}

/** @returns a function for the access of a person; without an owner, of the only one */
async function personalAccess(
  name: string,
  connection: DelegatedConnection,
  config: Config,
  parts: TokenParts,
): Promise<(owner: string | undefined) => PersonalAccess> {
  const credential = connection.grant === 'device-code' ? undefined : await clientCredentialOf(name, connection);
  const scopes = delegatedScopes(neededBy(name, connection, config), parts.endpoints, connection.scopes);
  const storeOf = parts.signIn ? undefined : await connectionStores(name, connection, config, parts);
  return (owner) => {
    const { endpoints, http, clock, signIn } = parts;
    const { tenantId, clientId } = connection;
    const own = owner === undefined ? name : ownConnection(name, owner);
    const client = { name: own, tenantId, clientId, authority: endpoints.authority, http, clock, credential };
    const store = signIn ?? (storeOf as (owner: string | undefined) => SignInStore)(owner);
    return { client, store, scopes, grant: personalGrant(connection, { ...client, store, scopes }) };
  };
}

function personalGrant(
  connection: DelegatedConnection,
  options: UserClientOptions & Pick<PersonalAccess, 'store' | 'scopes'>,
): DelegatedGrant {
  if (connection.grant !== 'password') return delegatedGrant({ ...options, kind: connection.grant });
  const { username, password } = connection;
  return delegatedGrant({ ...options, kind: 'password', username, password: () => password.reveal() });
}

/**
 * Where the sign-in of a connection is stored.
 * @throws BridgeError `token-key-needed`, `token-key-invalid`, `token-key-unusable`, if instances share sign-ins;
 * otherwise the store throws them when it is used
 */
export async function openConnectionStore(
  name: string,
  connection: DelegatedConnection,
  config: Config,
  parts: Omit<TokenParts, 'http'>,
): Promise<SignInStore> {
  const { connection: configured, owner } = splitConnection(name);
  return (await connectionStores(configured, connection, config, parts))(owner);
}

async function connectionStores(
  name: string,
  { tenantId, clientId, tokenFile }: DelegatedConnection,
  config: Config,
  { endpoints: { authority }, clock, log, shared, env = process.env }: Omit<TokenParts, 'http'>,
): Promise<(owner: string | undefined) => SignInStore> {
  const { dataDir } = config;
  const secret = config.tokenKey?.reveal();
  const isShared = shared !== undefined;
  const key = tokenKey({ env, dataDir, log, serviceKey: serviceKeyOf(dataDir), isShared, secret });
  const app = { authority, tenantId, clientId };
  // Reported at the start, not by the first message: the configuration lacks it.
  if (shared) await key();
  return (owner) => {
    const own = owner === undefined ? name : ownConnection(name, owner);
    const options = { connection: own, app, key, clock, log };
    if (shared) return openSignInRecord({ ...options, records: shared });
    const file = owner === undefined ? tokenFile : undefined;
    return openSignInFile({ ...options, file: file ?? join(dataDir, 'sign-ins', signInFileName(name, owner)) });
  };
}

/**
 * The owners of a connection's sign-ins, if each mailbox has its own. @throws Error of the file system, or of the store
 */
export async function signInOwners(
  name: string,
  { dataDir }: Pick<Config, 'dataDir'>,
  shared: RecordTable | undefined,
  nowMs: number,
): Promise<string[]> {
  const prefix = ownConnection(name, '');
  if (shared)
    return [...(await shared.list(recordKinds.signIn, nowMs, prefix)).keys()].map((key) => key.slice(prefix.length));
  const files = await readdir(join(dataDir, 'sign-ins')).catch(() => []);
  return files.flatMap((file) => ownerOfFile(name, file) ?? []);
}

const fileEnd = '.token';

/** Names of connections contain no tilde. */
function signInFileName(name: string, owner: string | undefined): string {
  return `${name}${owner === undefined ? '' : `~${encodeURIComponent(owner.toLowerCase())}`}${fileEnd}`;
}

function ownerOfFile(name: string, file: string): string | undefined {
  const start = `${name}~`;
  return file.startsWith(start) && file.endsWith(fileEnd)
    ? decodeURIComponent(file.slice(start.length, -fileEnd.length))
    : undefined;
}

/** Where the key is that systemd passes to the service, for a command beside it. */
function serviceKeyOf(dataDir: string): string | undefined {
  return dataDir === systemDataDir ? systemTokenKey : undefined;
}

/** What the accounts of a connection need from a person. */
function neededBy(name: string, connection: DelegatedConnection, config: Config): NeededPermissions {
  const accounts = config.accounts.filter((account) => account.connection === name);
  const mailboxes = new Set(accounts.flatMap(reachedMailboxes).map((mailbox) => mailbox.toLowerCase()));
  const owner = connection.grant === 'password' ? connection.username.toLowerCase() : undefined;
  // A single mailbox is assumed to belong to the person who signs in; several cannot all do. Personal accounts have no
  // shared mailboxes, and Entra ID refuses them the scopes for these.
  const shared =
    !isPersonalTenant(connection.tenantId) &&
    !hasOwnSignIns(connection) &&
    (mailboxes.size > 1 ||
      [...mailboxes].some(isPattern) ||
      (owner !== undefined && [...mailboxes].some((mailbox) => mailbox !== owner)));
  return delegatedNames(usesOf(accounts), { shared });
}

/** The scopes by resource: those configured, or the cloud's own. Graph and Exchange never share a token. */
function appScopes(configured: readonly string[] | undefined, { graph, graphScope, exchangeScope }: CloudEndpoints) {
  const isGraph = (scope: string) => scope.startsWith(graph) || scope.startsWith(new URL(graphScope).origin);
  const forGraph = configured?.filter(isGraph) ?? [];
  const forExchange = configured?.filter((scope) => !isGraph(scope)) ?? [];
  return {
    graph: forGraph.length > 0 ? forGraph : [graphScope],
    exchange: forExchange.length > 0 ? forExchange : [exchangeScope],
  };
}

/**
 * The credential of a connection; undefined if a person's sign-in is enough.
 * @throws BridgeError `tls-material-unreadable`, `app-not-registered`
 */
export async function clientCredentialOf(name: string, connection: Connection): Promise<ClientCredential | undefined> {
  if (connection.grant === 'managed-identity' || connection.grant === 'device-code') return undefined;
  const { clientSecret, clientCertificate, clientAssertionFile } = connection;
  if (clientSecret) return { kind: 'secret', secret: () => clientSecret.reveal() };
  if (clientAssertionFile !== undefined) {
    return { kind: 'assertion', assertion: () => readClientAssertion(name, clientAssertionFile) };
  }
  if (!clientCertificate) return undefined;
  try {
    const { cert, key } = await readCertificatePair(clientCertificate);
    return { kind: 'certificate', certPem: cert, keyPem: key };
  } catch (error) {
    if (!(error instanceof BridgeError) || systemErrorCode(error.cause) !== 'ENOENT') throw error;
    // As left by init: the certificate comes with the registration.
    assertRegistered(name, connection.clientId);
    throw new BridgeError(error.code, `The client certificate of connection ${name}: ${error.message}`, {
      cause: error.cause,
      remedy:
        connection.grant === 'client-credentials'
          ? `Run mailbridge register-app --name ${name}, which makes one, or correct clientCertificate.`
          : 'Correct clientCertificate of the connection.',
    });
  }
}
