import { type CourierKind, courierKinds } from '../../message/courier-kind.ts';
import type { DeliveryReport, RecipientOutcome } from '../../message/delivery.ts';
import { isAmbiguous } from '../attempts/in-flight.ts';
import type { OpenBreaker } from '../breakers/breaker.ts';
import { type AskedPause, type LearnedPause, learnPause, pauseLeftMs } from '../limits/pause.ts';
import type { Obstacle } from './choose.ts';

const minuteMs = 60_000;
/** A mailbox that waits for an administrator is tried after this time, doubled with each further trial. */
const firstAdminTrialMs = 10 * minuteMs;
const longestAdminTrialMs = 60 * minuteMs;
/** The same for a mailbox at which a courier keeps failing. */
const firstOutageTrialMs = 5_000;

/** The key under which the store keeps a pause of one courier at a mailbox. */
export function courierPauseKey(destination: string, courier: CourierKind): string {
  return `${destination} by ${courier}`;
}

/** A change that the store has to record. */
export type PauseChange = { readonly set: LearnedPause } | { readonly end: string };

/** What one courier's attempt shows about the mailbox. */
export interface CourierAttempt {
  readonly courier: CourierKind;
  readonly startedAtMs: number;
  readonly report: DeliveryReport;
  /** The pause that the report calls for, if it concerns the courier. */
  readonly asked: AskedPause | undefined;
}

/**
 * Tracks which couriers are shut for one mailbox while others can take its mail. A courier is shut if it was asked to
 * pause for longer than the failover time, if an administrator has to act, or if all attempts have failed for that time
 * with nothing delivered in between.
 */
export class CourierPauses {
  readonly #destination: string;
  readonly #failoverAfterMs: number;
  readonly #pauses = new Map<CourierKind, LearnedPause>();
  /** Since when a courier's attempts have only met trouble or a pause. */
  readonly #troubleSinceMs = new Map<CourierKind, number>();

  /** @param learned before a restart */
  constructor(destination: string, failoverAfterMs: number, learned: ReadonlyMap<string, LearnedPause> = new Map()) {
    this.#destination = destination;
    this.#failoverAfterMs = failoverAfterMs;
    for (const courier of courierKinds) {
      const pause = learned.get(courierPauseKey(destination, courier));
      if (pause) this.#pauses.set(courier, pause);
    }
  }

  /** @param isIdle whether no attempt of the courier is under way; one would show whether it is open again */
  obstacle(courier: CourierKind, nowMs: number, isIdle: boolean): Obstacle | undefined {
    const pause = this.#pauses.get(courier);
    if (!pause) return undefined;
    const obstacle = pauseObstacle(pause, this.#failoverAfterMs);
    const isOver = pause.sinceMs > nowMs || nowMs >= obstacle.untilMs;
    return isOver && isIdle ? undefined : { ...obstacle, sinceMs: this.#troubleSinceMs.get(courier) ?? pause.sinceMs };
  }

  /** Milliseconds until an attempt may be made if no other courier is open either. */
  leftMs(courier: CourierKind, nowMs: number): number {
    return pauseLeftMs(this.#pauses.get(courier), nowMs);
  }

  isPaused(courier: CourierKind): boolean {
    return this.#pauses.has(courier);
  }

  /** Milliseconds until any courier may be open; `Infinity` if only an attempt shows that. */
  waitMs(nowMs: number): number {
    let waitMs = Number.POSITIVE_INFINITY;
    for (const pause of this.#pauses.values()) {
      for (const atMs of [pause.untilMs, pauseObstacle(pause, this.#failoverAfterMs).untilMs]) {
        if (atMs > nowMs) waitMs = Math.min(waitMs, atMs - nowMs);
      }
    }
    return waitMs;
  }

  /**
   * When continuing trouble of a courier will have lasted for the failover time, milliseconds since 1970; undefined if
   * it has no trouble or is already shut.
   */
  shutAtMs(courier: CourierKind): number | undefined {
    const sinceMs = this.#troubleSinceMs.get(courier);
    return sinceMs === undefined || this.#pauses.has(courier) ? undefined : sinceMs + this.#failoverAfterMs;
  }

  /** Records what an attempt has shown. @returns what has changed, if anything */
  learn(attempt: CourierAttempt, nowMs: number): PauseChange | undefined {
    const { courier, startedAtMs, report } = attempt;
    const asked = attempt.asked ?? this.#outage(attempt, nowMs) ?? this.#failedTrial(attempt);
    if (asked) return this.#pause(courier, asked, startedAtMs, nowMs);
    if (!showsWork(report)) return undefined;
    this.#troubleSinceMs.delete(courier);
    const pause = this.#pauses.get(courier);
    return pause && startedAtMs >= pause.untilMs ? this.#end(courier, pause) : undefined;
  }

  /** Ends the pauses that something else has shown to be over. @returns their keys */
  endWhere(isOver: (pause: LearnedPause) => boolean): string[] {
    const over = [...this.#pauses].filter(([, pause]) => isOver(pause));
    for (const [courier, pause] of over) this.#end(courier, pause);
    return over.map(([, { key }]) => key);
  }

  clockWasSetBack(nowMs: number): string[] {
    for (const [courier, sinceMs] of this.#troubleSinceMs) {
      if (sinceMs > nowMs) this.#troubleSinceMs.delete(courier);
    }
    return this.endWhere(({ sinceMs }) => sinceMs > nowMs);
  }

  #pause(courier: CourierKind, { askedMs, because }: AskedPause, startedAtMs: number, nowMs: number): PauseChange {
    if (!this.#troubleSinceMs.has(courier)) this.#troubleSinceMs.set(courier, nowMs);
    const remedy = because.outcome === 'needs-admin' ? because.remedy : undefined;
    const told = { ...because, text: [because.text, remedy].filter(Boolean).join(' ') };
    const key = courierPauseKey(this.#destination, courier);
    const pause = learnPause(key, this.#pauses.get(courier), { askedMs, because: told }, startedAtMs, nowMs);
    this.#pauses.set(courier, pause);
    return { set: pause };
  }

  #end(courier: CourierKind, { key }: LearnedPause): PauseChange {
    this.#pauses.delete(courier);
    this.#troubleSinceMs.delete(courier);
    return { end: key };
  }

  /**
   * The pause after a trial attempt that shows neither an end of the pause nor a new one: without it the next trial
   * would begin at once.
   */
  #failedTrial({ courier, startedAtMs, report }: CourierAttempt): AskedPause | undefined {
    const pause = this.#pauses.get(courier);
    if (!pause || startedAtMs < pause.untilMs || showsWork(report)) return undefined;
    const { code, text, needsAdmin } = pause;
    const because = { address: '', outcome: needsAdmin ? 'needs-admin' : 'temporary', code, text } as const;
    return { askedMs: Math.max(firstOutageTrialMs, this.#failoverAfterMs), because };
  }

  /** The pause for lasting trouble: several attempts of this mailbox have met it, and nothing else shows it. */
  #outage({ courier, report }: CourierAttempt, nowMs: number): AskedPause | undefined {
    const because = troubleOf(report);
    if (!because) return undefined;
    const sinceMs = this.#troubleSinceMs.get(courier) ?? nowMs;
    this.#troubleSinceMs.set(courier, sinceMs);
    if (!this.#pauses.has(courier) && nowMs - sinceMs < this.#failoverAfterMs) return undefined;
    return { askedMs: Math.max(firstOutageTrialMs, this.#failoverAfterMs), because };
  }
}

/** A permanent refusal is as much a sign of a working mailbox as a delivery. */
function showsWork({ recipients, sentNothing }: DeliveryReport): boolean {
  return !sentNothing && recipients.some(({ outcome }) => outcome === 'delivered' || outcome === 'permanent');
}

/** What an attempt shows of trouble that may be the courier's and not the message's. */
function troubleOf(report: DeliveryReport): RecipientOutcome | undefined {
  const { recipients, trouble, sentNothing } = report;
  if (sentNothing || showsWork(report)) return undefined;
  return trouble ? recipients[0] : recipients.find((outcome) => isAmbiguous({ last: outcome }));
}

/** What a pause of a courier at a mailbox means for the choice. */
export function pauseObstacle(pause: LearnedPause, failoverAfterMs: number): Obstacle {
  const { code, text, sinceMs, untilMs, needsAdmin, strikes } = pause;
  const isShut = needsAdmin || untilMs - sinceMs >= failoverAfterMs;
  const trialMs = Math.min(longestAdminTrialMs, firstAdminTrialMs * 2 ** Math.min(strikes - 1, 10));
  const trialAtMs = needsAdmin ? Math.max(untilMs, sinceMs + trialMs) : untilMs;
  return { of: 'mailbox', code, text, sinceMs, needsAdmin, isShut, untilMs: trialAtMs };
}

/** What an open breaker means for the choice. */
export function breakerObstacle(
  { trouble, sinceMs, nextProbeAtMs }: Pick<OpenBreaker, 'trouble' | 'sinceMs' | 'nextProbeAtMs'>,
  nowMs: number,
  failoverAfterMs: number,
): Obstacle {
  const { code, text, remedy = '', outcome } = trouble;
  const needsAdmin = outcome === 'needs-admin';
  // `nowMs < sinceMs`: it began before the clock was set back.
  const isShut = needsAdmin || nowMs < sinceMs || nowMs - sinceMs >= failoverAfterMs;
  const untilMs = isShut ? nextProbeAtMs : Math.min(nextProbeAtMs, sinceMs + failoverAfterMs);
  const told = needsAdmin ? `${text} ${remedy}`.trimEnd() : text;
  return { of: 'connection', code, text: told, sinceMs, needsAdmin, isShut, untilMs };
}
