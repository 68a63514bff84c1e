import type { Clock } from '../../base/clock.ts';
import type { CourierKind, CourierOrder } from '../../message/courier-kind.ts';
import type { DeliveryReport } from '../../message/delivery.ts';
import { type LearnedPause, learnPause, mailboxPause, pauseLeftMs } from '../limits/pause.ts';
import type { QueueStore } from '../store.ts';
import { CourierPauses, type PauseChange } from './courier-pauses.ts';

export interface MailboxPausesOptions {
  readonly key: string;
  readonly store: Pick<QueueStore, 'setPause' | 'endPause'>;
  readonly clock: Clock;
  /** A pause learned before. */
  readonly pause?: LearnedPause | undefined;
  /** Pauses of single couriers, by their keys in the store. */
  readonly learned?: ReadonlyMap<string, LearnedPause>;
  /** How long an outage of one courier lasts before another takes over. */
  readonly failoverAfterMs: number;
  /** The first pause of a mailbox that waits for an administrator. */
  readonly adminPauseMs: number;
  onFailure(error: unknown): void;
  onPause(pause: LearnedPause): void;
}

/** An attempt that has ended, and the couriers that were available for it. */
export interface ChosenAttempt {
  readonly courier: CourierKind;
  /** The couriers it was chosen from. */
  readonly couriers: CourierOrder;
  /** Whether other mail of the account may use further couriers. */
  readonly isNarrowed: boolean;
  readonly startedAtMs: number;
}

/** The pauses of one mailbox, as a whole or by courier. Also kept in the store. */
export class MailboxPauses {
  readonly ofCouriers: CourierPauses;
  readonly #options: MailboxPausesOptions;
  #pause: LearnedPause | undefined;

  constructor(options: MailboxPausesOptions) {
    this.#options = options;
    this.#pause = options.pause;
    this.ofCouriers = new CourierPauses(options.key, options.failoverAfterMs, options.learned);
  }

  /** Whether the mailbox was paused and nothing has yet shown that this is over. */
  get isInTrouble(): boolean {
    return this.#pause !== undefined;
  }

  /** Milliseconds until anything of the mailbox may start. */
  get leftMs(): number {
    return pauseLeftMs(this.#pause, this.#options.clock.now());
  }

  /** An administrator has changed something: what waited for that is worth a try now. */
  adminActed(): void {
    if (this.#pause?.needsAdmin) this.#end();
    this.#forget(this.ofCouriers.endWhere(({ needsAdmin }) => needsAdmin));
  }

  clockWasSetBack(): void {
    const now = this.#options.clock.now();
    // Otherwise it would begin again when the clock reaches that time again.
    if (this.#pause && this.#pause.sinceMs > now) this.#end();
    this.#forget(this.ofCouriers.clockWasSetBack(now));
  }

  /** What the mailbox was paused for was the connection's trouble, and is over. */
  troubleOver(code: string): void {
    if (this.#pause?.code === code) this.#end();
    this.#forget(this.ofCouriers.endWhere((pause) => pause.code === code));
  }

  /** Records what an attempt shows about the mailbox. */
  learn({ courier: chosen, couriers, isNarrowed, startedAtMs }: ChosenAttempt, report: DeliveryReport): void {
    const { key, clock, store, adminPauseMs, onFailure, onPause } = this.#options;
    const asked = mailboxPause(report, adminPauseMs);
    const isCouriers = report.trouble !== undefined || asked?.because.ofCourier === true;
    // If only one courier may take a message, that must not pause what others take.
    if (couriers.length > 1 || isNarrowed) {
      const courier = report.courier ?? chosen;
      const attempt = { courier, startedAtMs, report, asked: isCouriers ? asked : undefined };
      this.#changed(this.ofCouriers.learn(attempt, clock.now()));
      if (isCouriers) return;
    }
    if (asked) {
      this.#pause = learnPause(key, this.#pause, asked, startedAtMs, clock.now());
      store.setPause(this.#pause).catch(onFailure);
      onPause(this.#pause);
      return;
    }
    // A permanent refusal is as much a sign of a working mailbox as a delivery.
    const works = report.recipients.some(({ outcome }) => outcome === 'delivered' || outcome === 'permanent');
    if (works && this.#pause && startedAtMs >= this.#pause.untilMs) this.#end();
  }

  #changed(change: PauseChange | undefined): void {
    const { store, onFailure, onPause } = this.#options;
    if (!change) return;
    if ('end' in change) {
      this.#forget([change.end]);
      return;
    }
    store.setPause(change.set).catch(onFailure);
    onPause(change.set);
  }

  #end(): void {
    this.#pause = undefined;
    this.#forget([this.#options.key]);
  }

  #forget(keys: readonly string[]): void {
    const { store, onFailure } = this.#options;
    for (const key of keys) store.endPause(key).catch(onFailure);
  }
}
