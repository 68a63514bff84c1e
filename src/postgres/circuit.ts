import type { BridgeError } from '../base/errors.ts';

const firstWaitMs = 250;
const longestWaitMs = 5000;

/** The events of a circuit. */
export interface CircuitEvents {
  /** Tries whether the server can be reached. */
  probe(): Promise<void>;
  /** From now on every query is refused. */
  opened(reason: BridgeError): void;
  /** Queries are possible again. */
  closed(): void;
  /** Turns the failure of a probe into an error that can be shown. */
  reasonOf(error: unknown): BridgeError;
}

/**
 * Knows whether the server can be reached. While it cannot, nobody waits for it: only one prober tries again, after a
 * wait that grows with each failure and differs between instances.
 */
export class Circuit {
  readonly #events: CircuitEvents;
  readonly #waiting = new Set<(reachable: boolean) => void>();
  #openBecause: BridgeError | undefined;
  #probing = false;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #ended = false;

  constructor(events: CircuitEvents) {
    this.#events = events;
  }

  /** Why queries are refused; undefined while they are not. */
  get reason(): BridgeError | undefined {
    return this.#openBecause;
  }

  /** A connection broke, or could not be made: checks at once whether another can. */
  suspect(): void {
    if (this.#probing || this.#openBecause || this.#ended) return;
    void this.#probe();
  }

  /** Returns at once if the server can be reached. @returns whether it can be within `patienceMs` */
  async reachable(patienceMs: number): Promise<boolean> {
    if (!this.#openBecause && !this.#probing) return true;
    return await new Promise((resolve) => {
      const settle = (reachable: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(settle);
        resolve(reachable);
      };
      const timer = setTimeout(() => settle(false), patienceMs);
      this.#waiting.add(settle);
    });
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    for (const settle of this.#waiting) settle(false);
  }

  async #probe(): Promise<void> {
    this.#probing = true;
    try {
      await this.#events.probe();
      this.#probing = false;
      this.#close();
    } catch (error) {
      this.#probing = false;
      this.#open(this.#events.reasonOf(error));
    }
  }

  #open(reason: BridgeError): void {
    if (this.#ended) return;
    const isNew = !this.#openBecause;
    this.#openBecause = reason;
    const waitMs = Math.min(firstWaitMs * 2 ** this.#failures++, longestWaitMs) * (0.75 + Math.random() / 2);
    this.#timer = setTimeout(() => void this.#probe(), waitMs).unref();
    if (isNew) this.#events.opened(reason);
  }

  #close(): void {
    this.#failures = 0;
    const wasOpen = this.#openBecause !== undefined;
    this.#openBecause = undefined;
    if (this.#ended) return;
    for (const settle of this.#waiting) settle(true);
    if (wasOpen) this.#events.closed();
  }
}
