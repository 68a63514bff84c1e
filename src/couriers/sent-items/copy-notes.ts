import { renameSync } from 'node:fs';
import { appendToOwnFile, ownFileSize, readOwnFile } from '../../base/files/own-file.ts';
import type { EnvelopeRecipient } from '../../message/envelope.ts';
import type { Marker } from './marker.ts';

/** Beyond that a new file is begun, and the one before it goes. Many times what can be ambiguous at once. */
const longestFileBytes = 4 * 1024 * 1024;

/**
 * Notes whom a copy of a message is for before it goes out, where nobody could work that out again from the recipients
 * still to be served: the server refused some of them, or put them off to a transaction of their own.
 *
 * A marker does not say whom its copy is for, or its readers would learn of hidden recipients. It is recognized by
 * making it anew for the same recipients. So a note is a line of a file with the marker and a keyed digest of each
 * recipient; it is on disk before the copy leaves, and outlives the process and the machine's power.
 */
export class CopyNotes {
  readonly #file: string;
  readonly #marker: Marker;

  /** @param file made at the first note, in a folder that is there */
  constructor(file: string, marker: Marker) {
    this.#file = file;
    this.#marker = marker;
  }

  /** Notes that a copy of a message may go out for each of these sets of recipients. */
  note(id: string, ...sets: readonly (readonly EnvelopeRecipient[])[]): void {
    const lines = sets.map((recipients) => {
      const digests = recipients.map((recipient) => this.#digest(id, recipient));
      return `${this.#marker.of(id, recipients)} ${digests.join(',')}\n`;
    });
    try {
      if (ownFileSize(this.#file) > longestFileBytes) {
        renameSync(this.#file, this.#older);
      }
      // The line before may be there in part.
      appendToOwnFile(this.#file, `\n${[...new Set(lines)].join('')}`, { flush: true });
    } catch {
      // On a full disk mail must go out, or there would never be room. A crash right now would cost a second copy.
    }
  }

  /**
   * Whom copies that were found are for, as far as it was noted.
   * @param markers of the copies
   * @returns those of `recipients`
   * @throws Error of the file system
   */
  async served(
    id: string,
    recipients: readonly EnvelopeRecipient[],
    markers: ReadonlySet<string>,
  ): Promise<readonly EnvelopeRecipient[]> {
    const texts = [this.#file, this.#older].map((file) => readOwnFile(file)?.toString('latin1') ?? '');
    const notes = texts.flatMap((text) => text.split('\n')).filter((line) => line.startsWith(`${id}.`));
    const served = new Set(
      notes.flatMap((line) => {
        const [marker = '', digests = ''] = line.split(' ');
        return markers.has(marker) ? digests.split(',') : [];
      }),
    );
    return recipients.filter((recipient) => served.has(this.#digest(id, recipient)));
  }

  get #older(): string {
    return `${this.#file}.old`;
  }

  #digest(id: string, recipient: EnvelopeRecipient): string {
    return this.#marker.of(id, [recipient]).slice(id.length + 1);
  }
}
