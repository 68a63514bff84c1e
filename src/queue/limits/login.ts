import { minuteMs, type QueueLimits } from './limits.ts';
import { SlidingWindow } from './sliding-window.ts';

/** A mailbox that waits looks again after this time at the latest. */
const lookAgainMs = 10_000;
/** A mailbox that has not asked for so long waits no more. */
const forgottenAfterMs = 2.5 * lookAgainMs;

/**
 * What the mailboxes share that one person sends as, by a courier whose limits are counted so: Exchange counts messages
 * a minute and connections for who logs in, and that is the person, whatever mailbox MAIL FROM names. Mailboxes that
 * wait are served in the order in which they asked.
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
   * @param sentAtMs the ends of attempts of the last minute, before a restart; undefined: nobody begins before
   *   {@link seed} tells them
   * @param wake lets a mailbox that waits ask again
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

  /** @param sentAtMs the ends of attempts of the last minute, made before this was; ascending */
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
    // What fits in behind all who asked before.
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

  /** It counts as so many messages. */
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
      // Later than now was before the clock was set back.
      if (askedAtMs > nowMs || nowMs - askedAtMs > forgottenAfterMs) this.#waiting.delete(destination);
    }
  }
}
