import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import { type RecordTable, recordKinds } from '../../base/record-table.ts';
import type { EnvelopeRecipient } from '../../message/envelope.ts';
import type { Marker } from './marker.ts';

/** Longer than a message waits, except held ones. There are few notes. */
const stayMs = 366 * 24 * 3_600_000;

/**
 * Notes whom a copy of a message is for before it is sent, if that could not be worked out again from the recipients
 * still to be served: the server refused some of them, or put them off to a transaction of their own.
 *
 * A marker does not say whom its copy is for, or its readers would learn of hidden recipients. It is recognized by
 * making it again for the same recipients. So a note is a record with a keyed digest of each recipient, by the marker;
 * it is durable before the copy leaves.
 */
export class CopyNotes {
  readonly #records: Pick<RecordTable, 'put' | 'list'>;
  readonly #marker: Marker;
  readonly #clock: Clock;

  constructor(records: Pick<RecordTable, 'put' | 'list'>, marker: Marker, clock: Clock) {
    this.#records = records;
    this.#marker = marker;
    this.#clock = clock;
  }

  /**
   * Notes that a copy of a message may be sent for each of these sets of recipients; to be awaited before it is.
   * @throws BridgeError `queue-unreachable`
   */
  async note(id: string, ...sets: readonly (readonly EnvelopeRecipient[])[]): Promise<void> {
    const notes = new Map(
      sets.map((recipients) => [
        this.#marker.of(id, recipients),
        recipients.map((recipient) => this.#digest(id, recipient)).join(','),
      ]),
    );
    const expiresAtMs = this.#clock.now() + stayMs;
    try {
      await Promise.all(
        [...notes].map(([marker, digests]) => this.#records.put(recordKinds.copy, marker, digests, { expiresAtMs })),
      );
    } catch (error) {
      // On a full disk mail must still go out, or there would never be room. A crash right now would cost a second
      // copy.
      if (!(error instanceof BridgeError) || error.code !== 'queue-full') throw error;
    }
  }

  /**
   * Whom the copies found are for, as far as it was noted.
   * @param markers of the copies
   * @returns those of `recipients`
   * @throws BridgeError `queue-unreachable`
   */
  async served(
    id: string,
    recipients: readonly EnvelopeRecipient[],
    markers: ReadonlySet<string>,
  ): Promise<readonly EnvelopeRecipient[]> {
    const notes = await this.#records.list(recordKinds.copy, this.#clock.now(), `${id}.`);
    const served = new Set([...notes].flatMap(([marker, { value }]) => (markers.has(marker) ? value.split(',') : [])));
    return recipients.filter((recipient) => served.has(this.#digest(id, recipient)));
  }

  #digest(id: string, recipient: EnvelopeRecipient): string {
    return this.#marker.of(id, [recipient]).slice(id.length + 1);
  }
}
