import type { Clock } from '../../base/clock.ts';

/**
 * Parts of the tenant's limits that several instances on one store take for themselves before they send, so that they
 * never send more together. Both calls reject as the store does; a grant whose answer was lost is given by the next one
 * for the connection.
 */
export interface ExternalGrants {
  /**
   * Takes a part of what is left of a connection's limit: less what attempts within the window were recorded to have
   * used, and what processes hold. What is recorded of an attempt of this process lowers what it holds by as much. A
   * process that ended without a word holds its part for another day: it may have used it.
   * @returns how much this process holds more, 0 to `amount`
   */
  grant(connection: string, amount: number, of: ExternalWindow): Promise<number>;
  /** Gives up a part that was not used. */
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
  /** What was asked for is here, or is not to be had. */
  onAnswer(): void;
  onFailure(error: unknown): void;
}

/** Asked for at a time, of the limit: what an idle instance keeps from the others. */
const share = 0.01;
/** A limit that has nothing left is left alone for so long. */
const refusedForMs = 60_000;
/** A store that could not be asked, likewise. */
const failedForMs = 1000;

/** What this instance holds of the limit of one connection. */
export class GrantedPart {
  readonly #options: GrantedPartOptions;
  /** Granted, and not used by an attempt that has ended. */
  #held = 0;
  /** Of that, for attempts under way. */
  #reserved = 0;
  #isAsking = false;
  #refusedUntilMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  #givenBack: Promise<void> = Promise.resolve();

  constructor(options: GrantedPartOptions) {
    this.#options = options;
  }

  /** Whether there is no part for so many yet, and the store is asked for one. */
  isAskedFor(recipients: number): boolean {
    if (this.#missing(recipients) === 0 || this.waitMs(recipients) > 0) return false;
    if (!this.#isAsking) void this.#ask(recipients);
    return true;
  }

  /** Milliseconds until it is worth asking for so many; 0: now, or they are here. */
  waitMs(recipients: number): number {
    const leftMs = this.#refusedUntilMs - this.#options.clock.now();
    // A longer wait began before the clock was set back.
    return leftMs > refusedForMs || this.#missing(recipients) === 0 ? 0 : Math.max(0, leftMs);
  }

  reserve(recipients: number): void {
    this.#reserved += recipients;
  }

  /** What was reserved has ended; `used` of it is recorded soon, or may have been used. */
  settle(reserved: number, used: number): void {
    this.#reserved -= reserved;
    this.#held = Math.max(0, this.#held - used);
    if (this.#isClosed) this.#giveBackFree();
  }

  /** Gives back what no attempt under way needs. @returns resolves when the store has it. Never rejects */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#giveBackFree();
    await this.#givenBack;
  }

  /** So many cannot be more than the limit, which one message alone may go beyond. */
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
      // Too little for this message is enough for one of another instance.
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
