import { availableParallelism } from 'node:os';
import { type Clock, systemClock } from '../base/clock.ts';
import { KeyedDigest } from './keyed-digest.ts';
import type { PasswordProof } from './password-proof.ts';
import { isPasswordHash, parsePasswordHash, verifyPassword } from './passwords.ts';
import { type AskedPassword, VerdictMemory } from './verdict-memory.ts';
import { VerificationPermits } from './verification-permits.ts';

/** `busy`: too many verifications are in progress; try again later. */
export type PasswordVerdict = 'right' | 'wrong' | 'busy';

export interface PasswordVerifierOptions {
  readonly clock?: Clock;
  /** How long a verified password is remembered after its last use, in milliseconds; default one hour. */
  readonly rememberMs?: number;
  /** Maximum number remembered; default 10,000. */
  readonly maxRemembered?: number;
  /** Hashes computed at the same time; default 2, or 1 with fewer than four processors. */
  readonly maxConcurrent?: number;
  /** Verifications that can wait for a permit, in total; default 128. */
  readonly maxWaiting?: number;
  /** Likewise, from one network; default 32. */
  readonly maxWaitingPerNetwork?: number;
  /** Likewise, of one account from one network; default 4. */
  readonly maxWaitingPerAccount?: number;
}

/** A derivation keeps a processor busy and takes 32 MB: two, if that leaves two processors for everything else. */
const maxDerivations = availableParallelism() >= 4 ? 2 : 1;

/** How long a wrong password is remembered where it was tried, from the last time it was. */
const rememberWrongMs = 5 * 60 * 1000;

/** A hash that matches no password: 32 zero bytes. Checking it costs as much as a real one. */
const nobodysHash = `$scrypt$ln=15,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/**
 * Verifies passwords without a key derivation at each login of a chatty device: right ones are remembered for a while,
 * as a keyed digest whose key never leaves this process. Every refusal costs one derivation, whether the user is
 * unknown, the stored password is plain, or the hash does not match, so timing reveals nothing. Only the same wrong
 * password again from the same network costs none for a while, because a device with an old password retries it
 * forever.
 */
export class PasswordVerifier {
  readonly #digest = new KeyedDigest();
  readonly #memory: VerdictMemory;
  readonly #underWay = new Map<string, Promise<PasswordVerdict>>();
  readonly #permits: VerificationPermits;

  constructor(options: PasswordVerifierOptions = {}) {
    this.#memory = new VerdictMemory({
      clock: options.clock ?? systemClock,
      rightMs: options.rememberMs ?? 60 * 60 * 1000,
      wrongMs: rememberWrongMs,
      // While in use: a device that logs in all the time never has to wait for a permit.
      renews: true,
      max: options.maxRemembered ?? 10_000,
    });
    this.#permits = new VerificationPermits({
      maxConcurrent: options.maxConcurrent ?? maxDerivations,
      maxWaiting: options.maxWaiting ?? 128,
      maxWaitingPerNetwork: options.maxWaitingPerNetwork ?? 32,
      maxWaitingPerAccount: options.maxWaitingPerAccount ?? 4,
    });
  }

  /**
   * @param account identifies the account; a password verified for one is not known for another
   * @param stored a PHC string or the password itself; undefined if there is no such account
   * @param network the client's, as returned by {@link sourceNetwork}
   */
  verify(
    account: string,
    stored: string | undefined,
    given: string | PasswordProof,
    network = '',
  ): Promise<PasswordVerdict> {
    const isPassword = typeof given === 'string';
    // The digest includes the stored form, so a changed password is verified anew.
    const digest = this.digest(account, stored ?? '', isPassword ? given : given.text);
    const asked: AskedPassword = { key: digest, digest, network };
    const known = this.#memory.known(asked);
    if (known !== undefined) return Promise.resolve(known);
    // A device that opens fifty connections at once needs only one verification.
    const same = this.#underWay.get(digest);
    if (same !== undefined) return same;
    const acquire = () => this.#permits.acquire(network, account);
    const verdict = this.#compute(stored, given, acquire)
      .then((result) => {
        if (result !== 'busy' && isPassword) this.#memory.learn(asked, result);
        return result;
      })
      .finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, verdict);
    return verdict;
  }

  /** Returns a digest of several texts that only this process can compute. */
  digest(...texts: readonly string[]): string {
    return this.#digest.of(...texts);
  }

  async #compute(
    stored: string | undefined,
    given: string | PasswordProof,
    acquire: () => Promise<boolean>,
  ): Promise<PasswordVerdict> {
    const plain = stored !== undefined && !isPasswordHash(stored) ? stored : undefined;
    if (await matchesPlain(plain, given)) return 'right';
    if (!(await acquire())) return 'busy';
    try {
      const isHash = stored !== undefined && parsePasswordHash(stored) !== undefined;
      const hash = isHash && typeof given === 'string' ? stored : undefined;
      const right = await verifyPassword(hash ?? nobodysHash, typeof given === 'string' ? given : given.text);
      return right && hash !== undefined ? 'right' : 'wrong';
    } finally {
      this.#permits.release();
    }
  }
}

/** Tells whether the given password matches one stored in plain text. Without a stored one, it does as much work. */
async function matchesPlain(plain: string | undefined, given: string | PasswordProof): Promise<boolean> {
  const stored = plain ?? 'no account has this password';
  const matches = typeof given === 'string' ? await verifyPassword(stored, given) : given.provenBy(stored);
  return matches && plain !== undefined;
}
