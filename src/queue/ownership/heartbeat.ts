import type { Clock } from '../../base/clock.ts';
import { AskedRounds } from '../asked-rounds.ts';
import type { LeaseNews, LeaseTable } from './lease.ts';
import type { LeaseCalls } from './lease-calls.ts';
import type { OwnershipTimes } from './times.ts';

/** Between renewals that are caused by changes of others. */
const shortestGapMs = 200;
/** After a failed renewal; doubled with each further failure. */
const firstRetryMs = 500;
const longestRetryMs = 4_000;
/** A timer this late means that the process, or the machine, stood still. */
const frozenAfterMs = 1_000;
/** How long the first renewal after that may take. */
const wakingMs = 2_000;

export interface HeartbeatOptions {
  readonly leases: LeaseTable;
  readonly calls: LeaseCalls;
  readonly clock: Clock;
  readonly monotonicMs: () => number;
  readonly times: OwnershipTimes;
  /** The store has answered. Its leases may be outdated if {@link Heartbeat.isValid} is false. */
  onNews(news: LeaseNews): void;
  /**
   * Called once when another instance may soon have the leases and this one cannot find out.
   * @param failure of the latest renewal; undefined if none has failed
   */
  onLapse(silentMs: number, failure: unknown): void;
}

/**
 * Keeps this instance alive in the eyes of the others, and knows without asking when it is no longer alive to them: a
 * renewal counts from before it was sent.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #rounds: AskedRounds;
  /** When the latest answered renewal was sent, by both clocks; undefined: none was. */
  #renewed: { readonly atMs: number; readonly wallMs: number } | undefined;
  #sentMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #failure: unknown;
  #isWaking = false;
  #hasLapsed = false;
  #isStopped = true;
  #cancelLapse: (() => void) | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#rounds = new AskedRounds(options.clock, options.monotonicMs, () => this.#round());
  }

  /** Whether the leases certainly belong to this instance. */
  get isValid(): boolean {
    return this.#silentMs < this.#trustedMs;
  }

  /** Renews for the first time, and automatically from then on. Rejects as the call does. */
  async start(): Promise<void> {
    this.#isStopped = false;
    this.#rounds.start();
    await this.#rounds.ask();
    if (this.#failures > 0) throw this.#failure;
  }

  /** Something has changed that a renewal would show. */
  nudge(): void {
    const sinceMs = this.#options.monotonicMs() - this.#sentMs;
    if (sinceMs >= shortestGapMs) void this.#rounds.ask();
    else this.#rounds.askWithin(shortestGapMs - sinceMs);
  }

  stop(): void {
    this.#isStopped = true;
    this.#rounds.stop();
    this.#cancelLapse?.();
    this.#renewed = undefined;
    this.#sentMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * Time since the latest renewal was sent. The monotonic clock stands still while the machine sleeps, and the wall
   * clock may be set: the later one counts, and at worst a renewal comes early.
   */
  get #silentMs(): number {
    if (!this.#renewed) return Number.POSITIVE_INFINITY;
    const { clock, monotonicMs } = this.#options;
    return Math.max(monotonicMs() - this.#renewed.atMs, clock.now() - this.#renewed.wallMs);
  }

  get #trustedMs(): number {
    return this.#options.times.leaseMs - this.#options.times.marginMs;
  }

  async #round(): Promise<void> {
    const { leases, calls, times } = this.#options;
    let sent = this.#now();
    const renew = () => {
      sent = this.#now();
      this.#sentMs = sent.atMs;
      return leases.renew(times.leaseMs);
    };
    try {
      await calls.run(renew, (news) => this.#answered(news, sent));
    } catch (error) {
      this.#failed(error);
    }
  }

  #now() {
    return { atMs: this.#options.monotonicMs(), wallMs: this.#options.clock.now() };
  }

  #answered(news: LeaseNews, sent: { readonly atMs: number; readonly wallMs: number }): void {
    if (this.#isStopped) return;
    this.#renewed = sent;
    this.#failures = 0;
    this.#failure = undefined;
    this.#rounds.askWithin(this.#options.times.beatMs);
    if (this.isValid) {
      this.#isWaking = false;
      this.#hasLapsed = false;
      this.#watch(this.#trustedMs - this.#silentMs);
    }
    this.#options.onNews(news);
  }

  #failed(error: unknown): void {
    if (this.#isStopped) return;
    this.#failure = error;
    this.#rounds.askWithin(Math.min(longestRetryMs, firstRetryMs * 2 ** this.#failures++));
    if (this.#isWaking && !this.isValid) this.#lapse();
  }

  #watch(delayMs: number): void {
    this.#cancelLapse?.();
    this.#cancelLapse = this.#options.clock.after(delayMs, () => this.#look());
  }

  /** The leases can no longer be trusted, unless a renewal came meanwhile. */
  #look(): void {
    const leftMs = this.#trustedMs - this.#silentMs;
    if (leftMs > 0) this.#watch(leftMs);
    else if (this.#isWaking || -leftMs < frozenAfterMs) this.#lapse();
    else {
      // Perhaps nobody has noticed. The store says so, if it can be reached.
      this.#isWaking = true;
      this.#watch(wakingMs);
      void this.#rounds.ask();
    }
  }

  #lapse(): void {
    if (this.#hasLapsed) return;
    this.#hasLapsed = true;
    this.#options.onLapse(this.#silentMs, this.#failure);
  }
}
