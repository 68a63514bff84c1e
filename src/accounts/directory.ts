import { type Clock, systemClock } from '../base/clock.ts';
import { type Account, folded } from './account.ts';
import { type LoginAttempt, type LoginBlock, LoginThrottle } from './login-throttle.ts';
import { NetworkTable, sourceNetwork } from './networks.ts';
import type { PasswordProof } from './password-proof.ts';
import { PasswordVerifier } from './password-verifier.ts';
import { isPasswordHash } from './passwords.ts';

/**
 * Why nobody is logged in: `wrong`, name or password, which is not told; `blocked`, too many failures from that
 * address or to that account; `busy`, too many logins at this moment. The last two are temporary.
 */
export type LoginResult =
  | { readonly account: Account }
  | {
      readonly failure: 'wrong';
      /** For the log alone: no proof can be checked against the hash of this account's password. */
      readonly why?: 'password-hashed';
    }
  | { readonly failure: 'busy' }
  | BlockedLogin;

export interface BlockedLogin {
  readonly failure: 'blocked';
  readonly retryAfterMs: number;
  readonly scope: LoginBlock['scope'];
}

/** What a client whose login is blocked is told. */
export function blockedText({ scope, retryAfterMs }: BlockedLogin): string {
  const what = scope === 'address' ? 'from your address' : 'to this account';
  return `Too many failed logins ${what}, try again in ${Math.ceil(retryAfterMs / 1000)} s`;
}

export interface AccountDirectoryOptions {
  /** Handed on from one directory to the next at a reload, so that nobody pays for it; default a new one. */
  readonly verifier?: PasswordVerifier;
  /** Handed on likewise, so that a reload forgives nobody. */
  readonly throttle?: LoginThrottle;
  readonly clock?: Clock;
}

/** All accounts, found by name, by password or by network address. */
export class AccountDirectory {
  readonly accounts: readonly Account[];
  readonly #byUsername = new Map<string, Account>();
  /** Undefined for a mailbox that several accounts have: its address is nobody's name. */
  readonly #byMailbox = new Map<string, Account | undefined>();
  readonly #networks = new NetworkTable<Account>();
  readonly #verifier: PasswordVerifier;
  readonly #throttle: LoginThrottle;
  readonly #clock: Clock;

  /** @throws RangeError for a network that is none */
  constructor(accounts: readonly Account[], options: AccountDirectoryOptions = {}) {
    this.accounts = [...accounts];
    this.#verifier = options.verifier ?? new PasswordVerifier();
    this.#throttle = options.throttle ?? new LoginThrottle();
    this.#clock = options.clock ?? systemClock;
    for (const account of accounts) {
      this.#byUsername.set(folded(account.username), account);
      const mailbox = folded(account.mailbox);
      this.#byMailbox.set(mailbox, this.#byMailbox.has(mailbox) ? undefined : account);
      // An address is no password: it opens sending alone.
      if (account.send !== undefined) for (const network of account.networks) this.#networks.add(network, account);
    }
  }

  /** By username without regard to case, or by the mailbox's address where only one account has it. */
  find(username: string): Account | undefined {
    const name = folded(username);
    return this.#byUsername.get(name) ?? this.#byMailbox.get(name);
  }

  /** The account that clients at this address are without saying anything; the narrowest network wins. */
  byNetwork(address: string): Account | undefined {
    return this.#networks.find(address);
  }

  /**
   * Logs in with a password. A refusal takes longer with each failure (up to 4 s), and the same time whether the name or
   * the password is wrong.
   * @param remoteAddress the client's, as the socket tells it
   */
  async authenticate(username: string, password: string | PasswordProof, remoteAddress: string): Promise<LoginResult> {
    const account = this.find(username);
    const stored = account?.password?.reveal();
    const name = folded(account?.username ?? username);
    const own = account !== undefined && this.byNetwork(remoteAddress) === account;
    const attempt: LoginAttempt = { address: remoteAddress, account: name, own };
    const block = this.#throttle.blocked(attempt);
    if (block) return refusedBy(block);
    await this.#wait(this.#throttle.holdMs(attempt));
    const verdict = await this.#verifier.verify(name, stored, password, sourceNetwork(remoteAddress));
    // Many guesses at once: those that were under way when the block fell learn nothing, not even that one was right.
    const fallen = this.#throttle.blocked(attempt);
    if (fallen) return refusedBy(fallen);
    if (verdict === 'busy') return { failure: 'busy' };
    if (verdict === 'right' && account) {
      this.#throttle.succeeded(attempt);
      return { account };
    }
    const isProof = typeof password !== 'string';
    const given = this.#verifier.digest(isProof ? password.text : password);
    await this.#wait(this.#throttle.failed(attempt, given));
    const hashed = isProof && stored !== undefined && isPasswordHash(stored);
    return { failure: 'wrong', ...(hashed && { why: 'password-hashed' }) };
  }

  async #wait(delayMs: number): Promise<void> {
    if (delayMs > 0) await new Promise<void>((resolve) => this.#clock.after(delayMs, resolve));
  }
}

function refusedBy({ forMs, scope }: LoginBlock): LoginResult {
  return { failure: 'blocked', retryAfterMs: forMs, scope };
}
