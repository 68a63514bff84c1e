import { LRUCache } from 'lru-cache';
import { boundedBy } from '../../base/bounded-by.ts';
import type { Clock } from '../../base/clock.ts';
import type { ConnectionTrouble } from '../../message/delivery.ts';

/** `open`: nothing is attempted until a probe succeeds. `probing`: one attempt shows whether more may begin. */
export type BreakerState = 'closed' | 'open' | 'probing';

/** The state of an open breaker. */
export interface OpenBreaker {
  /** The latest trouble. */
  readonly trouble: ConnectionTrouble;
  /** When it opened. */
  readonly sinceMs: number;
  /** When the next probe is due. */
  readonly nextProbeAtMs: number;
  /** Failed probes and attempts since something last worked; 1 or more. */
  readonly failures: number;
}

/** What an attempt showed; `unknown` if it ended before it could show anything. */
export type AttemptEnd = 'works' | 'unknown' | ConnectionTrouble;

export interface BreakerOptions {
  readonly clock: Clock;
  /** 0 to below 1; default `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Checks the upstream without spending a message; never rejects. */
  probe(): Promise<ConnectionTrouble | undefined>;
  /** Whether a successful probe closes the breaker. If not, an attempt has to succeed as well. */
  readonly isProvenByProbe: boolean;
  /** It has opened, or a probe has failed: {@link Breaker.open} has changed. */
  onOpen(isNew: boolean): void;
  onClosed(was: OpenBreaker): void;
  /** More attempts may begin than before. */
  onRoom(): void;
}

const firstProbeMs = 1000;
/** Together with the time of a probe and a delivery, mail flows again within 30 seconds. */
const longestProbeMs = 27_000;
/** The longest wait believed when Entra ID or Exchange asks for one. */
const longestAskedMs = 5 * 60_000;
/** Least time between two probes, whoever asks for them. */
const betweenProbesMs = 2000;
/** An attempt that takes longer than this no longer holds up others. */
const trialMs = 10_000;
/** Concurrent attempts while nothing is known: before anything worked, and after the breaker has closed. */
const startPermits = 16;
const closedPermits = 4;
const permitGrowth = 4;
const mostCountedPermits = 64;
/** This many mailboxes in the same trouble, with nothing delivered in between, prove that it is the connection's. */
const mailboxesInTrouble = 3;
/** Most mailboxes remembered as having trouble of their own. */
const mostRemembered = 10_000;

/**
 * Tracks whether one part of a connection is in trouble. While it is open, nothing is attempted; probes at growing
 * intervals find out when the trouble is over. After that few attempts begin at a time, and more with each success.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  /** Mailboxes whose trouble may be their own or the connection's. */
  readonly #suspects = new Set<string>();
  /** Mailboxes whose trouble continued while others delivered: it proves nothing until they deliver themselves. */
  readonly #ownTrouble = new LRUCache<string, true>(boundedBy(mostRemembered));
  #state: BreakerState = 'closed';
  #open: OpenBreaker | undefined;
  #failures = 0;
  #permits = startPermits;
  #underWay = 0;
  /** Attempts that began in an earlier period say nothing about the present state. */
  #period = 0;
  #isProbeUnderWay = false;
  #isAskedAgain = false;
  #probedAtMs = Number.NEGATIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;
  #stopped = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get state(): BreakerState {
    return this.#state === 'open' && this.#isProbeUnderWay ? 'probing' : this.#state;
  }

  /** Undefined while it is closed. */
  get open(): OpenBreaker | undefined {
    return this.#open;
  }

  get mayStart(): boolean {
    return this.#state !== 'open' && this.#underWay < this.#permits;
  }

  /** An attempt begins. @returns the period, for {@link ended} */
  begin(): number {
    this.#underWay++;
    return this.#period;
  }

  /**
   * An attempt has ended.
   * @returns whether its trouble counts as the connection's
   */
  ended(period: number, mailbox: string, end: AttemptEnd): boolean {
    const isTrouble = typeof end !== 'string';
    if (period !== this.#period) return isTrouble && (end.isSure || this.#state !== 'closed');
    this.#underWay--;
    if (isTrouble) return this.#inTrouble(mailbox, end);
    const isCounted = Number.isFinite(this.#permits);
    if (end === 'works') this.#works(mailbox.toLowerCase());
    if (isCounted) this.#options.onRoom();
    return false;
  }

  /**
   * Something has changed that may have ended the trouble. However often this is called, probes keep their distance.
   */
  probeNow(): void {
    if (this.#state !== 'open') return;
    // The probe under way may have asked before the change.
    if (this.#isProbeUnderWay) this.#isAskedAgain = true;
    else this.#probeSoon();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
  }

  #probeSoon(): void {
    const waitMs = this.#probedAtMs + betweenProbesMs - this.#options.clock.now();
    if (waitMs > 0 && waitMs <= betweenProbesMs) this.#arm(waitMs, () => this.#probe());
    else this.#probe();
  }

  #works(mailbox: string): void {
    this.#failures = 0;
    if (this.#open && !this.#open.trouble.isSure) for (const each of this.#suspects) this.#ownTrouble.set(each, true);
    this.#ownTrouble.delete(mailbox);
    this.#suspects.clear();
    if (this.#state === 'probing') {
      this.#close();
      return;
    }
    this.#permits *= permitGrowth;
    if (this.#permits >= mostCountedPermits) this.#permits = Number.POSITIVE_INFINITY;
  }

  #inTrouble(mailbox: string, trouble: ConnectionTrouble): boolean {
    const key = mailbox.toLowerCase();
    if (!trouble.isSure && !this.#ownTrouble.has(key)) this.#suspects.add(key);
    if (!trouble.isSure && this.#state === 'closed') {
      if (this.#suspects.size < mailboxesInTrouble) {
        if (Number.isFinite(this.#permits)) this.#options.onRoom();
        return false;
      }
    }
    this.#openFor(trouble);
    return true;
  }

  #openFor(trouble: ConnectionTrouble): void {
    const { clock, onOpen } = this.#options;
    const now = clock.now();
    const isNew = this.#open === undefined;
    const askedMs = Math.min(trouble.retryAfterMs ?? 0, longestAskedMs);
    const waitMs = Math.max(askedMs, this.#backoffMs());
    this.#failures++;
    this.#open = {
      trouble,
      sinceMs: this.#open?.sinceMs ?? now,
      nextProbeAtMs: now + waitMs,
      failures: this.#failures,
    };
    this.#state = 'open';
    this.#beginPeriod(0);
    this.#arm(waitMs, () => this.#probe());
    onOpen(isNew);
  }

  /** Doubled with each failure, with jitter so that the connections of a bridge do not probe together. */
  #backoffMs(): number {
    const { random = Math.random } = this.#options;
    const growth = Math.min(longestProbeMs, firstProbeMs * 2 ** Math.min(this.#failures, 20));
    return Math.round(growth * (0.8 + 0.2 * random()));
  }

  #probe(): void {
    this.#cancelTimer?.();
    this.#isProbeUnderWay = true;
    this.#probedAtMs = this.#options.clock.now();
    void this.#options.probe().then((trouble) => {
      this.#isProbeUnderWay = false;
      if (this.#stopped) return;
      if (trouble) this.#openFor(trouble);
      if (trouble && this.#isAskedAgain) this.#probeSoon();
      this.#isAskedAgain = false;
      if (trouble) return;
      if (this.#options.isProvenByProbe) this.#close();
      else this.#beginTrial();
    });
  }

  /** One attempt may begin. If there is none to make, the connection is taken to work. */
  #beginTrial(): void {
    this.#state = 'probing';
    this.#beginPeriod(1);
    this.#armTrial();
    this.#options.onRoom();
  }

  #armTrial(): void {
    this.#arm(trialMs, () => {
      if (this.#underWay === 0) return this.#close();
      this.#permits++;
      this.#armTrial();
      this.#options.onRoom();
    });
  }

  #close(): void {
    const was = this.#open;
    this.#cancelTimer?.();
    this.#open = undefined;
    this.#state = 'closed';
    this.#permits = closedPermits;
    this.#suspects.clear();
    if (was) this.#options.onClosed(was);
    this.#options.onRoom();
  }

  #beginPeriod(permits: number): void {
    this.#period++;
    this.#underWay = 0;
    this.#permits = permits;
  }

  #arm(delayMs: number, callback: () => void): void {
    this.#cancelTimer?.();
    if (this.#stopped) return;
    this.#cancelTimer = this.#options.clock.after(delayMs, callback);
  }
}
