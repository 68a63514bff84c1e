import type { Clock } from '../../base/clock.ts';
import type { DeliveryReport, OutgoingMessage } from '../../message/delivery.ts';
import { RefusalMemory } from '../refusal-memory.ts';
import type { ExchangeSmtpCourier } from './courier.ts';

/** An administrator has to grant something first. */
const refusedForMs = 60 * 60_000;
/** A firewall, or passing trouble. */
const unreachableForMs = 10 * 60_000;

/**
 * SMTP for mail that another courier would change. A login for each mailbox shows whether it is open: the permission
 * belongs to the connection, but SMTP AUTH is switched on and off by mailbox.
 */
export class SmtpFallback {
  readonly #courier: ExchangeSmtpCourier;
  readonly #closed: RefusalMemory;
  readonly #proven = new Set<string>();

  constructor(courier: ExchangeSmtpCourier, clock: Clock) {
    this.#courier = courier;
    this.#closed = new RefusalMemory(clock);
  }

  /** Whether mail of this mailbox can be sent over SMTP. Once it could, passing trouble does not change that. */
  async isOpen(mailbox: string, signal: AbortSignal): Promise<boolean> {
    if (this.#closed.isRefused(mailbox)) return false;
    const key = mailbox.toLowerCase();
    const obstacle = await this.#courier.unusable(mailbox, signal);
    if (obstacle === undefined) {
      this.#proven.add(key);
      return true;
    }
    const passes = obstacle.outcome === 'temporary';
    if (signal.aborted || (passes && this.#proven.has(key))) return true;
    this.#proven.delete(key);
    this.#closed.remember(mailbox, passes ? unreachableForMs : refusedForMs);
    return false;
  }

  /**
   * Like the SMTP courier, but with the mailbox itself as the sender: Graph does the same, and another reverse-path
   * needs a permission.
   */
  async deliver(message: OutgoingMessage, signal: AbortSignal): Promise<DeliveryReport> {
    const envelope = { ...message.envelope, reversePath: message.mailbox };
    return { ...(await this.#courier.deliver({ ...message, envelope }, signal)), courier: 'smtp' };
  }
}
