import type { Readable } from 'node:stream';
import { BridgeError } from '../../base/errors.ts';
import type { OutgoingMessage } from '../../message/delivery.ts';
import { guardedBody } from './guarded-body.ts';
import type { Lease } from './lease.ts';
import type { Ownership } from './ownership.ts';

/** Keeps attempts from sending anything once their lease is lost, however long the process was frozen before. */
export class LeaseGuard {
  readonly lease: Lease;
  readonly #ownership: Pick<Ownership, 'holds'>;
  #isLost = false;

  constructor(lease: Lease, ownership: Pick<Ownership, 'holds'>) {
    this.lease = lease;
    this.#ownership = ownership;
  }

  /** Whether another instance has the lease, so that nothing can be written any more. */
  get isLost(): boolean {
    return this.#isLost;
  }

  lose(): void {
    this.#isLost = true;
  }

  /** @throws BridgeError `lease-lost` */
  assertMaySend(): void {
    if (!this.#isLost && this.#ownership.holds(this.lease)) return;
    throw new BridgeError('lease-lost', `The lease of ${this.lease.key} was lost before the message was sent.`);
  }

  /**
   * A message whose end no upstream gets once the lease is lost.
   * @param open the octets, each time from the first
   * @param onRefused called when something was not sent because of that
   */
  guarded(
    message: Omit<OutgoingMessage, 'open' | 'assertMaySend'>,
    open: () => Readable | Promise<Readable>,
    onRefused: () => void = () => {},
  ): OutgoingMessage {
    const assertMaySend = () => {
      try {
        this.assertMaySend();
      } catch (error) {
        onRefused();
        throw error;
      }
    };
    return { ...message, assertMaySend, open: () => guardedBody(open, assertMaySend) };
  }
}

/** Whether a write was refused because another instance delivers by now. */
export function isLeaseLost(error: unknown): boolean {
  return error instanceof BridgeError && error.code === 'lease-lost';
}
