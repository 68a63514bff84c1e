import { answerText } from '../../message/answer-text.ts';
import type { CourierKind, CourierOrder } from '../../message/courier-kind.ts';
import { breakerKeys, isLeftBehind } from '../breakers/breakers.ts';
import { couriersFor, type Obstacle } from '../choice/choose.ts';
import { courierPauseKey, pauseObstacle } from '../choice/courier-pauses.ts';
import type { CourierTable } from '../courier.ts';
import { dayMs, type IsInternal, minuteMs, type QueueLimits } from '../limits/limits.ts';
import { externalKey, type LearnedPause, pauseLeftMs } from '../limits/pause.ts';
import { SlidingWindow } from '../limits/sliding-window.ts';
import { destinationOf, type QueuedMessage } from '../message.ts';
import type { QueueStore } from '../store.ts';

/** What a queued message waits for. */
export interface Waiting {
  /**
   * `breaker`: the connection is in trouble and is probed next at `untilMs`; everything due is sent once that succeeds.
   * `paused`: an upstream asked to wait. `backoff`: the wait after an attempt, or until the tenant's limit allows more.
   * `rate`: messages a minute. `daily`: recipients in 24 hours. `concurrency`: only a permit is missing, unless the
   * message is already being delivered.
   */
  readonly kind: 'breaker' | 'paused' | 'backoff' | 'rate' | 'daily' | 'concurrency';
  /** Not before then; an estimate if other mail goes first. */
  readonly untilMs: number;
  readonly reason: string;
  /** Paused until an administrator changes something, or a retry asks for another attempt. */
  readonly needsAdmin?: true;
}

/** What to look at, and when. */
export interface WaitingOptions {
  readonly limits: QueueLimits;
  readonly couriers: CourierTable;
  readonly isInternal: IsInternal;
  /** See {@link SchedulerOptions.couriersOf}. */
  couriersOf?(message: QueuedMessage): CourierOrder | undefined;
  /** See {@link SchedulerOptions.failoverAfterMs}. */
  readonly failoverAfterMs?: number;
  readonly nowMs: number;
  /** How many messages of a mailbox are read to find a message's place in line; default 10,000. */
  readonly longestLine?: number;
}

const usualLongestLine = 10_000;
const leastLine = 100;

/**
 * The {@link WaitingOptions.longestLine} for several messages: for any mix of mailboxes, no more is read than for one
 * message, or than is shown.
 * @param shown messages that may be shown
 */
export function lineFor(messages: readonly QueuedMessage[], shown: number): number {
  const destinations = new Set(messages.map(destinationOf)).size;
  const share = Math.floor(Math.max(shown, usualLongestLine) / Math.max(1, destinations));
  return Math.min(usualLongestLine, Math.max(leastLine, share));
}

/** What is ahead of a message. */
interface Ahead {
  readonly messages: number;
  readonly recipients: number;
}

interface DestinationState {
  readonly minute: SlidingWindow;
  readonly day: SlidingWindow;
  /** For each due message that was read. */
  readonly ahead: ReadonlyMap<string, Ahead>;
  /** For the other messages; a lower bound. */
  readonly beyond: Ahead;
}

/** Why queued messages do not go out now, as far as the store knows: another process can ask it as well. */
export class WaitingView {
  readonly #store: QueueStore;
  readonly #options: WaitingOptions;
  readonly #destinations = new Map<string, Promise<DestinationState>>();
  #pauses: ReadonlyMap<string, LearnedPause> | undefined;

  constructor(store: QueueStore, options: WaitingOptions) {
    this.#store = store;
    this.#options = options;
  }

  /**
   * Undefined for messages that are not queued.
   * @throws what the store throws
   */
  async of(message: QueuedMessage): Promise<Waiting | undefined> {
    if (message.state !== 'queued') return undefined;
    const trouble = await this.troubleOf(message);
    if (trouble) return trouble;
    if (message.nextAttemptAtMs > this.#options.nowMs) {
      const reason = message.attempts === 0 ? 'deferred by a limit' : 'deferred after a failed attempt';
      return { kind: 'backoff', untilMs: message.nextAttemptAtMs, reason };
    }
    return await this.#atLimit(message);
  }

  /** Whether there is any trouble to report. @throws what the store throws */
  async hasTrouble(): Promise<boolean> {
    return (await this.#learnPauses()).size > 0;
  }

  /**
   * The trouble of a connection or a mailbox that a queued message waits for, regardless of limits.
   * @throws what the store throws
   */
  async troubleOf(message: QueuedMessage): Promise<Waiting | undefined> {
    await this.#learnPauses();
    const courier = this.#couriersOf(message);
    if (courier) return courier;
    const pause = this.#pauseOf(message);
    return pause && pause.untilMs >= message.nextAttemptAtMs ? paused(pause) : undefined;
  }

  async #learnPauses(): Promise<ReadonlyMap<string, LearnedPause>> {
    this.#pauses ??= new Map((await this.#store.pauses()).map((each) => [each.key, each]));
    return this.#pauses;
  }

  /** What keeps the message waiting, if all of its couriers are blocked. */
  #couriersOf(message: QueuedMessage): Waiting | undefined {
    const { couriersOf, nowMs } = this.#options;
    const order = couriersOf?.(message) ?? ([message.courier] as const);
    const { couriers } = couriersFor(order, { recipients: message.recipients, ambiguousBy: undefined, stays: false });
    const obstacles = couriers.map((courier) => this.#obstacle(message, courier));
    const open = obstacles.findIndex((each) => !each?.isShut);
    const why = open < 0 ? obstacles.find((each) => each !== undefined) : obstacles[open];
    if (!why) return undefined;
    const untilMs = Math.max(nowMs, Math.min(...obstacles.map((each) => each?.untilMs ?? Number.POSITIVE_INFINITY)));
    if (why.of === 'mailbox') return paused({ ...why, untilMs });
    return { kind: 'breaker', untilMs, reason: `connection ${message.connection} is paused: ${answerText(why)}` };
  }

  /** An open breaker lasts until it closes, however long its probe takes. */
  #obstacle(message: QueuedMessage, courier: CourierKind): Obstacle | undefined {
    const { failoverAfterMs = minuteMs, nowMs } = this.#options;
    for (const key of breakerKeys(message.connection, this.#options.couriers[courier])) {
      const open = this.#pauses?.get(key);
      if (open && !isLeftBehind(open, nowMs))
        return { ...pauseObstacle(open, 0), ...lastingSince(open, nowMs, failoverAfterMs), of: 'connection' };
    }
    const pause = this.#learned(courierPauseKey(destinationOf(message), courier));
    return pause && pauseObstacle(pause, failoverAfterMs);
  }

  #learned(key: string): LearnedPause | undefined {
    const pause = this.#pauses?.get(key);
    return pauseLeftMs(pause, this.#options.nowMs) > 0 ? pause : undefined;
  }

  #pauseOf(message: QueuedMessage): LearnedPause | undefined {
    const ofMailbox = this.#learned(destinationOf(message));
    const ofTenant = this.#learned(externalKey(message.connection));
    if (!ofTenant || !this.#hasExternal(message)) return ofMailbox;
    return ofMailbox && ofMailbox.untilMs > ofTenant.untilMs ? ofMailbox : ofTenant;
  }

  #hasExternal({ connection, recipients }: QueuedMessage): boolean {
    return recipients.some(
      ({ state, address }) => state === 'pending' && !this.#options.isInternal(connection, address),
    );
  }

  async #atLimit(message: QueuedMessage): Promise<Waiting> {
    const { nowMs, limits } = this.#options;
    const { minute, day, ahead, beyond } = await this.#destination(destinationOf(message));
    const { messages, recipients } = ahead.get(message.id) ?? beyond;
    const dailyMs = waitOf(day, nowMs, recipients + pending(message), limits.recipientsPerDay, dayMs);
    const rateMs = waitOf(minute, nowMs, messages + 1, limits.messagesPerMinute, minuteMs);
    if (dailyMs > rateMs) {
      const reason = `the mailbox sends to ${limits.recipientsPerDay} recipients in 24 hours`;
      return { kind: 'daily', untilMs: nowMs + dailyMs, reason };
    }
    if (rateMs > 0) {
      const reason = `the mailbox sends ${limits.messagesPerMinute} messages a minute`;
      return { kind: 'rate', untilMs: nowMs + rateMs, reason };
    }
    return { kind: 'concurrency', untilMs: nowMs, reason: 'in progress, or next when a permit is free' };
  }

  #destination(key: string): Promise<DestinationState> {
    let state = this.#destinations.get(key);
    if (!state) {
      state = this.#readDestination(key);
      this.#destinations.set(key, state);
    }
    return state;
  }

  async #readDestination(key: string): Promise<DestinationState> {
    const { nowMs, limits, longestLine = usualLongestLine } = this.#options;
    const minute = new SlidingWindow(limits.messagesPerMinute, minuteMs);
    const day = new SlidingWindow(limits.recipientsPerDay, dayMs);
    const sent = await this.#store.sentSince(key, nowMs - dayMs, nowMs);
    for (const each of sent.toSorted((a, b) => a.endedAtMs - b.endedAtMs)) {
      minute.settle(0, each.endedAtMs, 1);
      day.settle(0, each.endedAtMs, each.recipients);
    }
    const ahead = new Map<string, Ahead>();
    let recipients = 0;
    const line = await this.#store.due(key, nowMs, longestLine);
    for (const message of line) {
      ahead.set(message.id, { messages: ahead.size, recipients });
      recipients += pending(message);
    }
    const isWhole = line.length < longestLine;
    return {
      minute,
      day,
      ahead,
      beyond: isWhole ? { messages: 0, recipients: 0 } : { messages: ahead.size, recipients },
    };
  }
}

/** Passing trouble of a connection is waited for at first. */
function lastingSince({ sinceMs, untilMs, needsAdmin }: LearnedPause, nowMs: number, failoverAfterMs: number) {
  const shutAtMs = sinceMs + failoverAfterMs;
  const isShut = needsAdmin || nowMs >= shutAtMs;
  return { isShut, untilMs: isShut ? untilMs : Math.min(untilMs, shutAtMs) };
}

function paused({ untilMs, needsAdmin, code, text }: Omit<Obstacle, 'of' | 'isShut' | 'sinceMs'>): Waiting {
  const who = needsAdmin ? 'the mailbox waits for an administrator' : 'mailbox paused';
  return {
    kind: 'paused',
    untilMs,
    reason: `${who}: ${answerText({ code, text })}`,
    ...(needsAdmin && { needsAdmin }),
  };
}

function pending({ recipients }: QueuedMessage): number {
  return recipients.filter((each) => each.state === 'pending').length;
}

/** The wait until `amount` more has passed through the window. */
function waitOf(window: SlidingWindow, nowMs: number, amount: number, limit: number, windowMs: number): number {
  const full = Math.max(0, Math.ceil(amount / limit) - 1);
  return window.waitMs(nowMs, amount - full * limit) + full * windowMs;
}
