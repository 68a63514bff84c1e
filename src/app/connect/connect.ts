import { readFile } from 'node:fs/promises';
import { folded } from '../../accounts/account.ts';
import { openAppPasswords } from '../../accounts/sources/app-passwords/open.ts';
import type { AppPasswordStore } from '../../accounts/sources/app-passwords/store.ts';
import type { MailServerSetting, MailServers } from '../../admin/connect/mail-servers.ts';
import type { ConnectedMailbox, ConnectPort, ConnectWatcher } from '../../admin/connect/port.ts';
import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { RecordTable } from '../../base/record-table.ts';
import { resolveCloud } from '../../config/clouds.ts';
import type { AdminConfig } from '../../config/schema.ts';
import { domainOf } from '../../message/address/address.ts';
import { ownConnection } from '../../message/own-connection.ts';
import { beginAuthorization } from '../../tokens/grants/authorization-code.ts';
import { signInByDeviceCode } from '../../tokens/grants/device-code.ts';
import { SignInOnTrial } from '../../tokens/sign-ins/on-trial.ts';
import { type SignInStore, signInFaultCodes } from '../../tokens/sign-ins/store.ts';
import {
  isSamePerson,
  type SignedIn,
  storeSignIn,
  type UserClientOptions,
} from '../../tokens/sign-ins/user-sign-in.ts';
import type { TokenResource } from '../../tokens/token-source.ts';
import type { BridgeState, OpenListener } from '../bridge-state.ts';
import { checkConnections } from '../connections/check.ts';
import { type DelegatedConnection, openPersonalAccess, type PersonalAccess } from '../connections/tokens.ts';
import { bestListener, clientHosts, type NamingConfig } from '../listeners/client-hosts.ts';
import { ConfiguredLogins } from '../passwords/logins.ts';
import { openHttp } from '../set-up/cloud-access.ts';
import { assertInvitable, opensThisMailboxAlone } from './connect-login.ts';
import { makeConnectPassword, removeConnectPasswords } from './connect-passwords.ts';
import { Invitations } from './invitations.ts';

type ConnectConfig = NonNullable<AdminConfig['connect']>;

/** What `/connect` works with. */
export interface ConnectParts {
  readonly connect: ConnectConfig;
  /** Where people reach the pages: an origin. */
  readonly publicUrl: string | undefined;
  /** The names by which programs reach the listeners. */
  readonly naming: NamingConfig;
  readonly listeners: readonly OpenListener[];
  readonly authorityFile: string | undefined;
  readonly records: RecordTable | undefined;
  /** The store of the queue. */
  readonly store: { readonly records: RecordTable };
  readonly clock: Clock;
  readonly log: Log;
  state(): Pick<BridgeState, 'config'>;
  /** Somebody has signed in. */
  onSignIn(): Promise<void>;
}

/** Lets people connect their own mailboxes. */
export class BridgeConnect implements ConnectPort {
  readonly domains: readonly string[];
  readonly publicUrl: string | undefined;
  readonly #parts: ConnectParts;
  readonly #invitations: Invitations;

  constructor(parts: ConnectParts) {
    this.#parts = parts;
    this.#invitations = new Invitations(parts.store.records);
    this.publicUrl = parts.publicUrl;
    this.domains = parts.connect.domains.map((domain) => domain.toLowerCase());
  }

  invitations() {
    return this.#invitations.list(this.#parts.clock.now());
  }

  async invite(address: string, days: number, madeBy: string) {
    const { connect, state, clock } = this.#parts;
    assertInvitable(state().config, connect.connection, address);
    const nowMs = clock.now();
    return await this.#invitations.make({ address, madeBy, expiresAtMs: nowMs + days * dayMs }, nowMs);
  }

  revoke(id: string) {
    return this.#invitations.revoke(id, this.#parts.clock.now());
  }

  /** Whether the mailbox of an address may be connected: its domain is listed, or it is invited. */
  async #isOpenFor(address: string, invitation: string | undefined): Promise<boolean> {
    const { connect, state, clock } = this.#parts;
    if (!opensThisMailboxAlone(state().config, connect.connection, address)) return false;
    if (this.#isListed(address)) return true;
    return invitation !== undefined && (await this.#invitations.isOpen(invitation, address, clock.now()));
  }

  #isListed(address: string): boolean {
    return this.domains.includes(domainOf(address).toLowerCase());
  }

  /** An invitation can be used once. @returns its id, if one was used @throws BridgeError `connect-not-open` */
  async #useInvitation(address: string, invitation: string | undefined): Promise<string | undefined> {
    const used =
      invitation === undefined ? undefined : await this.#invitations.use(invitation, address, this.#parts.clock.now());
    if (used !== undefined || this.#isListed(address)) return used;
    throw notOpen(`The invitation of ${address} has been used or revoked in the meantime.`);
  }

  servers(): MailServers {
    const { naming, listeners } = this.#parts;
    return Object.fromEntries(
      (['smtp', 'imap', 'pop3'] as const).flatMap((protocol) => {
        const best = bestListener(listeners, protocol);
        if (!best) return [];
        const [host] = clientHosts(best.host, naming);
        return [[protocol, { host, port: best.port, security: best.security } satisfies MailServerSetting]];
      }),
    );
  }

  async authority(): Promise<string | undefined> {
    const { authorityFile } = this.#parts;
    return authorityFile === undefined ? undefined : await readFile(authorityFile, 'utf8');
  }

  async connect(watcher: ConnectWatcher): Promise<ConnectedMailbox> {
    const { connect, state, clock, log, records: shared } = this.#parts;
    const { config } = state();
    const connection = config.connections[connect.connection] as DelegatedConnection;
    const endpoints = resolveCloud(connection.cloud, connection.tenantId);
    const http = await openHttp(endpoints, { proxy: config.proxy?.reveal() });
    const candidate = new SignInOnTrial();
    const open = (name: string, signIn?: SignInOnTrial) =>
      openPersonalAccess(name, connection, config, { endpoints, http, clock, log, shared, signIn });
    try {
      const asking = await open(connect.connection, candidate);
      const [resource] = resourcesOf(asking);
      if (resource === undefined) throw new BridgeError('connect-failed', 'No account uses the connection.');
      const scopes = asking.scopes[resource] ?? [];
      const signedIn = await signInOf(connection, { ...asking.client, scopes }, watcher);
      // What somebody has typed does not count: this is who Microsoft says it is.
      const address = await this.#allowed(signedIn, watcher.invitation);
      await storeSignIn(candidate, asking.client, signedIn, resource);
      await this.#tryMailbox(address, asking, candidate);
      // Nobody wants a password after cancelling.
      if (watcher.signal.aborted) throw new BridgeError('sign-in-cancelled', 'The sign-in was cancelled.');
      const kept = await open(ownConnection(connect.connection, address));
      const works = await candidate.read();
      const passwords = openAppPasswords(config.dataDir, shared);
      await this.#forgetOthers(address, kept.store, signedIn, passwords);
      if (works) await kept.store.replace(works);
      const invitation = await this.#useInvitation(address, watcher.invitation);
      const account = new ConfiguredLogins(state().config).accountOf(folded(address));
      const password = await makeConnectPassword(passwords, address, new Date(clock.now()), account);
      await this.#parts.onSignIn();
      return { address, password, invitation };
    } finally {
      await http.close();
    }
  }

  /** @throws BridgeError `connect-not-open` */
  async #allowed({ username }: SignedIn, invitation: string | undefined): Promise<string> {
    if (await this.#isOpenFor(username, invitation)) return username.toLowerCase();
    throw notOpen(`${username} has signed in, but may not connect a mailbox here.`);
  }

  /**
   * Tries every hop with the new sign-in. If one fails, an existing working sign-in stays. @throws BridgeError of the
   * hop
   */
  async #tryMailbox(address: string, access: PersonalAccess, signIn: SignInOnTrial): Promise<void> {
    const { connect, state, clock, log, records: shared } = this.#parts;
    for (const resource of resourcesOf(access).slice(1)) {
      const { refusal } = await access.grant.redeem(resource);
      if (refusal) throw refusal;
    }
    const own = ownConnection(connect.connection, address);
    const options = { name: own, mailboxes: [address], signIn, shared, clock, log };
    for await (const { status, cause, hop, remedy } of checkConnections(state().config, options)) {
      if (status !== 'failed') continue;
      throw new BridgeError('connect-failed', `The mailbox of ${address} cannot be used: ${cause ?? hop}`, {
        ...(remedy !== undefined && { remedy }),
      });
    }
  }

  /**
   * An address may have passed to somebody else: then its earlier passwords are removed before the new sign-in is what
   * they open.
   */
  async #forgetOthers(address: string, earlier: SignInStore, signedIn: SignedIn, passwords: AppPasswordStore) {
    const known = await earlier.read().catch((error: unknown) => {
      // What cannot be opened belongs to nobody and is moved aside.
      if (error instanceof BridgeError && unopened.has(error.code)) return undefined;
      throw error;
    });
    if (known && isSamePerson(known, signedIn)) return;
    const removed = await removeConnectPasswords(passwords, address);
    if (removed === 0) return;
    const why = 'another person than before has signed in at /connect: the passwords made there are removed';
    this.#parts.log.warn({ mailbox: address, removed }, why);
  }
}

const unopened: ReadonlySet<string> = new Set(Object.values(signInFaultCodes));

type AskedPerson = UserClientOptions & { readonly scopes: readonly string[] };

/** By a code, or by the browser that returns to `/connect/callback`. */
async function signInOf(
  connection: DelegatedConnection,
  asked: AskedPerson,
  watcher: ConnectWatcher,
): Promise<SignedIn> {
  const { signal, onCode, onLink } = watcher;
  if (connection.grant !== 'authorization-code') return await signInByDeviceCode({ ...asked, signal, onCode });
  const { redirectUri = '', prompt = 'select_account' } = connection;
  const request = await beginAuthorization({ ...asked, redirectUri, prompt });
  const limit = AbortSignal.any([signal, AbortSignal.timeout(browserPatienceMs)]);
  const redirect = await new Promise<URL>((resolve, reject) => {
    limit.addEventListener('abort', () => reject(tooLate()), { once: true });
    onLink({ url: request.url, state: request.state, take: resolve });
  });
  return await request.redeem(redirect);
}

const dayMs = 86_400_000;
const browserPatienceMs = 15 * 60_000;

function tooLate(): BridgeError {
  return new BridgeError('sign-in-cancelled', 'Nobody signed in in the browser within 15 minutes.');
}

function notOpen(text: string): BridgeError {
  return new BridgeError('connect-not-open', text);
}

function resourcesOf({ scopes }: PersonalAccess): TokenResource[] {
  return (['exchange', 'graph'] as const).filter((each) => (scopes[each] ?? []).length > 0);
}
