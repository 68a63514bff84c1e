import type { Clock } from '../../base/clock.ts';
import { type CourierKind, type CourierOrder, courierKinds } from '../../message/courier-kind.ts';
import type { ConnectionGate } from '../breakers/breakers.ts';
import type { DestinationMeter } from '../limits/meter.ts';
import { type Choice, chooseCourier, type MessageCouriers, type Obstacle } from './choose.ts';
import { breakerObstacle, type CourierPauses } from './courier-pauses.ts';

export interface CourierChoiceParts {
  readonly clock: Clock;
  readonly gate: ConnectionGate;
  readonly meter: Pick<DestinationMeter, 'isIdle'>;
  readonly pauses: CourierPauses;
  /** How long an outage lasts before another courier takes over. */
  readonly failoverAfterMs: number;
}

/** Chooses the courier for a mailbox's next message by what blocks each. */
export class CourierChoice {
  readonly #parts: CourierChoiceParts;

  constructor(parts: CourierChoiceParts) {
    this.#parts = parts;
  }

  /** The courier of an attempt that begins now; undefined if none may. */
  of(order: CourierOrder): Choice | undefined {
    const choice = order.length > 1 ? this.#first(order) : undefined;
    if (choice) return this.#parts.gate.mayStart(choice.courier) ? choice : undefined;
    // If no courier is open, a shut one is tried as if it were the only one.
    if (!order.every((courier) => order.length === 1 || this.#obstacle(courier)?.isShut)) return undefined;
    const courier = order.find((each) => this.#mayTry(each));
    return courier && { courier, passedOver: [] };
  }

  /** Whether a message waits for shut couriers while other messages of its account may use another one. */
  isHeldUp({ couriers, isNarrowed }: MessageCouriers): boolean {
    return isNarrowed && couriers.every((courier) => this.#obstacle(courier)?.isShut);
  }

  /** The courier for a waiting client: a courier in trouble is not waited for. */
  ofDirect(order: CourierOrder): CourierKind {
    return order.find((courier) => !this.#obstacle(courier)) ?? order[0];
  }

  /** The courier that takes a message after an attempt failed because its courier is shut; undefined in other cases. */
  after(used: CourierKind, order: CourierOrder): CourierKind | undefined {
    const next = this.#obstacle(used)?.isShut ? this.#first(order)?.courier : undefined;
    return next === used ? undefined : next;
  }

  /**
   * Milliseconds until it is worth looking again if nothing may start; `Infinity` if something else wakes the mailbox.
   */
  waitMs(): number {
    const { clock, gate, pauses, failoverAfterMs } = this.#parts;
    const now = clock.now();
    const breakers = courierKinds.map((courier) => {
      const open = gate.open(courier);
      const shutInMs = open ? open.sinceMs + failoverAfterMs - now : 0;
      return shutInMs > 0 ? shutInMs : Number.POSITIVE_INFINITY;
    });
    return Math.min(pauses.waitMs(now), ...breakers);
  }

  #first(order: CourierOrder): Choice | undefined {
    return chooseCourier(order, (courier) => this.#obstacle(courier));
  }

  #obstacle(courier: CourierKind): Obstacle | undefined {
    const { clock, gate, meter, pauses, failoverAfterMs } = this.#parts;
    const open = gate.open(courier);
    if (open && !gate.mayStart(courier)) return breakerObstacle(open, clock.now(), failoverAfterMs);
    return pauses.obstacle(courier, clock.now(), meter.isIdle(courier));
  }

  #mayTry(courier: CourierKind): boolean {
    const { clock, gate, meter, pauses } = this.#parts;
    const isOpen = !pauses.isPaused(courier) || (pauses.leftMs(courier, clock.now()) === 0 && meter.isIdle(courier));
    return isOpen && gate.mayStart(courier);
  }
}
