import type { Clock } from '../base/clock.ts';
import type { ConnectionGate } from './breakers/breakers.ts';
import type { Choice, MessageCouriers } from './choice/choose.ts';
import type { FairPermits } from './limits/fair-permits.ts';
import type { DestinationMeter } from './limits/meter.ts';
import type { LearnedPause } from './limits/pause.ts';
import type { QueuedMessage } from './message.ts';
import type { LeaseGuard } from './ownership/lease-guard.ts';
import type { QueueStore } from './store.ts';

export interface DestinationOptions {
  readonly key: string;
  readonly connection: string;
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly meter: DestinationMeter;
  readonly permits: FairPermits;
  readonly gate: ConnectionGate;
  /** The right by which its mail is delivered here. */
  readonly guard: LeaseGuard;
  /** A pause learned before. */
  readonly pause?: LearnedPause | undefined;
  /** Pauses of single couriers, by their keys in the store. */
  readonly learned?: ReadonlyMap<string, LearnedPause>;
  /** How long an outage of one courier lasts before another takes over; default: a minute. */
  readonly failoverAfterMs?: number;
  /** The first pause of a mailbox that waits for an administrator. */
  readonly adminPauseMs: number;
  /** Whether anything may start; default: yes. {@link Destination.wake} is called when that changes to yes. */
  mayStart?(): boolean;
  /** The couriers that may take a message, in order of preference; default: only its own. */
  couriersOf?(message: QueuedMessage): MessageCouriers;
  /** Starts one attempt; {@link Destination.finished} is called when it has ended. */
  deliver(message: QueuedMessage, choice: Choice, signal: AbortSignal): void;
  /** Called when the store cannot be read or written; the destination looks again automatically. */
  onFailure(error: unknown): void;
  onPause(pause: LearnedPause): void;
}
