import type { AmbiguousAttempt, DeliveryReport } from '../../message/delivery.ts';
import type { QueuedMessage, QueuedRecipient } from '../message.ts';
import type { InFlightJournal } from './in-flight-journal.ts';

/** What is told of an attempt of which nobody knows how far it came: its answer was lost, or the courier broke off. */
const lostAnswers: readonly (string | undefined)[] = ['upstream-ambiguous', 'internal'];

/** Whether what is known of a recipient leaves open if the latest attempt has served it. */
export function isAmbiguous({ last }: Pick<QueuedRecipient, 'last'>): boolean {
  return lostAnswers.includes(last?.code);
}

/**
 * Knows the attempts under way, and those of which nobody knows how they ended: their answer was lost, or the bridge
 * died before their outcome was written.
 */
export class InFlight {
  readonly #journal: InFlightJournal;
  /** No attempt of an earlier run is under way any more. */
  readonly #startedAtMs: number;
  readonly #lostAtMs = new Map<string, number>();
  readonly #unwritten = new Set<string>();

  constructor(journal: InFlightJournal, nowMs: number) {
    this.#journal = journal;
    this.#startedAtMs = nowMs;
  }

  /** An attempt begins. */
  begin(id: string): void {
    this.#journal.begin(id);
  }

  /** The outcome of an attempt is on disk. */
  end(id: string, report: DeliveryReport, nowMs: number): void {
    this.#journal.end(id);
    this.#unwritten.delete(id);
    const isLost = report.recipients.some(({ code }) => lostAnswers.includes(code));
    if (!isLost) this.#lostAtMs.delete(id);
    // Where nothing was sent, the ambiguous attempt is the old one.
    else if (report.retryAfterMs === undefined) this.#lostAtMs.set(id, nowMs);
  }

  /**
   * No attempt could be made after all: where the message was ambiguous before, it still is.
   * @param message as it was before that was written, for what is written says nothing of the ambiguous attempt
   */
  endUnmade(message: QueuedMessage): void {
    if (this.#ambiguousAddresses(message).length > 0) this.#unwritten.add(message.id);
    else this.#journal.end(message.id);
  }

  /** An attempt has ended, and its outcome cannot be written. */
  endUnwritten(id: string, nowMs: number): void {
    this.#unwritten.add(id);
    this.#lostAtMs.set(id, nowMs);
  }

  /** What has to be cleared up before a message is sent again. */
  ambiguousAttemptOf(message: QueuedMessage, nowMs: number): AmbiguousAttempt | undefined {
    const addresses = this.#ambiguousAddresses(message);
    if (addresses.length === 0) return undefined;
    let overAtMs = this.#lostAtMs.get(message.id) ?? Math.max(this.#startedAtMs, message.receivedAtMs);
    if (overAtMs > nowMs) {
      // The clock has been set back. From now on it can be told how long ago that was.
      overAtMs = nowMs;
      this.#lostAtMs.set(message.id, nowMs);
    }
    return { addresses, overAtMs };
  }

  /** Forgets messages that are not there any more: an administrator has deleted them. */
  prune(isThere: (id: string) => boolean): void {
    for (const id of this.#lostAtMs.keys()) if (!isThere(id)) this.#lostAtMs.delete(id);
    for (const id of this.#unwritten) if (!isThere(id)) this.#unwritten.delete(id);
    this.#journal.prune(isThere);
  }

  #ambiguousAddresses(message: QueuedMessage): string[] {
    const wasInFlight = this.#unwritten.has(message.id) || this.#journal.wasInFlight(message);
    return message.recipients
      .filter((recipient) => recipient.state === 'pending' && (wasInFlight || isAmbiguous(recipient)))
      .map(({ address }) => address);
  }

  /** Nothing is under way any more, and everything is written. */
  close(): void {
    this.#journal.close();
  }
}
