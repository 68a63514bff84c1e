import { folded } from '../../accounts/account.ts';
import type { AppPasswordStore, ListedAppPassword } from '../../accounts/sources/app-passwords/store.ts';
import type { AccountsPort } from '../../admin/api/accounts/routes.ts';
import type { AccountDetail, AccountQuery, ClientServer, ListedAccount } from '../../admin/api/accounts/schemas.ts';
import type { ConnectionStatus } from '../../admin/api/overview/schemas.ts';
import type { Clock } from '../../base/clock.ts';
import type { AccountConfig, Config } from '../../config/schema.ts';
import { isPattern, mailboxAt } from '../../message/address/pattern.ts';
import type { BridgeState, OpenListener } from '../bridge-state.ts';
import { bestListener, clientHosts, type NamingConfig } from '../listeners/client-hosts.ts';
import { ConfiguredLogins } from '../passwords/logins.ts';
import { accountTrouble } from './account-states.ts';
import type { LoginUses } from './login-uses.ts';

/** What account information is built from. */
export interface AccountParts {
  readonly clock: Clock;
  readonly listeners: readonly Pick<OpenListener, 'protocol' | 'host' | 'port' | 'security'>[];
  /** The names by which programs reach the listeners. */
  readonly naming: NamingConfig;
  readonly appPasswords: AppPasswordStore;
  readonly uses: LoginUses;
  state(): BridgeState;
  connections(): Promise<readonly ConnectionStatus[]>;
  /** @returns the queue id */
  sendTest(account: AccountConfig, login: string, to: string): Promise<string>;
}

/** The accounts of a running bridge. */
export class BridgeAccounts implements AccountsPort {
  readonly #parts: AccountParts;

  constructor(parts: AccountParts) {
    this.#parts = parts;
  }

  async page({ search, limit, after }: AccountQuery) {
    const wanted = search === undefined ? undefined : folded(search);
    const start = after === undefined ? undefined : folded(after);
    const found = sortedAccounts(this.#parts.state().config).filter(
      ({ key, account }) => (start === undefined || key > start) && (wanted === undefined || matches(account, wanted)),
    );
    const shown = found.slice(0, limit);
    const passwords = Map.groupBy(await this.#parts.appPasswords.list(), ({ login }) => login);
    const connections = await this.#connections();
    return {
      accounts: shown.map(({ account }) => this.#listed(account, passwordsOf(account, passwords), connections)),
      next: found.length > limit ? (shown.at(-1)?.account.username ?? null) : null,
    };
  }

  async get(name: string): Promise<AccountDetail | undefined> {
    const found = this.#find(name);
    if (!found) return undefined;
    const { account, login } = found;
    const passwords = Map.groupBy(await this.#parts.appPasswords.list(), (each) => each.login);
    const own = login === folded(account.username) ? passwordsOf(account, passwords) : (passwords.get(login) ?? []);
    const connections = await this.#connections();
    const trouble = accountTrouble(account, connections.get(account.connection));
    return {
      ...this.#listed(account, own, connections),
      ...(trouble && { text: trouble.text, ...(trouble.remedy !== undefined && { remedy: trouble.remedy }) }),
      settings: this.#settings(account, isPattern(account.username) && login.includes('*') ? '' : login),
      appPasswords: own.map((each) => ({
        id: isPattern(account.username) ? `${each.login}/${each.name}` : each.name,
        name: each.name,
        createdAt: each.madeAt,
        lastUsedAt: momentOf(each.lastUsedAt),
      })),
    };
  }

  async addAppPassword(name: string, what: string) {
    const logins = this.#logins();
    const login = logins.known(name);
    const now = new Date(this.#parts.clock.now());
    const password = await this.#parts.appPasswords.add(login, what, now, logins.accountOf(login));
    return { id: what, password };
  }

  async removeAppPassword(name: string, id: string): Promise<void> {
    const prefix = /^([^/]+@[^/]+)\/(.+)$/.exec(id);
    // In an account for many, each password belongs to one person.
    const [login, what] = isPattern(name) && prefix ? [prefix[1] as string, prefix[2] as string] : [name, id];
    await this.#parts.appPasswords.remove(this.#logins().knownOrGone(login), what);
  }

  async sendTest(name: string, to: string): Promise<string> {
    const login = this.#logins().known(name);
    const found = this.#find(login);
    if (!found) throw new Error('a login that is known has an account');
    return await this.#parts.sendTest(found.account, login, to);
  }

  #logins(): ConfiguredLogins {
    return new ConfiguredLogins(this.#parts.state().config);
  }

  async #connections() {
    return new Map((await this.#parts.connections()).map((each) => [each.name, each]));
  }

  #find(name: string): { readonly account: AccountConfig; readonly login: string } | undefined {
    const { accounts } = this.#parts.state().config;
    const login = folded(name);
    const account =
      accounts.find(({ username }) => folded(username) === login) ??
      accounts.find(({ username }) => isPattern(username) && mailboxAt(username, login) !== undefined);
    return account && { account, login };
  }

  #listed(
    account: AccountConfig,
    passwords: readonly ListedAppPassword[],
    connections: ReadonlyMap<string, ConnectionStatus>,
  ): ListedAccount & { appPasswords: number } {
    const { username, mailboxes, send, read, connection } = account;
    const uses = [this.#parts.uses.last(username), ...passwords.map(({ lastUsedAt }) => momentOf(lastUsedAt))];
    return {
      username,
      kind: isPattern(username) ? 'many' : 'one',
      mailboxes: [...mailboxes],
      send: send ? [...send] : null,
      read: read ?? null,
      connection,
      lastUse:
        uses
          .filter((each) => each !== null)
          .toSorted()
          .at(-1) ?? null,
      appPasswords: passwords.length,
      state: accountTrouble(account, connections.get(connection))?.state ?? 'ok',
    };
  }

  /** The settings for a mail program. */
  #settings({ send, read }: AccountConfig, username: string): AccountDetail['settings'] {
    const of = (protocol: OpenListener['protocol']) => {
      const server = this.#server(protocol, username);
      return server && { [protocol]: server };
    };
    return { ...(send && of('smtp')), ...(read && { ...of('imap'), ...of('pop3') }) };
  }

  #server(protocol: OpenListener['protocol'], username: string): ClientServer | undefined {
    const { listeners, naming } = this.#parts;
    const best = bestListener(listeners, protocol);
    if (!best) return undefined;
    const [host] = clientHosts(best.host, naming);
    return { host, port: best.port, security: best.security, username };
  }
}

const sorted = new WeakMap<Config, readonly { readonly key: string; readonly account: AccountConfig }[]>();

function sortedAccounts(config: Config) {
  const known = sorted.get(config);
  if (known) return known;
  const made = config.accounts
    .map((account) => ({ key: folded(account.username), account }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  sorted.set(config, made);
  return made;
}

function matches({ username, mailboxes }: AccountConfig, wanted: string): boolean {
  return [username, ...mailboxes].some((each) => folded(each).includes(wanted));
}

/** For an account for many, the passwords of all its people. */
function passwordsOf({ username }: AccountConfig, byLogin: ReadonlyMap<string, ListedAppPassword[]>) {
  if (!isPattern(username)) return byLogin.get(folded(username)) ?? [];
  return [...byLogin].flatMap(([login, own]) => (mailboxAt(username, login) === undefined ? [] : own));
}

/** The stored time has minute precision and a format of its own. */
function momentOf(text: string | undefined): string | null {
  return text === undefined ? null : new Date(text).toISOString();
}
