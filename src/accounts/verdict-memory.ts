import { LRUCache } from 'lru-cache';
import { boundedBy } from '../base/bounded-by.ts';
import type { Clock } from '../base/clock.ts';

export interface VerdictMemoryOptions {
  readonly clock: Clock;
  /** How long what was right is remembered, in milliseconds; 0: not at all. */
  readonly rightMs: number;
  /** How long what was wrong is remembered, in milliseconds. */
  readonly wrongMs: number;
  /**
   * Whether each use begins that time anew. Without it a password is asked about again after that time however often it
   * is used: so it must be where whoever gave the answer does not tell that it has changed.
   */
  readonly renews: boolean;
  /** How many of each kind are remembered. */
  readonly max: number;
}

/** A password given for somebody. Digests stand for the passwords: no password is kept. */
export interface AskedPassword {
  /** Of what was right, one is remembered for each of these. */
  readonly key: string;
  /** Tells it from every other person and password. */
  readonly digest: string;
  /** Where it was given: what was wrong is known there alone, so that nobody elsewhere is kept from asking. */
  readonly network: string;
}

interface Remembered {
  readonly digest: string;
  readonly untilMs: number;
}

/** Passwords that were right or wrong a while ago. */
export class VerdictMemory {
  readonly #options: VerdictMemoryOptions;
  readonly #right: LRUCache<string, Remembered>;
  /** Digest and network to the time that it is forgotten. */
  readonly #wrong: LRUCache<string, number>;

  constructor(options: VerdictMemoryOptions) {
    this.#options = options;
    this.#right = new LRUCache(boundedBy(options.max));
    this.#wrong = new LRUCache(boundedBy(options.max));
  }

  /** What was said last; undefined where it has to be asked. */
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
