import type { CourierKind } from '../../message/courier-kind.ts';
import type { AmbiguousAttempt, DeliveryReport } from '../../message/delivery.ts';
import type { QueuedMessage, QueuedRecipient } from '../message.ts';

/** Codes of an attempt whose progress is unknown: its answer was lost, or the courier broke off. */
const lostAnswers: readonly (string | undefined)[] = ['upstream-ambiguous', 'internal'];

/** Whether the latest attempt may or may not have served a recipient. */
export function isAmbiguous({ last }: Pick<QueuedRecipient, 'last'>): boolean {
  return lostAnswers.includes(last?.code);
}

/**
 * Knows more than the store about attempts with an unknown end: when their answer was lost, or that their outcome could
 * not be written. The store knows those of earlier runs and of other instances: their message is unfinished, and not
 * under way here.
 */
export class InFlight {
  readonly #lostAtMs = new Map<string, number>();
  /** The courier by message id. */
  readonly #unwritten = new Map<string, CourierKind>();
  /** Messages whose ambiguous attempt nobody may look for. */
  readonly #staying = new Set<string>();

  /** The outcome of an attempt is written. */
  end(id: string, report: DeliveryReport, nowMs: number): void {
    if (report.staysWith) this.#staying.add(id);
    else this.#staying.delete(id);
    this.#unwritten.delete(id);
    const isLost = report.recipients.some(({ code }) => lostAnswers.includes(code));
    if (!isLost) this.#lostAtMs.delete(id);
    // If nothing was sent, the earlier attempt is still the ambiguous one.
    else if (report.retryAfterMs === undefined && !report.sentNothing) this.#lostAtMs.set(id, nowMs);
  }

  /** An attempt has ended and its outcome cannot be written. */
  endUnwritten(id: string, courier: CourierKind, nowMs: number): void {
    this.#unwritten.set(id, courier);
    this.#lostAtMs.set(id, nowMs);
  }

  /** The courier whose attempt may have delivered a message that is not under way; undefined if none is ambiguous. */
  ambiguousBy(message: QueuedMessage): CourierKind | undefined {
    return this.#ambiguousAddresses(message).length > 0 ? this.#courierOf(message) : undefined;
  }

  /** Whether nobody may look if the ambiguous attempt has delivered the message. */
  stays(id: string): boolean {
    return this.#staying.has(id);
  }

  /**
   * What has to be cleared up before a message is sent again.
   * @param sinceMs no attempt of an earlier run or of another instance has been under way since
   */
  ambiguousAttemptOf(message: QueuedMessage, sinceMs: number, nowMs: number): AmbiguousAttempt | undefined {
    const addresses = this.#ambiguousAddresses(message);
    if (addresses.length === 0) return undefined;
    let overAtMs = this.#lostAtMs.get(message.id) ?? Math.max(sinceMs, message.receivedAtMs);
    if (overAtMs > nowMs) {
      // The clock was set back. From now on the time since then is known.
      overAtMs = nowMs;
      this.#lostAtMs.set(message.id, nowMs);
    }
    return { addresses, overAtMs, courier: this.#courierOf(message) };
  }

  /**
   * Whether the end of a message's latest attempt is unknown although it is not under way, whatever has become of its
   * recipients since.
   */
  isUnclear(message: QueuedMessage): boolean {
    return (
      this.#isUnfinished(message) || message.recipients.some((each) => each.state !== 'delivered' && isAmbiguous(each))
    );
  }

  /** The messages remembered here; entries for messages that are gone would pile up. */
  get ids(): ReadonlySet<string> {
    return new Set([...this.#lostAtMs.keys(), ...this.#unwritten.keys(), ...this.#staying]);
  }

  /** Forgets a message that is delivered, gone, or another instance's. */
  forget(id: string): void {
    this.#lostAtMs.delete(id);
    this.#unwritten.delete(id);
    this.#staying.delete(id);
  }

  #courierOf({ id, courier, unfinished }: QueuedMessage): CourierKind {
    return this.#unwritten.get(id) ?? unfinished?.courier ?? courier;
  }

  #ambiguousAddresses(message: QueuedMessage): string[] {
    const isUnfinished = this.#isUnfinished(message);
    return message.recipients
      .filter((recipient) => recipient.state === 'pending' && (isUnfinished || isAmbiguous(recipient)))
      .map(({ address }) => address);
  }

  #isUnfinished(message: QueuedMessage): boolean {
    return message.unfinished !== undefined || this.#unwritten.has(message.id);
  }
}
