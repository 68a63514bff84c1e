import { LRUCache } from 'lru-cache';
import { boundedBy } from '../base/bounded-by.ts';
import type { Clock } from '../base/clock.ts';

export interface VerdictMemoryOptions {
  readonly clock: Clock;
  /** How long a right password is remembered, in milliseconds; 0: not at all. */
  readonly rightMs: number;
  /** How long a wrong password is remembered, in milliseconds. */
  readonly wrongMs: number;
  /**
   * Whether each use restarts that time. Otherwise a password is checked again after that time however often it is
   * used, which is necessary if its source does not report changes.
   */
  readonly renews: boolean;
  /** Maximum number remembered of each kind. */
  readonly max: number;
}

/** A password given for a login. Digests represent the passwords: none is kept. */
export interface AskedPassword {
  /** One right password is remembered per key. */
  readonly key: string;
  /** Identifies the combination of person and password. */
  readonly digest: string;
  /** Where it was given: a wrong password is remembered only there, so that nobody elsewhere is kept from asking. */
  readonly network: string;
}

interface Remembered {
  readonly digest: string;
  readonly untilMs: number;
}

/** Remembers recently checked passwords as right or wrong. */
export class VerdictMemory {
  readonly #options: VerdictMemoryOptions;
  readonly #right: LRUCache<string, Remembered>;
  /** Digest and network to expiry time. */
  readonly #wrong: LRUCache<string, number>;

  constructor(options: VerdictMemoryOptions) {
    this.#options = options;
    this.#right = new LRUCache(boundedBy(options.max));
    this.#wrong = new LRUCache(boundedBy(options.max));
  }

  /** Returns the remembered verdict; undefined if the password has to be checked. */
  known(asked: AskedPassword): 'right' | 'wrong' | undefined {
    const { clock, renews } = this.#options;
    const right = this.#right.get(asked.key);
    if (right !== undefined && right.untilMs <= clock.now()) this.#right.delete(asked.key);
    else if (right?.digest === asked.digest) {
      if (renews) this.learn(asked, 'right');
      return 'right';
    }
    if ((this.#wrong.get(there(asked)) ?? 0) <= clock.now()) return undefined;
    if (renews) this.learn(asked, 'wrong');
    return 'wrong';
  }

  learn(asked: AskedPassword, verdict: 'right' | 'wrong'): void {
    const { clock, rightMs, wrongMs } = this.#options;
    if (verdict === 'wrong') this.#wrong.set(there(asked), clock.now() + wrongMs);
    else if (rightMs > 0) this.#right.set(asked.key, { digest: asked.digest, untilMs: clock.now() + rightMs });
  }
}

function there({ digest, network }: AskedPassword): string {
  return `${digest} ${network}`;
}
