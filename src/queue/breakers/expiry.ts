import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { CourierOrder } from '../../message/courier-kind.ts';
import type { AttemptLog } from '../attempts/attempt-log.ts';
import { givenUp, type Verdict } from '../attempts/verdict.ts';
import type { Notice, QueuedMessage } from '../message.ts';
import type { Lease } from '../ownership/lease.ts';
import { isLeaseLost } from '../ownership/lease-guard.ts';
import type { QueueStore } from '../store.ts';
import type { Breakers } from './breakers.ts';

export interface BreakerExpiryOptions {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly breakers: Breakers;
  readonly attemptLog: AttemptLog;
  /** The lease by which this instance delivers a message; undefined if another instance has to give it up. */
  leaseOf(message: QueuedMessage): Lease | undefined;
  couriersOf(message: QueuedMessage): CourierOrder;
  isUnderWay(message: QueuedMessage): boolean;
  /** Composes the bounces; never rejects. */
  bounces(message: QueuedMessage, verdict: Verdict): Promise<readonly Notice[]>;
  onQueued(bounce: QueuedMessage, message: QueuedMessage): void;
}

/** Messages read at a time. */
const atATime = 50;

/** Gives up messages whose time runs out while an open breaker keeps them from their last attempt. */
export class BreakerExpiry {
  readonly #options: BreakerExpiryOptions;
  /** These must not be attempted now. */
  readonly #givingUp = new Set<string>();
  /** Nothing seen before then says how long a message has been tried. */
  #clockSetAtMs = Number.NEGATIVE_INFINITY;
  #round: Promise<void> | undefined;
  #stopped = false;

  constructor(options: BreakerExpiryOptions) {
    this.#options = options;
  }

  isGivingUp(id: string): boolean {
    return this.#givingUp.has(id);
  }

  clockWasSet(): void {
    this.#clockSetAtMs = this.#options.clock.now();
  }

  /** Never rejects. */
  async look(): Promise<void> {
    this.#round ??= this.#lookThrough()
      .catch((error: unknown) => this.#options.log.error({ error }, 'queue: cannot read or write the store'))
      .then(() => {
        this.#round = undefined;
      });
    await this.#round;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#round;
  }

  async #lookThrough(): Promise<void> {
    const { store, clock, breakers } = this.#options;
    const connections = new Set(breakers.view().map(({ connection }) => connection));
    for (const connection of connections) {
      for (let afterId = ''; !this.#stopped; ) {
        const expired = await store.expired(connection, clock.now(), afterId, atATime);
        for (const message of expired) await this.#look(message);
        const last = expired.at(-1);
        if (!last || expired.length < atATime) break;
        afterId = last.id;
      }
    }
  }

  async #look(message: QueuedMessage): Promise<void> {
    const { clock, breakers, leaseOf, couriersOf, isUnderWay } = this.#options;
    const lease = leaseOf(message);
    if (!lease) return;
    const opens = couriersOf(message).map((courier) => breakers.gate(message.connection).open(courier));
    const [open] = opens;
    if (!open || !opens.every(Boolean) || isUnderWay(message)) return;
    if (clock.now() < endOf(message, Math.max(open.sinceMs, this.#clockSetAtMs))) return;
    this.#givingUp.add(message.id);
    try {
      const { outcome, code, text, remedy } = open.trouble;
      const why = { outcome, code, text, ...(remedy ? { remedy } : {}) };
      await this.#giveUp(message, givenUp(message, why), lease);
    } catch (error) {
      // The instance that delivers it by now gives it up.
      if (!isLeaseLost(error)) throw error;
    } finally {
      this.#givingUp.delete(message.id);
    }
  }

  async #giveUp(message: QueuedMessage, verdict: Verdict, lease: Lease): Promise<void> {
    const { store, clock, attemptLog, bounces, onQueued } = this.#options;
    const { recipients } = verdict;
    const composed = await bounces(message, verdict);
    const given = { recipients, finishedAtMs: clock.now(), bounces: composed };
    const queued = await store.giveUp(message.id, given, lease);
    attemptLog.givenUp(message, verdict);
    for (const bounce of queued) onQueued(bounce, message);
  }
}

/**
 * When a message is given up. If its time was over before the trouble began, the bridge was away or the clock was set,
 * so it has hardly been tried: it gets its time once more.
 */
function endOf({ receivedAtMs, expiresAtMs }: QueuedMessage, troubleSinceMs: number): number {
  return expiresAtMs >= troubleSinceMs ? expiresAtMs : troubleSinceMs + (expiresAtMs - receivedAtMs);
}
