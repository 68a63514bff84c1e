import type { Clock } from '../../base/clock.ts';
import type { CourierKind } from '../../message/courier-kind.ts';
import type { DeliveryReport } from '../../message/delivery.ts';
import type { LeaseGuard } from '../ownership/lease-guard.ts';
import type { QueueStore } from '../store.ts';
import type { AttemptPermit, AttemptPermits } from './attempt-permits.ts';
import { type Admission, type AdmissionRefused, type DirectAttempt, DirectLine } from './direct.ts';

export interface DirectDeliveriesOptions {
  readonly destination: string;
  readonly store: Pick<QueueStore, 'countSent'>;
  readonly clock: Clock;
  readonly attempts: AttemptPermits;
  readonly guard: LeaseGuard;
  /** Milliseconds until anything may start, whatever the limits say. */
  waitMs(): number;
  /** One has ended: others may begin. */
  onEnded(): void;
  /** Everything under way has ended and been counted. */
  onIdle(): void;
  onFailure(error: unknown): void;
}

/** Deliveries of one mailbox outside the queue, made while clients wait. They count against its limits. */
export class DirectDeliveries {
  readonly #options: DirectDeliveriesOptions;
  readonly #line: DirectLine<AttemptPermit>;
  readonly #underWay = new Set<AttemptPermit>();

  constructor(options: DirectDeliveriesOptions) {
    this.#options = options;
    this.#line = new DirectLine(options.clock, {
      waitMs: ({ couriers, recipients }) =>
        Math.max(options.waitMs(), options.attempts.directWaitMs(couriers, recipients)),
      take: (attempt) => this.#take(attempt),
      ended: (permit, startedAtMs, report) => this.#ended(permit, startedAtMs, report),
      guarded: (message) => options.guard.guarded(message, () => message.open()),
    });
  }

  get isIdle(): boolean {
    return this.#underWay.size === 0;
  }

  /** See {@link DirectLine.enter}. */
  enter(attempt: DirectAttempt, patienceMs: number): Promise<Admission | AdmissionRefused> {
    return this.#line.enter(attempt, patienceMs);
  }

  /** See {@link DirectLine.admit}. */
  admit(): number {
    return this.#line.admit();
  }

  /** See {@link DirectLine.refuse}. */
  refuse(courier?: CourierKind): void {
    this.#line.refuse(courier);
  }

  /** Aborts what is under way. */
  abort(): void {
    for (const { abort } of this.#underWay) abort.abort();
  }

  #take({ couriers, recipients }: DirectAttempt): AttemptPermit | undefined {
    const { attempts } = this.#options;
    const courier = attempts.choice.ofDirect(couriers);
    const permit = attempts.take({ courier, recipients }, { couriers, isNarrowed: false });
    if (permit) this.#underWay.add(permit);
    return permit;
  }

  #ended(permit: AttemptPermit, startedAtMs: number, report: DeliveryReport | undefined): void {
    const { attempts, onEnded } = this.#options;
    const counted = report ? this.#count(permit, startedAtMs, report) : undefined;
    attempts.giveBack(permit);
    if (counted === undefined) this.#over(permit);
    else void counted.then(() => this.#over(permit));
    onEnded();
  }

  #over(permit: AttemptPermit): void {
    this.#underWay.delete(permit);
    this.#options.onIdle();
  }

  #count(permit: AttemptPermit, startedAtMs: number, report: DeliveryReport): Promise<void> | undefined {
    const { store, destination, clock, attempts, onFailure } = this.#options;
    const { external } = attempts.settle(permit, startedAtMs, report);
    const recipients = report.recipients.filter((each) => each.outcome === 'delivered').length;
    if (recipients === 0) return undefined;
    return store
      .countSent(destination, { startedAtMs, endedAtMs: clock.now(), recipients, external })
      .catch((error: unknown) => onFailure(error));
  }
}
