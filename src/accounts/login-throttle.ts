import { type Clock, systemClock } from '../base/clock.ts';
import { canonicalAddress } from './networks.ts';

export interface LoginThrottleOptions {
  readonly clock?: Clock;
  /** Failures until an address is blocked; default 10. */
  readonly failuresBeforeBlock?: number;
  /** How long the block lasts, and how long a failure is held against an address, in milliseconds; default 5 minutes. */
  readonly blockMs?: number;
  /** Addresses kept in memory; the one that failed longest ago is dropped first. Default 10,000. */
  readonly maxAddresses?: number;
}

interface Failures {
  /** What was tried, as digests: the same again is a badly set device, not a guess. */
  readonly attempts: Set<string>;
  lastFailureMs: number;
  blockedUntilMs: number;
}

const firstDelayMs = 250;
const longestDelayMs = 4000;

/**
 * Slows and then blocks guessing, by address (IPv6: by /64 network, which is one customer). Successes are no business
 * of this class: they count for nothing and clear nothing.
 */
export class LoginThrottle {
  readonly #clock: Clock;
  readonly #failuresBeforeBlock: number;
  readonly #blockMs: number;
  readonly #maxAddresses: number;
  /** In order of the last failure. */
  readonly #records = new Map<string, Failures>();

  constructor(options: LoginThrottleOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#failuresBeforeBlock = options.failuresBeforeBlock ?? 10;
    this.#blockMs = options.blockMs ?? 5 * 60 * 1000;
    this.#maxAddresses = options.maxAddresses ?? 10_000;
  }

  /** Milliseconds for which the address may not log in; 0 when it may. */
  blockedForMs(address: string): number {
    const record = this.#fresh(networkOf(address));
    return record ? Math.max(0, record.blockedUntilMs - this.#clock.now()) : 0;
  }

  /**
   * Notes a failed login.
   * @param attempt a digest of username and password. The same one again from this address is not counted anew:
   *   a device with an old password, trying for ever, must not block those who share its address.
   * @returns milliseconds to hold back the refusal: 0 for the first failure, then 250, doubling up to 4,000
   */
  failed(address: string, attempt: string): number {
    const key = networkOf(address);
    const now = this.#clock.now();
    const record = this.#fresh(key) ?? { attempts: new Set(), lastFailureMs: now, blockedUntilMs: 0 };
    const repeated = record.attempts.has(attempt);
    record.lastFailureMs = now;
    // Bounded: beyond the block nothing is added.
    if (record.attempts.size < this.#failuresBeforeBlock) record.attempts.add(attempt);
    if (!repeated && record.attempts.size >= this.#failuresBeforeBlock && record.blockedUntilMs <= now) {
      record.blockedUntilMs = now + this.#blockMs;
    }
    this.#records.delete(key);
    this.#records.set(key, record);
    const [oldest] = this.#records.keys();
    if (this.#records.size > this.#maxAddresses && oldest !== undefined) this.#records.delete(oldest);
    const count = record.attempts.size + (repeated ? 1 : 0);
    return count < 2 ? 0 : Math.min(longestDelayMs, firstDelayMs * 2 ** (count - 2));
  }

  /** Addresses remembered now. */
  get size(): number {
    return this.#records.size;
  }

  #fresh(key: string): Failures | undefined {
    const record = this.#records.get(key);
    if (!record) return undefined;
    const leftMs = Math.max(record.lastFailureMs + this.#blockMs, record.blockedUntilMs) - this.#clock.now();
    // So long it lasts only where the clock has been set back.
    if (leftMs > 0 && leftMs <= 2 * this.#blockMs) return record;
    this.#records.delete(key);
    return undefined;
  }
}

/** The unit that is throttled: an IPv4 address, or the first half of an IPv6 address. */
function networkOf(address: string): string {
  const canonical = canonicalAddress(address) ?? address;
  if (!canonical.includes(':')) return canonical;
  const [head = '', tail] = canonical.split('::');
  const groups = head === '' ? [] : head.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  const all = [...groups, ...Array<string>(missing).fill('0'), ...(tail ? tail.split(':') : [])];
  return `${all.slice(0, 4).join(':')}::/64`;
}
