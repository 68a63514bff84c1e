import type { Clock } from '../../../base/clock.ts';

/**
 * Limit on requests to Graph per app and mailbox. Microsoft: "Microsoft Graph service-specific throttling limits",
 * Outlook.
 */
export interface RequestLimits {
  readonly requests: number;
  readonly windowMs: number;
}

/** Part of the budget reserved for requests that a client waits for. */
const keptForClients = 0.2;

/** The requests still allowed: the budget refills evenly over its window. */
export class RequestBudget {
  readonly #limits: RequestLimits;
  readonly #clock: Clock;
  #left: number;
  #filledAtMs: number;

  constructor(clock: Clock, limits: RequestLimits) {
    this.#limits = limits;
    this.#clock = clock;
    this.#left = limits.requests;
    this.#filledAtMs = clock.now();
  }

  /**
   * Takes requests from the budget if enough are left.
   * @param background nobody waits for the request: leaves a fifth to the others
   * @returns milliseconds until another try is worthwhile; 0 if the requests are taken
   */
  take(count: number, background: boolean): number {
    this.#fill();
    const { requests, windowMs } = this.#limits;
    const floor = background ? requests * keptForClients : 0;
    const missing = count - (this.#left - floor);
    if (missing > 0) return Math.ceil((missing / requests) * windowMs);
    this.#left -= count;
    return 0;
  }

  #fill(): void {
    const nowMs = this.#clock.now();
    const { requests, windowMs } = this.#limits;
    const passedMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#left = Math.min(requests, this.#left + (passedMs / windowMs) * requests);
    this.#filledAtMs = nowMs;
  }
}
