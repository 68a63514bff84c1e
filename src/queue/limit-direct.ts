import type { Clock } from '../base/clock.ts';
import type { DeliveryReport } from '../message/delivery.ts';
import type { HeldPart, MeteredAttempt } from './limit-meter.ts';

/** A delivery while a client waits, which the queue does not hold. */
export type DirectAttempt = MeteredAttempt;

/** A place within the limits of a mailbox. */
export interface Admission {
  readonly admitted: true;
  /**
   * The attempt has ended; call it once, whatever came of it.
   * @param report undefined if no attempt was made
   */
  ended(report: DeliveryReport | undefined): void;
}

/** No place was to be had in time. */
export interface AdmissionRefused {
  readonly admitted: false;
  /** When it is worth another try; an estimate. */
  readonly retryAfterMs: number;
}

interface Waiter {
  readonly attempt: DirectAttempt;
  admit(part: HeldPart): void;
  refuse(): void;
}

/** What the line needs of its mailbox. */
export interface DirectLineParts {
  /** Milliseconds until an attempt may begin; `Infinity`: until another one has ended. */
  waitMs(attempt: DirectAttempt): number;
  /** Takes a place; undefined if there is none, and {@link DirectLine.admit} is called when there is. */
  take(attempt: DirectAttempt): HeldPart | undefined;
  ended(part: HeldPart, startedAtMs: number, report: DeliveryReport | undefined): void;
}

const shortestRetryMs = 1000;

/** Clients that wait for a direct delivery from one mailbox, first come, first served. */
export class DirectLine {
  readonly #clock: Clock;
  readonly #parts: DirectLineParts;
  readonly #waiting = new Set<Waiter>();

  constructor(clock: Clock, parts: DirectLineParts) {
    this.#clock = clock;
    this.#parts = parts;
  }

  /** Resolves when {@link admit} has found a place, or `patienceMs` are over, or it is clear that they will not do. */
  enter(attempt: DirectAttempt, patienceMs: number): Promise<Admission | AdmissionRefused> {
    const waitMs = this.#parts.waitMs(attempt);
    if (Number.isFinite(waitMs) && waitMs > patienceMs) return Promise.resolve(refusal(waitMs));
    return new Promise((resolve) => {
      const refuse = () => {
        cancel();
        this.#waiting.delete(waiter);
        resolve(refusal(this.#parts.waitMs(attempt)));
      };
      const cancel = this.#clock.after(patienceMs, refuse);
      const admit = (part: HeldPart) => {
        cancel();
        resolve(this.#admission(part));
      };
      const waiter: Waiter = { attempt, refuse, admit };
      this.#waiting.add(waiter);
    });
  }

  /**
   * Lets in whoever may begin.
   * @returns milliseconds until another look is worth it; `Infinity` where something else calls for it
   */
  admit(): number {
    let again = Number.POSITIVE_INFINITY;
    for (const waiter of this.#waiting) {
      const waitMs = this.#parts.waitMs(waiter.attempt);
      if (waitMs > 0) {
        again = Math.min(again, waitMs);
        continue;
      }
      const part = this.#parts.take(waiter.attempt);
      if (!part) break;
      this.#waiting.delete(waiter);
      waiter.admit(part);
    }
    return again;
  }

  /** Turns everybody away. */
  stop(): void {
    for (const waiter of this.#waiting) waiter.refuse();
  }

  #admission(part: HeldPart): Admission {
    const startedAtMs = this.#clock.now();
    let open = true;
    return {
      admitted: true,
      ended: (report) => {
        if (!open) return;
        open = false;
        this.#parts.ended(part, startedAtMs, report);
      },
    };
  }
}

function refusal(waitMs: number): AdmissionRefused {
  const retryAfterMs = Number.isFinite(waitMs) ? Math.ceil(waitMs) : shortestRetryMs;
  return { admitted: false, retryAfterMs: Math.max(shortestRetryMs, retryAfterMs) };
}
