import type { Clock } from '../../base/clock.ts';

/**
 * Parts of the tenant's limits that each of several instances on one store reserves before sending, so that together
 * they never send more. Both calls reject as the store does; if the answer to a grant is lost, the next call for the
 * connection returns it.
 */
export interface ExternalGrants {
  /**
   * Takes a part of what is left of a connection's limit, which is the limit less the recorded usage within the window
   * and less what processes hold. Recording an attempt of this process lowers what it holds by as much. A process that
   * ended without giving its part back holds it for another day, because it may have used it.
   * @returns how much more this process holds, 0 to `amount`
   */
  grant(connection: string, amount: number, of: ExternalWindow): Promise<number>;
  /** Gives back an unused part. */
  giveBack(connection: string, amount: number): Promise<void>;
}

export interface ExternalWindow {
  readonly limit: number;
  readonly windowMs: number;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

export interface GrantedPartOptions {
  readonly grants: ExternalGrants;
  readonly clock: Clock;
  readonly connection: string;
  readonly limit: number;
  readonly windowMs: number;
  /** The requested part has arrived, or is not available. */
  onAnswer(): void;
  onFailure(error: unknown): void;
}

/** Share of the limit requested at a time: what an idle instance keeps from the others. */
const share = 0.01;
/** How long no more is requested of a limit that has nothing left. */
const refusedForMs = 60_000;
/** The same after the store could not be asked. */
const failedForMs = 1000;

/** This instance's part of the limit of one connection. */
export class GrantedPart {
  readonly #options: GrantedPartOptions;
  /** Granted, and not yet used by an attempt that has ended. */
  #held = 0;
  /** The part of it reserved for attempts under way. */
  #reserved = 0;
  #isAsking = false;
  #refusedUntilMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  #givenBack: Promise<void> = Promise.resolve();

  constructor(options: GrantedPartOptions) {
    this.#options = options;
  }

  /** Whether the part for this many is still missing and has been requested from the store. */
  isAskedFor(recipients: number): boolean {
    if (this.#missing(recipients) === 0 || this.waitMs(recipients) > 0) return false;
    if (!this.#isAsking) void this.#ask(recipients);
    return true;
  }

  /** Milliseconds until it is worth requesting this many; 0: now, or they are granted. */
  waitMs(recipients: number): number {
    const leftMs = this.#refusedUntilMs - this.#options.clock.now();
    // A longer wait began before the clock was set back.
    return leftMs > refusedForMs || this.#missing(recipients) === 0 ? 0 : Math.max(0, leftMs);
  }

  reserve(recipients: number): void {
    this.#reserved += recipients;
  }

  /** A reserved attempt has ended; `used` of it is recorded soon, or may have been used. */
  settle(reserved: number, used: number): void {
    this.#reserved -= reserved;
    this.#held = Math.max(0, this.#held - used);
    if (this.#isClosed) this.#giveBackFree();
  }

  /** Gives back what no attempt under way needs. @returns resolves when the store has recorded it. Never rejects */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#giveBackFree();
    await this.#givenBack;
  }

  /** Never more than the limit, which only a single message may exceed. */
  #missing(recipients: number): number {
    const needed = Math.min(recipients, this.#options.limit);
    return Math.max(0, needed - Math.max(0, this.#held - this.#reserved));
  }

  async #ask(recipients: number): Promise<void> {
    const { grants, clock, connection, limit, windowMs, onAnswer, onFailure } = this.#options;
    this.#isAsking = true;
    try {
      const amount = Math.max(this.#missing(recipients), Math.ceil(limit * share));
      const granted = await grants.grant(connection, amount, { limit, windowMs, nowMs: clock.now() });
      this.#held += granted;
      if (this.#missing(recipients) > 0) this.#refusedUntilMs = clock.now() + refusedForMs;
      // What is too little for this message may be enough for a message of another instance.
      if (this.#isClosed || this.#missing(recipients) > 0) this.#giveBackFree();
    } catch (error) {
      onFailure(error);
      await new Promise<void>((resolve) => clock.after(failedForMs, resolve));
    }
    this.#isAsking = false;
    if (!this.#isClosed) onAnswer();
  }

  #giveBackFree(): void {
    const { grants, connection, onFailure } = this.#options;
    const free = this.#held - this.#reserved;
    if (free <= 0) return;
    this.#held -= free;
    this.#givenBack = Promise.all([this.#givenBack, grants.giveBack(connection, free)]).then(() => {}, onFailure);
  }
}
