import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { CourierOrder } from '../message/courier-kind.ts';
import type { BackoffOptions } from './attempts/backoff.ts';
import type { Verdict } from './attempts/verdict.ts';
import type { ProbeConnection } from './breakers/breakers.ts';
import type { Courier, CourierTable } from './courier.ts';
import type { FollowUpPlan } from './follow-ups/follow-ups.ts';
import type { IsInternal, OneLogin, QueueLimits } from './limits/limits.ts';
import type { Notice, QueuedMessage } from './message.ts';
import type { QueueObserver } from './observer.ts';
import type { Ownership } from './ownership/ownership.ts';
import type { QueueStore } from './store.ts';

export interface SchedulerOptions {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: QueueLimits;
  readonly couriers: CourierTable;
  /** Default: every recipient counts as external. */
  readonly isInternal?: IsInternal;
  /** Default: each mailbox logs in itself. */
  readonly oneLogin?: OneLogin;
  readonly backoff: BackoffOptions;
  /** How long messages that are finished stay in the queue: without their body, and with it. */
  readonly retain: { readonly deliveredMs: number; readonly failedMs: number };
  /** Which destinations this instance delivers; default: all. */
  readonly ownership?: Ownership;
  /** Leaves what is open at the upstream for a mailbox, which another instance is to deliver; default: nothing is. */
  closeSessions?(destination: string): Promise<void>;
  /** The couriers that a message may go by, in order of preference; default: the one that it has. */
  couriersOf?(message: QueuedMessage): CourierOrder | undefined;
  /** How long an outage of one courier lasts before another takes over; default: a minute. */
  readonly failoverAfterMs?: number;
  /** The courier for a message; undefined when the configuration no longer has one: the message then waits. */
  courierFor(message: QueuedMessage): Courier | undefined;
  /** Asks whether the trouble of a connection is over; default: only attempts show that. */
  readonly probe?: ProbeConnection;
  /** Default: nobody counts. */
  readonly observer?: QueueObserver;
  /** 0 to below 1; default `Math.random`. */
  readonly random?: () => number;
  /** Composes the bounces to the sender and others; none where there is nobody to tell. */
  bouncesFor(message: QueuedMessage, verdict: Verdict): Promise<readonly Notice[]>;
  /** What is to follow messages that were delivered; left out: nothing. */
  readonly followUps?: FollowUpPlan;
}

/** A delivery while a client waits, which the queue does not hold. */
export interface DirectSubmission {
  readonly connection: string;
  readonly mailbox: string;
  /** Any of them will do, the first the best. */
  readonly couriers: CourierOrder;
  /** Addresses. */
  readonly recipients: readonly string[];
}
