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
  /** How long finished messages stay in the queue, without and with their body. */
  readonly retain: { readonly deliveredMs: number; readonly failedMs: number };
  /** Which destinations this instance delivers; default: all. */
  readonly ownership?: Ownership;
  /**
   * Closes what is open at the upstream for a mailbox that another instance is to deliver; default: nothing is open.
   */
  closeSessions?(destination: string): Promise<void>;
  /** The couriers that may take a message, in order of preference; default: only its own. */
  couriersOf?(message: QueuedMessage): CourierOrder | undefined;
  /** How long an outage of one courier lasts before another takes over; default: a minute. */
  readonly failoverAfterMs?: number;
  /** The courier for a message; undefined if the configuration no longer has it: the message then waits. */
  courierFor(message: QueuedMessage): Courier | undefined;
  /** Probes whether the trouble of a connection is over; default: only attempts show that. */
  readonly probe?: ProbeConnection;
  /** Default: nothing is counted. */
  readonly observer?: QueueObserver;
  /** 0 to below 1; default `Math.random`. */
  readonly random?: () => number;
  /** Composes the bounces to the sender and others; none if there is nobody to send them to. */
  bouncesFor(message: QueuedMessage, verdict: Verdict): Promise<readonly Notice[]>;
  /** Follow-ups of delivered messages; default: none. */
  readonly followUps?: FollowUpPlan;
}

/** A delivery outside the queue, made while a client waits. */
export interface DirectSubmission {
  readonly connection: string;
  readonly mailbox: string;
  /** Any of them will do; the first is the best. */
  readonly couriers: CourierOrder;
  /** Recipient addresses. */
  readonly recipients: readonly string[];
}
