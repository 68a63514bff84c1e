import type { CourierKind, CourierOrder } from '../../message/courier-kind.ts';
import type { QueuedMessage, QueuedRecipient } from '../message.ts';

/** What keeps a courier from the mail of a mailbox. */
export interface Obstacle {
  /** Who has it: everything that goes over the connection, or this mailbox. */
  readonly of: 'connection' | 'mailbox';
  readonly code: string;
  readonly text: string;
  readonly sinceMs: number;
  readonly needsAdmin: boolean;
  /** It lasts: another courier takes the mail meanwhile. If not, it is waited for. */
  readonly isShut: boolean;
  /** When it may be different, milliseconds since 1970. */
  readonly untilMs: number;
}

/** A courier that would have been preferred, and why it was not used. */
export interface PassedOver {
  readonly courier: CourierKind;
  readonly obstacle: Obstacle;
}

/** The courier of an attempt. */
export interface Choice {
  readonly courier: CourierKind;
  /** In order of preference. */
  readonly passedOver: readonly PassedOver[];
}

/**
 * The first courier that nothing keeps from the mail. One whose obstacle may soon be over is waited for.
 * @returns undefined where none may start now
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

/** What is known of a message beside the couriers that its account has. */
export interface CourierHistory {
  readonly recipients: readonly QueuedRecipient[];
  /** Whose attempt may have delivered it. */
  readonly ambiguousBy: CourierKind | undefined;
  /** Nobody may look whether it did: none but that one may send it. */
  readonly stays: boolean;
}

/** The couriers that may take a message. */
export interface MessageCouriers {
  readonly couriers: CourierOrder;
  /** Others that its account has may not. */
  readonly isNarrowed: boolean;
}

/** The courier that a message has, and no other. */
export function itsOwnCourier({ courier }: Pick<QueuedMessage, 'courier'>): MessageCouriers {
  return { couriers: [courier], isNarrowed: false };
}

/**
 * The couriers that may take a message, in order of preference: not those that cannot take it for what it is, as long
 * as there are others; and first the one whose attempt is ambiguous, so that it is left only where it is shut.
 */
export function couriersFor(order: CourierOrder, history: CourierHistory): MessageCouriers {
  const { recipients, ambiguousBy, stays } = history;
  // Nothing waits for one that the account has no more.
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

/** Whether a courier has said that the message to this recipient is not for it. */
export function isRefusedBy({ refusedBy }: QueuedRecipient, courier: CourierKind): boolean {
  return refusedBy?.includes(courier) === true;
}

/** The recipients that an attempt of a courier is for. */
export function recipientsFor(recipients: readonly QueuedRecipient[], courier: CourierKind): QueuedRecipient[] {
  const pending = recipients.filter(({ state }) => state === 'pending');
  const right = pending.filter((recipient) => !isRefusedBy(recipient, courier));
  return right.length > 0 ? right : pending;
}
