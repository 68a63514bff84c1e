import type { Clock } from '../../base/clock.ts';
import type { QueuedMessage } from '../message.ts';
import { isLeaseLost, type LeaseGuard } from '../ownership/lease-guard.ts';
import type { QueueStore } from '../store.ts';
import type { AttemptPermits } from './attempt-permits.ts';
import { meteredAttempt } from './meter.ts';

export interface ParkingOptions {
  readonly store: Pick<QueueStore, 'defer'>;
  readonly clock: Clock;
  readonly attempts: Pick<AttemptPermits, 'externalWaitMs'>;
  readonly guard: LeaseGuard;
  /** @param untilMs undefined if the store could not be written */
  onParked(ids: readonly string[], untilMs: number | undefined): void;
  /** Another instance delivers by now and defers them itself. */
  onLost(ids: readonly string[]): void;
  onFailure(error: unknown): void;
}

/** The least wait of a message stopped by the tenant's limit: mail within the tenant continues without it. */
const shortestMs = 5 * 60_000;
/** The same for a message that waits for its own courier while others use another one. */
const courierMs = 60_000;

/** Defers messages in the store that must not hold up the mail behind them. */
export class Parking {
  readonly #options: ParkingOptions;

  constructor(options: ParkingOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async park(messages: readonly QueuedMessage[]): Promise<void> {
    const { store, clock, attempts, guard, onParked, onLost, onFailure } = this.#options;
    const waitMs = Math.max(...messages.map((each) => attempts.externalWaitMs(meteredAttempt(each))));
    const leastMs = waitMs > 0 ? shortestMs : courierMs;
    const untilMs = clock.now() + Math.max(Number.isFinite(waitMs) ? waitMs : 0, leastMs);
    const ids = messages.map((each) => each.id);
    try {
      await store.defer(ids, untilMs, guard.lease);
      onParked(ids, untilMs);
    } catch (error) {
      if (isLeaseLost(error)) return onLost(ids);
      onFailure(error);
      onParked(ids, undefined);
    }
  }
}
