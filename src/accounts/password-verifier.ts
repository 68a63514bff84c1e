import { createHmac, randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { LRUCache } from 'lru-cache';
import { type Clock, systemClock } from '../base/clock.ts';
import type { PasswordProof } from './password-proof.ts';
import { isPasswordHash, parsePasswordHash, verifyPassword } from './passwords.ts';
import { VerificationPermits } from './verification-permits.ts';

/** `busy`: too many verifications are under way; to be tried again later. */
export type PasswordVerdict = 'right' | 'wrong' | 'busy';

export interface PasswordVerifierOptions {
  readonly clock?: Clock;
  /** How long a verified password is remembered after its last use, in milliseconds; default one hour. */
  readonly rememberMs?: number;
  /** How many are remembered; default 10,000. */
  readonly maxRemembered?: number;
  /** Hashes computed at the same time; default 2, with less than four processors 1. */
  readonly maxConcurrent?: number;
  /** Verifications that may wait for a permit, in all; default 128. */
  readonly maxWaiting?: number;
  /** Those from one network; default 32. */
  readonly maxWaitingPerNetwork?: number;
  /** Those of one account from one network; default 4. */
  readonly maxWaitingPerAccount?: number;
}

/** A derivation keeps a processor busy and takes 32 MB: two, where that leaves two processors for everything else. */
const maxDerivations = availableParallelism() >= 4 ? 2 : 1;

/** How long a wrong password is known where it was tried, from the last time that it was. */
const rememberWrongMs = 5 * 60 * 1000;

/** A hash that no password has: 32 zero bytes. Costs what a real one costs. */
const nobodysHash = `$scrypt$ln=15,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/**
 * Verifies passwords without letting chatty devices pay a key derivation at each login: what was right is remembered
 * for a while, as a keyed digest whose key never leaves this process. Every refusal costs one derivation, whether the
 * user is unknown, the stored password is plain, or the hash does not match: time tells nothing. Only the same wrong
 * password again from the same network costs none for a while: a device with an old password tries it for ever.
 */
export class PasswordVerifier {
  readonly #key = randomBytes(32);
  readonly #clock: Clock;
  readonly #rememberMs: number;
  /** Digest to the time it is forgotten. */
  readonly #remembered: LRUCache<string, number>;
  /** The same of what was wrong, by network. */
  readonly #wrong: LRUCache<string, number>;
  readonly #underWay = new Map<string, Promise<PasswordVerdict>>();
  readonly #permits: VerificationPermits;

  constructor(options: PasswordVerifierOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#rememberMs = options.rememberMs ?? 60 * 60 * 1000;
    const max = options.maxRemembered ?? 10_000;
    this.#remembered = new LRUCache({ max });
    this.#wrong = new LRUCache({ max });
    this.#permits = new VerificationPermits({
      maxConcurrent: options.maxConcurrent ?? maxDerivations,
      maxWaiting: options.maxWaiting ?? 128,
      maxWaitingPerNetwork: options.maxWaitingPerNetwork ?? 32,
      maxWaitingPerAccount: options.maxWaitingPerAccount ?? 4,
    });
  }

  /**
   * @param account names the account; a password verified for one is not known for another
   * @param stored a PHC string or the password itself; undefined where there is no such account
   * @param network where the client is, as {@link sourceNetwork} says it
   */
  verify(
    account: string,
    stored: string | undefined,
    given: string | PasswordProof,
    network = '',
  ): Promise<PasswordVerdict> {
    const isPassword = typeof given === 'string';
    // The stored form is part of the digest: a changed password is a new question.
    const digest = this.digest(account, stored ?? '', isPassword ? given : given.text);
    if (this.#remembers(digest)) return Promise.resolve('right');
    const there = `${digest} ${network}`;
    if ((this.#wrong.get(there) ?? 0) > this.#clock.now()) {
      this.#rememberWrong(there);
      return Promise.resolve('wrong');
    }
    // A device that opens fifty connections at once asks one question.
    const same = this.#underWay.get(digest);
    if (same !== undefined) return same;
    const acquire = () => this.#permits.acquire(network, account);
    const verdict = this.#compute(stored, given, acquire)
      .then((result) => {
        if (result === 'right' && isPassword) this.#remember(digest);
        if (result === 'wrong' && isPassword) this.#rememberWrong(there);
        return result;
      })
      .finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, verdict);
    return verdict;
  }

  /** A digest of some texts that only this process can compute. */
  digest(...texts: readonly string[]): string {
    const hmac = createHmac('sha256', this.#key);
    for (const text of texts) {
      const bytes = Buffer.from(text, 'utf8');
      // Lengths keep ("ab", "c") and ("a", "bc") apart.
      hmac.update(`${bytes.length}:`).update(bytes);
    }
    return hmac.digest('base64');
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

  #remembers(digest: string): boolean {
    const until = this.#remembered.get(digest);
    if (until === undefined) return false;
    const isFresh = until > this.#clock.now();
    // In use: a device that logs in all the time never has to wait for a permit.
    if (isFresh) this.#remember(digest);
    else this.#remembered.delete(digest);
    return isFresh;
  }

  #rememberWrong(there: string): void {
    this.#wrong.set(there, this.#clock.now() + rememberWrongMs);
  }

  #remember(digest: string): void {
    this.#remembered.set(digest, this.#clock.now() + this.#rememberMs);
  }
}

/** Whether what was given matches a password that is kept as it is. For nobody's as much work is done. */
async function matchesPlain(plain: string | undefined, given: string | PasswordProof): Promise<boolean> {
  const stored = plain ?? 'no account has this password';
  const matches = typeof given === 'string' ? await verifyPassword(stored, given) : given.provenBy(stored);
  return matches && plain !== undefined;
}
