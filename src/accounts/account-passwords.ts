import type { Clock } from '../base/clock.ts';
import { type Account, folded } from './account.ts';
import type { PasswordProof } from './password-proof.ts';
import type { PasswordSource, SourceVerdict } from './password-source.ts';
import type { PasswordVerifier } from './password-verifier.ts';
import { isPasswordHash } from './passwords.ts';

export interface AccountPasswordsOptions {
  readonly accounts: readonly Account[];
  readonly verifier: PasswordVerifier;
  /** Passwords that every account accepts besides its own. */
  readonly appPasswords?: PasswordSource;
  readonly clock: Clock;
}

/** The account or person a password is checked for. */
export interface PasswordOwner {
  readonly account: Account;
  /** Name of the account, or of the person. */
  readonly username: string;
}

/**
 * Checks passwords against all that an account accepts: app passwords, and the one in the configuration or in the
 * configured source. While a source is unavailable, no password is reported as wrong; otherwise the answer would reveal
 * whose password is there.
 */
export class AccountPasswords {
  readonly #verifier: PasswordVerifier;
  readonly #appPasswords: PasswordSource | undefined;
  readonly #sources: readonly PasswordSource[];
  readonly #leastRefusalMs: number;
  readonly #clock: Clock;

  constructor({ accounts, verifier, appPasswords, clock }: AccountPasswordsOptions) {
    this.#verifier = verifier;
    this.#appPasswords = appPasswords;
    this.#clock = clock;
    const named = accounts.flatMap(({ passwordSource }) => passwordSource ?? []);
    this.#sources = [...new Set([...named, ...(appPasswords ? [appPasswords] : [])])];
    this.#leastRefusalMs = Math.max(0, ...this.#sources.map(({ leastRefusalMs }) => leastRefusalMs));
  }

  /**
   * @param owner undefined if there is none: the check takes equally long
   * @param name of the owner, or what was given as the name, as {@link folded}
   */
  async verify(
    owner: PasswordOwner | undefined,
    name: string,
    given: string | PasswordProof,
    network: string,
  ): Promise<SourceVerdict> {
    const sinceMs = this.#clock.now();
    const verdict = await this.#ask(owner, name, given, network);
    if (verdict.verdict !== 'wrong') return verdict;
    const leftMs = this.#leastRefusalMs - (this.#clock.now() - sinceMs);
    if (leftMs > 0) await new Promise<void>((resolve) => this.#clock.after(leftMs, resolve));
    return verdict;
  }

  /** Whether a password source is unavailable now, so that no password is certain to be wrong. */
  get isUncertain(): boolean {
    return this.#sources.some(({ isUnavailable }) => isUnavailable);
  }

  async #ask(
    owner: PasswordOwner | undefined,
    name: string,
    given: string | PasswordProof,
    network: string,
  ): Promise<SourceVerdict> {
    const person = owner === undefined ? name : folded(owner.username);
    const ofApp = await this.#appPasswords?.verify(person, given, network);
    if (ofApp?.verdict === 'right' && owner) return ofApp;
    const own = await this.#own(owner?.account, person, given, network);
    if (own.verdict !== 'wrong' || !ofApp || ofApp.verdict === 'right') return own;
    // The verdict with the more specific reason goes to the log.
    return ofApp.verdict === 'unavailable' || own.why === undefined ? ofApp : own;
  }

  async #own(
    account: Account | undefined,
    person: string,
    given: string | PasswordProof,
    network: string,
  ): Promise<SourceVerdict> {
    if (account?.passwordSource) return await account.passwordSource.verify(person, given, network);
    const stored = account?.password?.reveal();
    const verdict = await this.#verifier.verify(person, stored, given, network);
    const isHashed = stored !== undefined && isPasswordHash(stored);
    return verdict === 'wrong' && isHashed && typeof given !== 'string'
      ? { verdict, why: 'password-hashed' }
      : { verdict };
  }
}
