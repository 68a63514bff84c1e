import type { Clock } from '../../base/clock.ts';
import type { CourierKind, CourierOrder } from '../../message/courier-kind.ts';
import type { ConnectionTrouble, DeliveryReport, OutgoingMessage } from '../../message/delivery.ts';

/** A delivery outside the queue, made while a client waits. */
export interface DirectAttempt {
  /** Any of them will do. */
  readonly couriers: CourierOrder;
  /** Recipient addresses. */
  readonly recipients: readonly string[];
}

/** A permit within the limits of a mailbox. */
export interface Admission {
  readonly admitted: true;
  /** The courier that may make the attempt. */
  readonly courier: CourierKind;
  /** Aborted when another instance delivers by now. */
  readonly signal: AbortSignal;
  /** The message as it has to be sent: no upstream gets the end of it once another instance may deliver. */
  guarded(message: OutgoingMessage): OutgoingMessage;
  /**
   * The attempt has ended; call it once, whatever the outcome.
   * @param report undefined if no attempt was made
   */
  ended(report: DeliveryReport | undefined): void;
}

/** No permit became free in time. */
export interface AdmissionRefused {
  readonly admitted: false;
  /** When another try is worthwhile; an estimate. */
  readonly retryAfterMs: number;
  /** Set if something other than the limits blocks attempts. */
  readonly trouble?: ConnectionTrouble;
}

/** What the line has to know about a permit. */
interface HeldByDirect {
  readonly courier: CourierKind;
  readonly abort: AbortController;
}

interface Waiter<Held> {
  readonly attempt: DirectAttempt;
  admit(held: Held): void;
  refuse(): void;
}

/** What the line needs from its mailbox. */
export interface DirectLineParts<Held extends HeldByDirect> {
  /** Milliseconds until an attempt may begin; `Infinity`: until another one has ended. */
  waitMs(attempt: DirectAttempt): number;
  /** Takes a permit; undefined if none is free, in which case {@link DirectLine.admit} is called when one is. */
  take(attempt: DirectAttempt): Held | undefined;
  ended(held: Held, startedAtMs: number, report: DeliveryReport | undefined): void;
  /** See {@link Admission.guarded}. */
  guarded(message: OutgoingMessage): OutgoingMessage;
}

const shortestRetryMs = 1000;

/** Clients that wait for a direct delivery from one mailbox, in order of arrival. */
export class DirectLine<Held extends HeldByDirect> {
  readonly #clock: Clock;
  readonly #parts: DirectLineParts<Held>;
  readonly #waiting = new Set<Waiter<Held>>();

  constructor(clock: Clock, parts: DirectLineParts<Held>) {
    this.#clock = clock;
    this.#parts = parts;
  }

  /**
   * Resolves when {@link admit} has found a permit, after `patienceMs`, or as soon as it is clear that this time is not
   * enough.
   */
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
      const admit = (held: Held) => {
        cancel();
        resolve(this.#admission(held));
      };
      const waiter: Waiter<Held> = { attempt, refuse, admit };
      this.#waiting.add(waiter);
    });
  }

  /**
   * Admits the clients that may begin.
   * @returns milliseconds until it is worth looking again; `Infinity` if something else calls for it
   */
  admit(): number {
    let again = Number.POSITIVE_INFINITY;
    for (const waiter of this.#waiting) {
      const waitMs = this.#parts.waitMs(waiter.attempt);
      if (waitMs > 0) {
        again = Math.min(again, waitMs);
        continue;
      }
      const held = this.#parts.take(waiter.attempt);
      if (!held) break;
      this.#waiting.delete(waiter);
      waiter.admit(held);
    }
    return again;
  }

  /** Refuses the waiting clients, or only those that have no courier other than this one. */
  refuse(courier?: CourierKind): void {
    for (const waiter of this.#waiting) {
      if (courier === undefined || waiter.attempt.couriers.every((each) => each === courier)) waiter.refuse();
    }
  }

  #admission(held: Held): Admission {
    const startedAtMs = this.#clock.now();
    let open = true;
    return {
      admitted: true,
      courier: held.courier,
      signal: held.abort.signal,
      guarded: (message) => this.#parts.guarded(message),
      ended: (report) => {
        if (!open) return;
        open = false;
        this.#parts.ended(held, startedAtMs, report);
      },
    };
  }
}

function refusal(waitMs: number): AdmissionRefused {
  const retryAfterMs = Number.isFinite(waitMs) ? Math.ceil(waitMs) : shortestRetryMs;
  return { admitted: false, retryAfterMs: Math.max(shortestRetryMs, retryAfterMs) };
}
