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
 * The result of a login. Failures: `wrong`, name or password, without saying which; `blocked`, too many failures from
 * that address or to that account; `busy`, too many logins now; `unavailable`, some passwords cannot be checked now.
 * The last three are temporary.
 */
export type LoginResult =
  | { readonly login: AccountLogin }
  | {
      /** The password is right, but the mailbox in the username is not one of the account's. */
      readonly failure: 'other-mailbox';
      readonly login: AccountLogin;
      /** As requested. */
      readonly mailbox: string;
    }
  | {
      readonly failure: 'wrong';
      /** Only for the log: a proof cannot be checked against this account's password hash. */
      readonly why?: 'password-hashed';
    }
  | { readonly failure: 'busy' }
  | {
      readonly failure: 'unavailable';
      /** Only for the log: why this login's passwords cannot be checked. Absent if those of another cannot. */
      readonly error?: BridgeError;
    }
  | BlockedLogin;

export interface BlockedLogin {
  readonly failure: 'blocked';
  readonly retryAfterMs: number;
  readonly scope: LoginBlock['scope'];
}

/** A failed login whose reason the client is not told in detail. */
export type UntoldRefusal = Exclude<Extract<LoginResult, { failure: unknown }>, { failure: 'other-mailbox' }>;

/** The result of checking a client's credentials. */
export type CredentialsResult =
  | { readonly login: AccountLogin }
  | UntoldRefusal
  /** The mechanism supplies nothing to compare with a password. */
  | { readonly failure: 'no-password' }
  /**
   * The password is right, but the client wants an identity or mailbox other than the account's; `text` says so to the
   * client.
   */
  | { readonly failure: 'other-mailbox'; readonly text: string };

/** The reply to a client whose password cannot be checked now. It is the same for unknown names. */
export const unavailableText = 'Passwords cannot be checked at this moment, try again later';

/** The reply to a client whose login is blocked. */
export function blockedText({ scope, retryAfterMs }: BlockedLogin): string {
  const what = scope === 'address' ? 'from your address' : 'to this account';
  return `Too many failed logins ${what}, try again in ${Math.ceil(retryAfterMs / 1000)} s`;
}

export interface AccountDirectoryOptions {
  /** Passed from one directory to the next at a reload, so that remembered passwords survive it; default a new one. */
  readonly verifier?: PasswordVerifier;
  /** Passwords that every account accepts besides its own. */
  readonly appPasswords?: PasswordSource;
  /** Passed on likewise, so that a reload does not clear failures. */
  readonly throttle?: LoginThrottle;
  readonly clock?: Clock;
  /** Called with the result of each login. Default: not counted. */
  readonly onOutcome?: (outcome: LoginResultKind, protocol: LoginProtocol) => void;
  /** Called for each login, by password or network, with the username of the account. */
  readonly onLogin?: (username: string) => void;
}

/** The protocol of a login. */
export type LoginProtocol = 'smtp' | 'imap' | 'pop3';

/** The kind of a login's result. */
export type LoginResultKind = 'right' | Extract<LoginResult, { failure: unknown }>['failure'];

/** All accounts, found by name, password or network address. */
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

  /** @throws RangeError for an invalid network */
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
      // An address is not a password: it permits only sending.
      if (account.send !== undefined) for (const network of account.networks) this.#networks.add(network, account);
    }
  }

  /** Finds the account and mailbox that a username means; checks no password. */
  find(username: string): AccountLogin | undefined {
    return this.#names.resolve(username)?.login;
  }

  /** Finds the account that clients at this address use without logging in; the narrowest network wins. */
  byNetwork(address: string): AccountLogin | undefined {
    const account = this.#networks.find(address);
    if (account) this.#onLogin(account.username);
    return account && loginOf(account);
  }

  /**
   * Logs in with a password. A refusal takes longer with each failure (up to 4 s), and takes the same time whether the
   * name or the password is wrong.
   * @param remoteAddress the client's, as the socket reports it
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
    // With many simultaneous guesses, those in progress when the block began learn nothing, not even that one was
    // right.
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

/** Logs in with a client's credentials, as the identity it requests (RFC 4616 section 2). */
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
