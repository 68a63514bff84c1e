import { normalizeAddress } from '../message/address/address.ts';
import type { DeliveryReport, OutgoingMessage } from '../message/delivery.ts';
import type { EnvelopeRecipient } from '../message/envelope.ts';
import { type CourierVerdict, ownVerdict, recipientOutcome } from './verdict.ts';

const notAttempted = ownVerdict('delivery-aborted', 'The attempt ended before this recipient.');

/** Records the verdicts on recipients in an attempt of several steps, and what holds for the mailbox. */
export class Ledger {
  readonly #verdicts = new Map<string, CourierVerdict>();
  #pauseMailboxMs = 0;
  #upstreamId: string | undefined;
  #copies = 0;

  /** The latest verdict on a recipient counts. */
  record(recipients: readonly EnvelopeRecipient[], verdict: CourierVerdict): void {
    for (const { address } of recipients) this.#verdicts.set(normalizeAddress(address), verdict);
    if (recipients.length === 0) return;
    this.#upstreamId ??= verdict.upstreamId;
    // One for each request or transaction.
    if (verdict.outcome === 'delivered') this.#copies += 1;
    if (verdict.outcome !== 'delivered') {
      this.#pauseMailboxMs = Math.max(this.#pauseMailboxMs, verdict.pauseMailboxMs ?? 0);
    }
  }

  report(message: OutgoingMessage): DeliveryReport {
    const trouble = [...this.#verdicts.values()].find((verdict) => verdict.trouble)?.trouble;
    return {
      recipients: message.envelope.recipients.map(({ address }) =>
        recipientOutcome(address, this.#verdicts.get(normalizeAddress(address)) ?? notAttempted),
      ),
      ...(this.#pauseMailboxMs > 0 && { pauseMailboxMs: this.#pauseMailboxMs }),
      ...(this.#upstreamId !== undefined && { upstreamId: this.#upstreamId }),
      ...(trouble !== undefined && { trouble }),
      ...(this.#copies > 0 && { copies: this.#copies }),
    };
  }
}
