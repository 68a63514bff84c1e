import type { CourierKind, CourierOrder } from '../../message/courier-kind.ts';
import type { QueuedMessage, QueuedRecipient } from '../message.ts';

/** What blocks a courier for a mailbox. */
export interface Obstacle {
  /** What it concerns: everything sent over the connection, or this mailbox. */
  readonly of: 'connection' | 'mailbox';
  readonly code: string;
  readonly text: string;
  readonly sinceMs: number;
  readonly needsAdmin: boolean;
  /** Whether it lasts, so that another courier takes the mail meanwhile. If not, the mail waits. */
  readonly isShut: boolean;
  /** When it may end, milliseconds since 1970. */
  readonly untilMs: number;
}

/** A preferred courier that was not used, and why. */
export interface PassedOver {
  readonly courier: CourierKind;
  readonly obstacle: Obstacle;
}

/** The courier chosen for an attempt. */
export interface Choice {
  readonly courier: CourierKind;
  /** In order of preference. */
  readonly passedOver: readonly PassedOver[];
}

/**
 * Chooses the first courier that is not blocked. One whose obstacle may soon be over is waited for.
 * @returns undefined if none may start now
 */
export function chooseCourier(
  order: readonly CourierKind[],
  obstacleOf: (courier: CourierKind) => Obstacle | undefined,
): Choice | undefined {
  const passedOver: PassedOver[] = [];
  for (const courier of order) {
    const obstacle = obstacleOf(courier);
    if (!obstacle) return { courier, passedOver };
    if (!obstacle.isShut) return undefined;
    passedOver.push({ courier, obstacle });
  }
  return undefined;
}

/** What is known about a message apart from the couriers of its account. */
export interface CourierHistory {
  readonly recipients: readonly QueuedRecipient[];
  /** The courier whose attempt may have delivered it. */
  readonly ambiguousBy: CourierKind | undefined;
  /** Nobody may look whether it did, so only that courier may send it. */
  readonly stays: boolean;
}

/** The couriers that may take a message. */
export interface MessageCouriers {
  readonly couriers: CourierOrder;
  /** Whether some couriers of the account may not take it. */
  readonly isNarrowed: boolean;
}

/** Only the courier that the message has. */
export function itsOwnCourier({ courier }: Pick<QueuedMessage, 'courier'>): MessageCouriers {
  return { couriers: [courier], isNarrowed: false };
}

/**
 * The couriers that may take a message, in order of preference. Couriers that cannot take this message are left out as
 * long as there are others. The one whose attempt is ambiguous comes first, so that it is only left if it is shut.
 */
export function couriersFor(order: CourierOrder, history: CourierHistory): MessageCouriers {
  const { recipients, ambiguousBy, stays } = history;
  // A message does not wait for a courier that the account no longer has.
  if (ambiguousBy && stays && order.includes(ambiguousBy))
    return { couriers: [ambiguousBy], isNarrowed: order.some((each) => each !== ambiguousBy) };
  if (order.length === 1) return { couriers: order, isNarrowed: false };
  const pending = recipients.filter(({ state }) => state === 'pending');
  const isRefused = (courier: CourierKind) => (recipient: QueuedRecipient) => isRefusedBy(recipient, courier);
  const forAll = order.filter((courier) => !pending.some(isRefused(courier)));
  const forSome = order.filter((courier) => !pending.every(isRefused(courier)));
  const [first = order[0], ...rest] = forAll.length > 0 ? forAll : forSome;
  const isNarrowed = rest.length + 1 < order.length;
  if (!ambiguousBy || !rest.includes(ambiguousBy)) return { couriers: [first, ...rest], isNarrowed };
  const others = rest.filter((courier) => courier !== ambiguousBy);
  return { couriers: [ambiguousBy, first, ...others], isNarrowed };
}

/** Whether a courier has said that it cannot take the message to this recipient. */
export function isRefusedBy({ refusedBy }: QueuedRecipient, courier: CourierKind): boolean {
  return refusedBy?.includes(courier) === true;
}

/** The recipients that a courier's attempt is for. */
export function recipientsFor(recipients: readonly QueuedRecipient[], courier: CourierKind): QueuedRecipient[] {
  const pending = recipients.filter(({ state }) => state === 'pending');
  const right = pending.filter((recipient) => !isRefusedBy(recipient, courier));
  return right.length > 0 ? right : pending;
}
