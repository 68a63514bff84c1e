import { readFile } from 'node:fs/promises';
import { folded } from '../../accounts/account.ts';
import { openAppPasswords } from '../../accounts/sources/app-passwords/open.ts';
import type { MailServerSetting, MailServers } from '../../admin/connect/mail-servers.ts';
import type { ConnectedMailbox, ConnectPort } from '../../admin/connect/port.ts';
import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { RecordTable } from '../../base/record-table.ts';
import { isLoopback } from '../../base/sockets/loopback.ts';
import { resolveCloud } from '../../config/clouds.ts';
import type { AdminConfig, Config } from '../../config/schema.ts';
import { domainOf } from '../../message/address/address.ts';
import { mailboxAt } from '../../message/address/pattern.ts';
import { ownConnection } from '../../message/own-connection.ts';
import { signInByDeviceCode } from '../../tokens/grants/device-code.ts';
import { SignInOnTrial } from '../../tokens/sign-ins/on-trial.ts';
import { type SignedIn, storeSignIn } from '../../tokens/sign-ins/user-sign-in.ts';
import type { TokenResource } from '../../tokens/token-source.ts';
import type { BridgeState, OpenListener } from '../bridge-state.ts';
import { checkConnections } from '../connections/check.ts';
import { type DelegatedConnection, openPersonalAccess, type PersonalAccess } from '../connections/tokens.ts';
import { openHttp } from '../set-up/cloud-access.ts';

type ConnectConfig = NonNullable<AdminConfig['connect']>;

/** What `/connect` works with. */
export interface ConnectParts {
  readonly connect: ConnectConfig;
  /** Where people reach the pages: an origin. */
  readonly publicUrl: string | undefined;
  /** Of the bridge. */
  readonly hostname: string;
  readonly listeners: readonly OpenListener[];
  readonly authorityFile: string | undefined;
  readonly records: RecordTable | undefined;
  readonly clock: Clock;
  readonly log: Log;
  state(): Pick<BridgeState, 'config'>;
  /** Somebody has signed in. */
  onSignIn(): Promise<void>;
}

/** People connect their own mailboxes. */
export class BridgeConnect implements ConnectPort {
  readonly domains: readonly string[];
  readonly publicUrl: string | undefined;
  readonly #parts: ConnectParts;

  constructor(parts: ConnectParts) {
    this.#parts = parts;
    this.publicUrl = parts.publicUrl;
    this.domains = parts.connect.domains.map((domain) => domain.toLowerCase());
  }

  isOpenFor(address: string): boolean {
    const { connect, state } = this.#parts;
    const isListed = this.domains.includes(domainOf(address).toLowerCase());
    return isListed && accountOf(state().config, connect.connection, address) !== undefined;
  }

  servers(): MailServers {
    const { connect, publicUrl, hostname, listeners } = this.#parts;
    const host = connect.host ?? (publicUrl === undefined ? hostname : new URL(publicUrl).hostname);
    return Object.fromEntries(
      (['smtp', 'imap', 'pop3'] as const).flatMap((protocol) => {
        const best = bestOf(listeners.filter((each) => each.protocol === protocol));
        return best ? [[protocol, { host, port: best.port, security: best.security } satisfies MailServerSetting]] : [];
      }),
    );
  }

  async authority(): Promise<string | undefined> {
    const { authorityFile } = this.#parts;
    return authorityFile === undefined ? undefined : await readFile(authorityFile, 'utf8');
  }

  async connect({ onCode, signal }: Parameters<ConnectPort['connect']>[0]): Promise<ConnectedMailbox> {
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
      const signedIn = await signInByDeviceCode({ ...asking.client, scopes, signal, onCode });
      // What somebody has typed counts for nothing: this is who Microsoft says it is.
      const address = this.#allowed(signedIn);
      await storeSignIn(candidate, asking.client, signedIn, resource);
      await this.#tryMailbox(address, asking, candidate);
      const kept = await open(ownConnection(connect.connection, address));
      const works = await candidate.read();
      if (works) await kept.store.replace(works);
      const password = await this.#makePassword(config, address);
      await this.#parts.onSignIn();
      return { address, password };
    } finally {
      await http.close();
    }
  }

  /** @throws BridgeError `connect-not-open` */
  #allowed({ username }: SignedIn): string {
    if (this.isOpenFor(username)) return username.toLowerCase();
    throw new BridgeError('connect-not-open', `${username} has signed in, and may not connect a mailbox here.`);
  }

  /** Every hop, by the new sign-in. One that works already stays as it is where one fails. @throws BridgeError of the hop */
  async #tryMailbox(address: string, access: PersonalAccess, signIn: SignInOnTrial): Promise<void> {
    const { connect, state, clock, log, records: shared } = this.#parts;
    for (const resource of resourcesOf(access).slice(1)) {
      const { refusal } = await access.grant.redeem(resource);
      if (refusal) throw refusal;
    }
    const own = ownConnection(connect.connection, address);
    const { config } = state();
    // Of this account alone: the sign-in of one is of no use for the mailboxes of others.
    const name = accountOf(config, connect.connection, address)?.username;
    const options = { name, mailboxes: [address], signIn, shared, clock, log };
    for await (const { connection, status, cause, hop, remedy } of checkConnections(config, options)) {
      if (connection !== own || status !== 'failed') continue;
      throw new BridgeError('connect-failed', `The mailbox of ${address} cannot be used: ${cause ?? hop}`, {
        ...(remedy !== undefined && { remedy }),
      });
    }
  }

  async #makePassword({ dataDir }: Config, address: string): Promise<string> {
    const { records, clock } = this.#parts;
    const store = openAppPasswords(dataDir, records);
    const now = new Date(clock.now());
    const login = folded(address);
    const name = `connect ${now.toISOString().slice(0, 19)}`;
    const own = (await store.list()).filter((each) => each.login === login && each.name.startsWith('connect '));
    // Whoever connects again and again keeps the last ones.
    for (const old of own.toSorted((a, b) => b.madeAt.localeCompare(a.madeAt)).slice(mostPasswords - 1)) {
      await store.remove(login, old.name);
    }
    return await store.add(login, name, now);
  }
}

/** The account for many that an address is one of. */
function accountOf({ accounts }: Config, connection: string, address: string) {
  return accounts.find((each) => each.connection === connection && mailboxAt(each.username, address) !== undefined);
}

/** Of one person, made at `/connect`. */
const mostPasswords = 10;

function resourcesOf({ scopes }: PersonalAccess): TokenResource[] {
  return (['exchange', 'graph'] as const).filter((each) => (scopes[each] ?? []).length > 0);
}

const bySecurity = { tls: 2, starttls: 1, none: 0 } as const;

/** The one that others reach, with TLS from the first byte where there is one. */
function bestOf(listeners: readonly OpenListener[]): OpenListener | undefined {
  const rank = ({ host, security }: OpenListener) => (isLoopback(host) ? 0 : 10) + bySecurity[security];
  return listeners.toSorted((a, b) => rank(b) - rank(a))[0];
}
