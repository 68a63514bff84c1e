import { type Clock, systemClock } from '../base/clock.ts';
import type { BridgeError } from '../base/errors.ts';
import type { SaslCredentials } from '../sasl/server-exchange.ts';
import type { Account } from './account.ts';
import { type AccountLogin, actingAs, loginOf, refusedMailboxText } from './account-login.ts';
import { AccountPasswords } from './account-passwords.ts';
import { LoginNames, type ResolvedName } from './login-names.ts';
import { type LoginAttempt, type LoginBlock, LoginThrottle } from './login-throttle.ts';
import { NetworkTable, sourceNetwork } from './networks.ts';
import { givenPassword, type PasswordProof } from './password-proof.ts';
import type { PasswordSource } from './password-source.ts';
import { PasswordVerifier } from './password-verifier.ts';

/**
 * Why nobody is logged in: `wrong`, name or password, which is not told; `blocked`, too many failures from that
 * address or to that account; `busy`, too many logins at this moment; `unavailable`, there are passwords that cannot be
 * checked at this moment. The last three are temporary.
 */
export type LoginResult =
  | { readonly login: AccountLogin }
  | {
      /** The password is right, and the mailbox that the username asks for is not one of the account's. */
      readonly failure: 'other-mailbox';
      readonly login: AccountLogin;
      /** As it was asked for. */
      readonly mailbox: string;
    }
  | {
      readonly failure: 'wrong';
      /** For the log alone: no proof can be checked against the hash of this account's password. */
      readonly why?: 'password-hashed';
    }
  | { readonly failure: 'busy' }
  | {
      readonly failure: 'unavailable';
      /** For the log alone: why those passwords of this login cannot be checked. Absent where another's cannot. */
      readonly error?: BridgeError;
    }
  | BlockedLogin;

export interface BlockedLogin {
  readonly failure: 'blocked';
  readonly retryAfterMs: number;
  readonly scope: LoginBlock['scope'];
}

/** Why a login came to nothing, where the client is told no more than that. */
export type UntoldRefusal = Exclude<Extract<LoginResult, { failure: unknown }>, { failure: 'other-mailbox' }>;

/** What the credentials of a client came to. */
export type CredentialsResult =
  | { readonly login: AccountLogin }
  | UntoldRefusal
  /** The mechanism gives nothing that a password can be held against. */
  | { readonly failure: 'no-password' }
  /** The password is right, and the client wants another identity or mailbox than the account's; `text` tells it so. */
  | { readonly failure: 'other-mailbox'; readonly text: string };

/** What a client is told whose password cannot be checked at this moment. It is the same for names that nobody has. */
export const unavailableText = 'Passwords cannot be checked at this moment, try again later';

/** What a client whose login is blocked is told. */
export function blockedText({ scope, retryAfterMs }: BlockedLogin): string {
  const what = scope === 'address' ? 'from your address' : 'to this account';
  return `Too many failed logins ${what}, try again in ${Math.ceil(retryAfterMs / 1000)} s`;
}

export interface AccountDirectoryOptions {
  /** Handed on from one directory to the next at a reload, so that nobody pays for it; default a new one. */
  readonly verifier?: PasswordVerifier;
  /** What every account takes besides its own password. */
  readonly appPasswords?: PasswordSource;
  /** Handed on likewise, so that a reload forgives nobody. */
  readonly throttle?: LoginThrottle;
  readonly clock?: Clock;
  /** Told what each login came to. Default: nobody counts. */
  readonly onOutcome?: (outcome: LoginResultKind, protocol: LoginProtocol) => void;
  /** Told of each login, by password or network, with the username of the account. */
  readonly onLogin?: (username: string) => void;
}

/** What a client logs in by. */
export type LoginProtocol = 'smtp' | 'imap' | 'pop3';

/** What a login came to. */
export type LoginResultKind = 'right' | Extract<LoginResult, { failure: unknown }>['failure'];

/** All accounts, found by name, by password or by network address. */
export class AccountDirectory {
  readonly accounts: readonly Account[];
  readonly #names: LoginNames;
  readonly #networks = new NetworkTable<Account>();
  readonly #verifier: PasswordVerifier;
  readonly #passwords: AccountPasswords;
  readonly #throttle: LoginThrottle;
  readonly #clock: Clock;
  readonly #onOutcome: NonNullable<AccountDirectoryOptions['onOutcome']>;
  readonly #onLogin: (username: string) => void;

  /** @throws RangeError for a network that is none */
  constructor(accounts: readonly Account[], options: AccountDirectoryOptions = {}) {
    this.accounts = [...accounts];
    this.#names = new LoginNames(accounts);
    this.#verifier = options.verifier ?? new PasswordVerifier();
    this.#throttle = options.throttle ?? new LoginThrottle();
    this.#clock = options.clock ?? systemClock;
    const { appPasswords, onLogin = () => {}, onOutcome = () => {} } = options;
    this.#onLogin = onLogin;
    this.#onOutcome = onOutcome;
    const checked = { accounts, verifier: this.#verifier, clock: this.#clock };
    this.#passwords = new AccountPasswords({ ...checked, ...(appPasswords && { appPasswords }) });
    for (const account of accounts) {
      // An address is no password: it opens sending alone.
      if (account.send !== undefined) for (const network of account.networks) this.#networks.add(network, account);
    }
  }

  /** Whom a username means, and which of their mailboxes; no password has been looked at. */
  find(username: string): AccountLogin | undefined {
    return this.#names.resolve(username)?.login;
  }

  /** Who clients at this address are without saying anything; the narrowest network wins. */
  byNetwork(address: string): AccountLogin | undefined {
    const account = this.#networks.find(address);
    if (account) this.#onLogin(account.username);
    return account && loginOf(account);
  }

  /**
   * Logs in with a password. A refusal takes longer with each failure (up to 4 s), and the same time whether the name or
   * the password is wrong.
   * @param remoteAddress the client's, as the socket tells it
   */
  async authenticate(
    username: string,
    password: string | PasswordProof,
    remoteAddress: string,
    protocol: LoginProtocol = 'smtp',
  ): Promise<LoginResult> {
    const result = await this.#authenticate(username, password, remoteAddress);
    this.#onOutcome('failure' in result ? result.failure : 'right', protocol);
    return result;
  }

  async #authenticate(username: string, password: string | PasswordProof, remoteAddress: string): Promise<LoginResult> {
    const resolved = this.#names.resolve(username);
    const [account = '', ...alike] = this.#names.countedNames(username);
    const own = resolved !== undefined && this.#networks.find(remoteAddress) === resolved.login.account;
    const attempt: LoginAttempt = { address: remoteAddress, account, alike, own };
    const block = this.#throttle.blocked(attempt);
    if (block) return refusedBy(block);
    await this.#wait(this.#throttle.holdMs(attempt));
    const network = sourceNetwork(remoteAddress);
    const found = await this.#passwords.verify(resolved?.login, account, password, network);
    // Many guesses at once: those that were under way when the block fell learn nothing, not even that one was right.
    const fallen = this.#throttle.blocked(attempt);
    if (fallen) return refusedBy(fallen);
    if (found.verdict === 'busy') return { failure: 'busy' };
    if (found.verdict === 'unavailable') return { failure: 'unavailable', error: found.error };
    if (found.verdict === 'right' && resolved) {
      this.#throttle.succeeded(attempt);
      this.#onLogin(resolved.login.account.username);
      return outcomeOf(resolved);
    }
    const given = this.#verifier.digest(typeof password === 'string' ? password : password.text);
    await this.#wait(this.#throttle.failed(attempt, given));
    if (this.#passwords.isUncertain) return { failure: 'unavailable' };
    return { failure: 'wrong', ...('why' in found && found.why && { why: found.why }) };
  }

  async #wait(delayMs: number): Promise<void> {
    if (delayMs > 0) await new Promise<void>((resolve) => this.#clock.after(delayMs, resolve));
  }
}

/** Logs in with what a client gave, as the identity that it wants (RFC 4616 section 2). */
export async function authenticateWith(
  directory: Pick<AccountDirectory, 'authenticate'>,
  credentials: SaslCredentials,
  remoteAddress: string,
  protocol: LoginProtocol,
): Promise<CredentialsResult> {
  const password = givenPassword(credentials);
  if (password === undefined) return { failure: 'no-password' };
  const result = await directory.authenticate(credentials.username, password, remoteAddress, protocol);
  if ('failure' in result && result.failure !== 'other-mailbox') return result;
  const authorizationId = 'authorizationId' in credentials ? credentials.authorizationId : undefined;
  const login = 'failure' in result ? undefined : actingAs(result.login, authorizationId);
  if (login) return { login };
  const asked = 'failure' in result ? result.mailbox : (authorizationId ?? '');
  return { failure: 'other-mailbox', text: refusedMailboxText(result.login, asked) };
}

function outcomeOf({ login, refusedMailbox }: ResolvedName): LoginResult {
  return refusedMailbox === undefined ? { login } : { failure: 'other-mailbox', login, mailbox: refusedMailbox };
}

function refusedBy({ forMs, scope }: LoginBlock): LoginResult {
  return { failure: 'blocked', retryAfterMs: forMs, scope };
}
