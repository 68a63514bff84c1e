import type { FolderChange, MessageSummary, OpenFolder } from '../mailbox/mail-store.ts';
import type { ImapWriter } from './wire/response-writer.ts';
import { firstAtLeast, type SequenceSet, selectNumbers, selectUpTo } from './wire/sequence-set.ts';

/**
 * A folder as the client knows it: sequence numbers change only when the client is told (RFC 9051 section 7.5.1),
 * so what happens behind its back waits here.
 */
export class SelectedFolder {
  readonly open: OpenFolder;
  readonly #uids: number[] = [];
  readonly #messages = new Map<number, MessageSummary>();
  readonly #removed = new Set<number>();
  readonly #flagged = new Set<number>();
  #added: MessageSummary[] = [];
  #onChange: (() => void) | undefined;
  #endWatch: (() => void) | undefined;

  private constructor(open: OpenFolder) {
    this.open = open;
  }

  /** Lists the folder and starts to watch it. */
  static async of(open: OpenFolder): Promise<SelectedFolder> {
    const folder = new SelectedFolder(open);
    // Watched before it is listed: what arrives meanwhile is in the list or in the watch, or in both.
    folder.#endWatch = open.watch((change) => folder.#note(change));
    for await (const message of open.list()) folder.#append(message);
    return folder;
  }

  /** Ascending by UID; the place is the sequence number less one. */
  get uids(): readonly number[] {
    return this.#uids;
  }

  get(uid: number): MessageSummary | undefined {
    return this.#messages.get(uid);
  }

  sequenceNumber(uid: number): number {
    return firstAtLeast(this.#uids, uid) + 1;
  }

  /** UIDs of the messages a set names, ascending. */
  resolve(set: SequenceSet, byUid: boolean): number[] {
    if (byUid) return selectNumbers(set, this.#uids);
    return selectUpTo(set, this.#uids.length).map((number) => this.#uids[number - 1] as number);
  }

  /** Whether a sequence set names numbers that no message has. */
  exceeds(set: SequenceSet): boolean {
    const last = this.#uids.length;
    return set.some(({ from, to }) => Math.max(finite(from, last), finite(to, last)) > last || last === 0);
  }

  /** Flags the client's own command has set; they are known to it. */
  setFlags(uid: number, flags: readonly string[]): void {
    const message = this.#messages.get(uid);
    if (message !== undefined) this.#messages.set(uid, { ...message, flags });
  }

  /** Messages the client's own command has removed; it is told with the next EXPUNGE responses. */
  markRemoved(uids: readonly number[]): void {
    for (const uid of uids) if (this.#messages.has(uid)) this.#removed.add(uid);
  }

  /** Calls `listener` whenever there is something to tell; one listener at a time. */
  onChange(listener: (() => void) | undefined): void {
    this.#onChange = listener;
  }

  /** Tells the client what has happened. */
  tell(out: ImapWriter, options: { readonly expunges: boolean }): void {
    if (options.expunges) this.#tellRemoved(out);
    if (this.#added.length > 0) {
      for (const message of this.#added) this.#append(message);
      this.#added = [];
      out.untagged(`${this.#uids.length} EXISTS`);
    }
    for (const uid of this.#flagged) {
      const message = this.#messages.get(uid);
      if (message === undefined) continue;
      out.untagged(`${this.sequenceNumber(uid)} FETCH (UID ${uid} FLAGS (${message.flags.join(' ')}))`);
    }
    this.#flagged.clear();
  }

  async close(): Promise<void> {
    this.#endWatch?.();
    this.#onChange = undefined;
    await this.open.close();
  }

  #tellRemoved(out: ImapWriter): void {
    const descending = [...this.#removed].sort((a, b) => b - a);
    for (const uid of descending) {
      const index = firstAtLeast(this.#uids, uid);
      if (this.#uids[index] !== uid) continue;
      this.#uids.splice(index, 1);
      this.#messages.delete(uid);
      this.#flagged.delete(uid);
      out.untagged(`${index + 1} EXPUNGE`);
    }
    this.#removed.clear();
  }

  #append(message: MessageSummary): void {
    if (this.#messages.has(message.uid)) return;
    this.#uids.push(message.uid);
    this.#messages.set(message.uid, message);
  }

  #note(change: FolderChange): void {
    if (change.kind === 'added') this.#added.push(change.message);
    if (change.kind === 'removed') this.#noteRemoved(change.uids);
    if (change.kind === 'flags') {
      this.#added = this.#added.map((message) =>
        message.uid === change.uid ? { ...message, flags: change.flags } : message,
      );
      if (this.#messages.has(change.uid)) this.#flagged.add(change.uid);
      this.setFlags(change.uid, change.flags);
    }
    this.#onChange?.();
  }

  #noteRemoved(uids: readonly number[]): void {
    const gone = new Set(uids);
    this.#added = this.#added.filter((message) => !gone.has(message.uid));
    this.markRemoved(uids);
  }
}

function finite(bound: number, last: number): number {
  return bound === Number.POSITIVE_INFINITY ? last : bound;
}
