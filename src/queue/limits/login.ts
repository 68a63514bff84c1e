import { minuteMs, type QueueLimits } from './limits.ts';
import { SlidingWindow } from './sliding-window.ts';

/** A waiting mailbox looks again after this time at the latest. */
const lookAgainMs = 10_000;
/** A mailbox that has not asked for this long no longer waits. */
const forgottenAfterMs = 2.5 * lookAgainMs;

/**
 * Limits shared by the mailboxes that one person sends as, for couriers whose limits are counted by login: Exchange
 * counts messages a minute and connections for the person who logs in, whatever mailbox MAIL FROM names. Waiting
 * mailboxes are served in the order in which they asked.
 */
export class LoginLimit {
  readonly #minute: SlidingWindow;
  readonly #most: number;
  readonly #wake: (destination: string) => void;
  #running = 0;
  #isSeeded: boolean;
  /** When each mailbox last asked, in the order of their first asking. */
  readonly #waiting = new Map<string, number>();

  /**
   * @param sentAtMs the ends of attempts of the last minute, before a restart; undefined: nobody begins before {@link
   * seed} supplies them
   * @param wake lets a waiting mailbox ask again
   */
  constructor(
    limits: Required<Pick<QueueLimits, 'messagesPerMinute' | 'concurrentPerMailbox'>>,
    sentAtMs: readonly number[] | undefined,
    wake: (destination: string) => void,
  ) {
    this.#minute = new SlidingWindow(limits.messagesPerMinute, minuteMs);
    this.#most = limits.concurrentPerMailbox;
    this.#wake = wake;
    this.#isSeeded = false;
    if (sentAtMs) this.seed(sentAtMs);
  }

  /** @param sentAtMs the ends of attempts of the last minute, made before this object existed; ascending */
  seed(sentAtMs: readonly number[]): void {
    this.#isSeeded = true;
    for (const atMs of sentAtMs) this.#minute.settle(0, atMs, 1);
    for (const destination of [...this.#waiting.keys()].slice(0, this.#most - this.#running)) this.#wake(destination);
  }

  /** Milliseconds until a mailbox may ask again, finite; 0: it may make an attempt now. */
  waitMs(destination: string, nowMs: number): number {
    this.#forget(nowMs);
    const waiting = [...this.#waiting.keys()];
    const position = this.#waiting.has(destination) ? waiting.indexOf(destination) : waiting.length;
    // What fits in after everybody who asked earlier.
    const minuteWaitMs = this.#minute.waitMs(nowMs, position + 1);
    if (this.#isSeeded && minuteWaitMs === 0 && this.#running + position < this.#most) return 0;
    this.#waiting.set(destination, nowMs);
    return Math.min(minuteWaitMs > 0 ? minuteWaitMs : lookAgainMs, lookAgainMs);
  }

  /** An attempt begins. */
  reserve(destination: string): void {
    this.#waiting.delete(destination);
    this.#running++;
    this.#minute.reserve(1);
  }

  /** An attempt counts as this many messages. */
  settle(atMs: number, messages: number): void {
    this.#minute.settle(1, atMs, messages);
  }

  /** An attempt has ended: those that have waited longest may begin. */
  release(): void {
    this.#running--;
    for (const destination of [...this.#waiting.keys()].slice(0, this.#most - this.#running)) this.#wake(destination);
  }

  #forget(nowMs: number): void {
    for (const [destination, askedAtMs] of this.#waiting) {
      // A time in the future was noted before the clock was set back.
      if (askedAtMs > nowMs || nowMs - askedAtMs > forgottenAfterMs) this.#waiting.delete(destination);
    }
  }
}
