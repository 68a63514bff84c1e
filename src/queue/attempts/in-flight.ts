import type { CourierKind } from '../../message/courier-kind.ts';
import type { AmbiguousAttempt, DeliveryReport } from '../../message/delivery.ts';
import type { QueuedMessage, QueuedRecipient } from '../message.ts';

/** What is told of an attempt of which nobody knows how far it came: its answer was lost, or the courier broke off. */
const lostAnswers: readonly (string | undefined)[] = ['upstream-ambiguous', 'internal'];

/** Whether what is known of a recipient leaves open if the latest attempt has served it. */
export function isAmbiguous({ last }: Pick<QueuedRecipient, 'last'>): boolean {
  return lostAnswers.includes(last?.code);
}

/**
 * Knows more than the store of attempts of which nobody knows how they ended: when their answer was lost, or that their
 * outcome could not be written. The store knows those of earlier runs, and of other instances: a message of theirs is
 * unfinished, and not under way here.
 */
export class InFlight {
  readonly #lostAtMs = new Map<string, number>();
  /** By which courier. */
  readonly #unwritten = new Map<string, CourierKind>();
  /** Nobody may look for them. */
  readonly #staying = new Set<string>();

  /** The outcome of an attempt is written. */
  end(id: string, report: DeliveryReport, nowMs: number): void {
    if (report.staysWith) this.#staying.add(id);
    else this.#staying.delete(id);
    this.#unwritten.delete(id);
    const isLost = report.recipients.some(({ code }) => lostAnswers.includes(code));
    if (!isLost) this.#lostAtMs.delete(id);
    // Where nothing was sent, the ambiguous attempt is the old one.
    else if (report.retryAfterMs === undefined && !report.sentNothing) this.#lostAtMs.set(id, nowMs);
  }

  /** An attempt has ended, and its outcome cannot be written. */
  endUnwritten(id: string, courier: CourierKind, nowMs: number): void {
    this.#unwritten.set(id, courier);
    this.#lostAtMs.set(id, nowMs);
  }

  /** Whose attempt may have delivered a message that is not under way; undefined where none is ambiguous. */
  ambiguousBy(message: QueuedMessage): CourierKind | undefined {
    return this.#ambiguousAddresses(message).length > 0 ? this.#courierOf(message) : undefined;
  }

  /** Nobody may look whether the ambiguous attempt has delivered it. */
  stays(id: string): boolean {
    return this.#staying.has(id);
  }

  /**
   * What has to be cleared up before a message is sent again.
   * @param sinceMs no attempt of an earlier run or of another instance is under way since
   */
  ambiguousAttemptOf(message: QueuedMessage, sinceMs: number, nowMs: number): AmbiguousAttempt | undefined {
    const addresses = this.#ambiguousAddresses(message);
    if (addresses.length === 0) return undefined;
    let overAtMs = this.#lostAtMs.get(message.id) ?? Math.max(sinceMs, message.receivedAtMs);
    if (overAtMs > nowMs) {
      // The clock has been set back. From now on it can be told how long ago that was.
      overAtMs = nowMs;
      this.#lostAtMs.set(message.id, nowMs);
    }
    return { addresses, overAtMs, courier: this.#courierOf(message) };
  }

  /**
   * Whether nobody knows how the latest attempt on a message ended that is not under way, whatever has become of its
   * recipients since.
   */
  isUnclear(message: QueuedMessage): boolean {
    return (
      this.#isUnfinished(message) || message.recipients.some((each) => each.state !== 'delivered' && isAmbiguous(each))
    );
  }

  /** Whether anything is remembered that messages which are not there any more would make grow. */
  get ids(): ReadonlySet<string> {
    return new Set([...this.#lostAtMs.keys(), ...this.#unwritten.keys(), ...this.#staying]);
  }

  /** Forgets a message that is delivered, not there any more, or another instance's. */
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
