import { createHmac, randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../base/clock.ts';
import type { PasswordProof } from './password-proof.ts';
import { isPasswordHash, verifyPassword } from './passwords.ts';

/** `busy`: too many verifications are under way; to be tried again later. */
export type PasswordVerdict = 'right' | 'wrong' | 'busy';

export interface PasswordVerifierOptions {
  readonly clock?: Clock;
  /** How long a verified password is remembered, in milliseconds; default one hour. */
  readonly rememberMs?: number;
  /** How many are remembered; default 10,000. */
  readonly maxRemembered?: number;
  /** Hashes computed at the same time; default 2. Each takes 32 MiB and a thread. */
  readonly maxConcurrent?: number;
  /** Verifications that may wait for their turn; default 64. */
  readonly maxWaiting?: number;
}

/** A hash that no password has: 32 zero bytes. Costs what a real one costs. */
const nobodysHash = `$scrypt$ln=15,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/**
 * Verifies passwords without letting chatty devices pay a key derivation at each login: what was right is remembered
 * for a while, as a keyed digest whose key never leaves this process. Every refusal costs one derivation, whether the
 * user is unknown, the stored password is plain, or the hash does not match: time tells nothing.
 */
export class PasswordVerifier {
  readonly #key = randomBytes(32);
  readonly #clock: Clock;
  readonly #rememberMs: number;
  readonly #maxRemembered: number;
  readonly #maxConcurrent: number;
  readonly #maxWaiting: number;
  /** Digest to the time it is forgotten. In order of insertion, so the first is the oldest. */
  readonly #remembered = new Map<string, number>();
  readonly #underWay = new Map<string, Promise<PasswordVerdict>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: PasswordVerifierOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#rememberMs = options.rememberMs ?? 60 * 60 * 1000;
    this.#maxRemembered = options.maxRemembered ?? 10_000;
    this.#maxConcurrent = options.maxConcurrent ?? 2;
    this.#maxWaiting = options.maxWaiting ?? 64;
  }

  /**
   * @param account names the account; a password verified for one is not known for another
   * @param stored a PHC string or the password itself; undefined where there is no such account
   */
  verify(account: string, stored: string | undefined, given: string | PasswordProof): Promise<PasswordVerdict> {
    const isPassword = typeof given === 'string';
    // The stored form is part of the digest: a changed password is a new question.
    const digest = this.digest(account, stored ?? '', isPassword ? given : given.text);
    if (this.#remembers(digest)) return Promise.resolve('right');
    // A device that opens fifty connections at once asks one question.
    const same = this.#underWay.get(digest);
    if (same !== undefined) return same;
    const verdict = this.#compute(stored, given)
      .then((result) => {
        if (result === 'right' && isPassword) this.#remember(digest);
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

  async #compute(stored: string | undefined, given: string | PasswordProof): Promise<PasswordVerdict> {
    const plain = stored !== undefined && !isPasswordHash(stored) ? stored : undefined;
    if (await matchesPlain(plain, given)) return 'right';
    if (!(await this.#enter())) return 'busy';
    try {
      const hash = stored !== undefined && plain === undefined && typeof given === 'string' ? stored : undefined;
      const right = await verifyPassword(hash ?? nobodysHash, typeof given === 'string' ? given : given.text);
      return right && hash !== undefined ? 'right' : 'wrong';
    } finally {
      this.#leave();
    }
  }

  #remembers(digest: string): boolean {
    const until = this.#remembered.get(digest);
    if (until === undefined) return false;
    if (until > this.#clock.now()) return true;
    this.#remembered.delete(digest);
    return false;
  }

  #remember(digest: string): void {
    this.#remembered.delete(digest);
    this.#remembered.set(digest, this.#clock.now() + this.#rememberMs);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > this.#maxRemembered && oldest !== undefined) this.#remembered.delete(oldest);
  }

  /** Waits for a turn; false when too many wait already. */
  async #enter(): Promise<boolean> {
    if (this.#running < this.#maxConcurrent) {
      this.#running++;
      return true;
    }
    if (this.#waiting.length >= this.#maxWaiting) return false;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return true;
  }

  /** Hands the turn to the next in line, or gives it back. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running--;
  }
}

/** Whether what was given matches a password that is kept as it is. For nobody's as much work is done. */
async function matchesPlain(plain: string | undefined, given: string | PasswordProof): Promise<boolean> {
  const stored = plain ?? 'nobody has this one';
  const matches = typeof given === 'string' ? await verifyPassword(stored, given) : given.provenBy(stored);
  return matches && plain !== undefined;
}
