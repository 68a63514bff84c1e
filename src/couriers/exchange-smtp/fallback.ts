import type { Clock } from '../../base/clock.ts';
import type { DeliveryReport, OutgoingMessage } from '../../message/delivery.ts';
import { RefusalMemory } from '../refusal-memory.ts';
import type { ExchangeSmtpCourier } from './courier.ts';

/** Somebody has to grant something first. */
const refusedForMs = 60 * 60_000;
/** A firewall, or trouble that passes. */
const unreachableForMs = 10 * 60_000;

/**
 * SMTP for mail that another courier would not do justice to. Whether it is open is found out by logging in, for each
 * mailbox: the permission belongs to the connection, but SMTP AUTH is switched off and on for a mailbox.
 */
export class SmtpFallback {
  readonly #courier: ExchangeSmtpCourier;
  readonly #closed: RefusalMemory;
  readonly #proven = new Set<string>();

  constructor(courier: ExchangeSmtpCourier, clock: Clock) {
    this.#courier = courier;
    this.#closed = new RefusalMemory(clock);
  }

  /** Whether mail of this mailbox can go by SMTP. Once it could, trouble that passes does not close it. */
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

  /** As the courier by SMTP does, from the mailbox itself: so does Graph, and another reverse-path takes a right. */
  async deliver(message: OutgoingMessage, signal: AbortSignal): Promise<DeliveryReport> {
    const envelope = { ...message.envelope, reversePath: message.mailbox };
    return { ...(await this.#courier.deliver({ ...message, envelope }, signal)), courier: 'smtp' };
  }
}
