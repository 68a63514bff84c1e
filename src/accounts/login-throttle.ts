import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { boundedBy } from '../base/bounded-by.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { FailureRecords, type FailureState } from './failure-records.ts';
import { sourceNetwork } from './networks.ts';

export interface LoginThrottleOptions {
  readonly clock?: Clock;
  /** Failures of one account at one address until it is blocked there; default 10. */
  readonly failures?: number;
  /** Failures of all accounts at one address until it is blocked; default 100. */
  readonly failuresPerAddress?: number;
  /** Failures of one account at all addresses until it is blocked; default 100. */
  readonly failuresPerAccount?: number;
  /** How long a block lasts, and how long a failure counts, in milliseconds; default 5 minutes. */
  readonly blockMs?: number;
  /** How long an account is known at an address from which it logged in, in milliseconds; default 7 days. */
  readonly knownMs?: number;
  /** Records of each kind kept in memory; default 10,000. */
  readonly maxRecords?: number;
  /** Called when something is blocked, and when half of the required failures have occurred. */
  readonly onNews?: (news: FailureNews) => void;
}

/** What failures are counted for: an account at an address, an address, an account. */
export const failureSubjects = ['pair', 'address', 'account'] as const;

/** What instances report to each other about guesses. */
export interface FailureNews extends FailureState {
  readonly of: (typeof failureSubjects)[number];
  readonly key: string;
}

/** A login attempt. */
export interface LoginAttempt {
  /** The client's address. */
  readonly address: string;
  /** The account, or the username if there is none, normalized. */
  readonly account: string;
  /** Other accounts that the same spelling of the username could mean: a failure counts against them, too. */
  readonly alike?: readonly string[];
  /** The configuration assigns the address to the account. */
  readonly own?: boolean;
}

/** Why a login may not be attempted, and for how long. */
export interface LoginBlock {
  readonly forMs: number;
  /** What has failed too often: logins from that address, or to that account from anywhere. */
  readonly scope: 'address' | 'account';
}

const firstDelayMs = 250;
const longestDelayMs = 4000;
/** For the same wrong password again: a person typing does not repeat it, but a device retries forever. */
const repeatedDelayMs = 2000;
const holdMs = 500;
const longestKey = 64;

/**
 * Slows and then blocks guessing: first at one account from one address, then from that address (for IPv6 its /64
 * network, which is one customer) and at that account altogether. An account that has recently logged in from an
 * address is never blocked there, so that neither a guesser behind the same address nor many elsewhere can lock it out.
 * There, guesses are only slowed. Successful logins clear nothing.
 */
export class LoginThrottle {
  readonly #clock: Clock;
  readonly #failures: number;
  readonly #knownMs: number;
  readonly #records: Readonly<Record<FailureNews['of'], FailureRecords>>;
  readonly #onNews: (news: FailureNews) => void;
  /** When an account last logged in from an address. */
  readonly #known: LRUCache<string, number>;

  constructor(options: LoginThrottleOptions = {}) {
    const { clock = systemClock, blockMs = 5 * 60 * 1000, maxRecords = 10_000 } = options;
    const { failures = 10, failuresPerAddress = 100, failuresPerAccount = 100 } = options;
    const records = (limit: number) => new FailureRecords({ clock, limit, blockMs, maxRecords });
    this.#clock = clock;
    this.#failures = failures;
    this.#knownMs = options.knownMs ?? 7 * 24 * 60 * 60 * 1000;
    this.#onNews = options.onNews ?? (() => {});
    this.#records = {
      pair: records(failures),
      address: records(failuresPerAddress),
      account: records(failuresPerAccount),
    };
    this.#known = new LRUCache(boundedBy(maxRecords));
  }

  /** Returns why the login may not be attempted now; undefined if it may. */
  blocked(attempt: LoginAttempt): LoginBlock | undefined {
    const { network, accounts, pairs } = keysOf(attempt);
    if (this.#isKnown(attempt)) return undefined;
    const { pair, address, account } = this.#records;
    const here = Math.max(...pairs.map((each) => pair.blockedForMs(each)), address.blockedForMs(network));
    const anywhere = Math.max(...accounts.map((each) => account.blockedForMs(each)));
    if (here === 0 && anywhere === 0) return undefined;
    return here >= anywhere ? { forMs: here, scope: 'address' } : { forMs: anywhere, scope: 'account' };
  }

  /**
   * Milliseconds to delay a login before anything is checked, where others would be blocked. A login that cannot be
   * refused must not allow guessing as fast as connections can be opened.
   */
  holdMs(attempt: LoginAttempt): number {
    return keysOf(attempt).pairs.some((pair) => this.#records.pair.blockedForMs(pair) > 0) ? holdMs : 0;
  }

  /**
   * Records a failed login.
   * @param given a digest of what was tried. A repeated one is not counted again: a device with an old password that
   * retries forever must not block others that share its account or its address.
   * @returns milliseconds to delay the refusal: 0 for the first failure, then 250, doubling up to 4,000; at least 2,000
   * for a repeated one
   */
  failed(attempt: LoginAttempt, given: string): number {
    const { network, accounts, pairs } = keysOf(attempt);
    // Where the account is known, it is not blocked, and another instance may not know it there.
    const isKnown = this.#isKnown(attempt);
    const failures = pairs.map((pair) => this.#count('pair', pair, isKnown, given));
    const repeated = failures.some((each) => each.repeated);
    let steps = Math.max(...failures.map(({ count }) => count));
    if (!repeated && !isKnown) {
      for (const account of accounts) this.#count('account', account, isKnown);
      // Many names tried once each are guesses, too.
      steps = Math.max(steps, this.#count('address', network, isKnown).count - this.#failures);
    }
    const delayMs = steps < 2 ? 0 : Math.min(longestDelayMs, firstDelayMs * 2 ** (steps - 2));
    return repeated ? Math.max(delayMs, repeatedDelayMs) : delayMs;
  }

  /** Records a login with the right password. */
  succeeded(attempt: LoginAttempt): void {
    this.#known.set(keysOf(attempt).own, this.#clock.now());
  }

  /** Takes over what another instance knows, without reporting it to others. @param by the other instance */
  learn({ of, key, ...state }: FailureNews, by: string): void {
    this.#records[of].learn(key, state, by);
  }

  /** Number of records kept now. */
  get size(): number {
    return failureSubjects.reduce((sum, of) => sum + this.#records[of].size, this.#known.size);
  }

  #count(of: FailureNews['of'], key: string, isSecret: boolean, given?: string) {
    const { news, ...failure } = this.#records[of].failed(key, given);
    if (news && !isSecret) this.#onNews({ of, key, ...news });
    return failure;
  }

  #isKnown(attempt: LoginAttempt): boolean {
    const lastMs = this.#known.get(keysOf(attempt).own);
    return attempt.own === true || (lastMs !== undefined && this.#clock.now() - lastMs < this.#knownMs);
  }
}

interface AttemptKeys {
  readonly network: string;
  readonly accounts: readonly string[];
  /** Each of the accounts at the network. */
  readonly pairs: readonly string[];
  /** The pair of the account itself. */
  readonly own: string;
}

function keysOf({ address, account, alike = [] }: LoginAttempt): AttemptKeys {
  const network = sourceNetwork(address);
  const accounts = [account, ...alike].map(shortKey);
  const pairs = accounts.map((each) => `${network} ${each}`);
  return { network, accounts, pairs, own: `${network} ${shortKey(account)}` };
}

/** Names without an account may be long; they must not fill the memory. */
function shortKey(name: string): string {
  return name.length <= longestKey ? name : createHash('sha256').update(name).digest('base64');
}
