import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { IndexedMessage, IndexedSummary, MessageTable } from '../index/message-table.ts';

/** Messages read from the index before yielding to other work. */
const readAtOnce = 2_000;

/** The messages of an open folder, ascending by UID. All sessions share them. */
export class FolderMemory {
  #entries: Map<number, IndexedSummary> | undefined;
  #loading: Promise<void> | undefined;
  /** Messages with a higher UID are still to be read. */
  #readTo = 0;

  get isLoaded(): boolean {
    return this.#entries !== undefined;
  }

  /** Ascending by UID; empty if the folder is not open. */
  get entries(): ReadonlyMap<number, IndexedSummary> {
    return this.#entries ?? none;
  }

  /** Reads the index, yielding to other work in between. */
  async load(messages: MessageTable, folder: number): Promise<void> {
    if (this.#entries === undefined) {
      this.#entries = new Map();
      this.#readTo = 0;
      this.#loading = this.#read(this.#entries, messages, folder);
    }
    await this.#loading;
  }

  put(message: IndexedMessage): void {
    if (message.uid <= this.#readTo) this.#entries?.set(message.uid, summaryOf(message));
  }

  drop({ uid }: Pick<IndexedMessage, 'uid'>): void {
    this.#entries?.delete(uid);
  }

  clear(): void {
    this.#entries = undefined;
    this.#loading = undefined;
  }

  /** @param entries reading ends if they are dropped from memory meanwhile */
  async #read(entries: Map<number, IndexedSummary>, messages: MessageTable, folder: number): Promise<void> {
    while (entries === this.#entries) {
      const page = messages.page(folder, this.#readTo, readAtOnce);
      const isLast = page.length < readAtOnce;
      this.#readTo = isLast ? Number.POSITIVE_INFINITY : (page.at(-1)?.uid ?? this.#readTo);
      for (const message of page) entries.set(message.uid, message);
      if (isLast) return;
      await yieldToOthers();
    }
  }
}

const none: ReadonlyMap<number, IndexedSummary> = new Map();

/** The data a client sees of a message. */
export function summaryOf({ uid, flags, receivedMs, size, modseq, isExact }: IndexedMessage): IndexedSummary {
  return { uid, flags, receivedMs, size, modseq, isExact };
}
