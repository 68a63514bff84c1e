import { Readable } from 'node:stream';
import {
  type ChangedFlags,
  type FlagsOutcome,
  type FolderChange,
  MailStoreError,
  type MessageContent,
  type MessageSummary,
  type OctetRange,
  type OpenFolder,
  type Transferred,
} from '../../mailbox/mail-store.ts';
import type { FolderWatcher, MailboxFolder } from './mailbox-folder.ts';

const chunkBytes = 64 * 1024;

/** A simulated folder that one session has selected. */
export class MemoryOpenFolder implements OpenFolder {
  readonly name: string;
  readonly readOnly: boolean;
  readonly #folder: MailboxFolder;
  readonly #find: (name: string) => MailboxFolder;
  readonly #listeners = new Set<(change: FolderChange) => void>();
  readonly #endWatch: () => void;
  readonly recentFrom: number;
  // Identifies the session, so that the folder can skip the author of a change.
  readonly #self: FolderWatcher;

  constructor(folder: MailboxFolder, find: (name: string) => MailboxFolder, readOnly: boolean) {
    this.name = folder.name;
    this.readOnly = readOnly;
    this.#folder = folder;
    this.#find = find;
    this.recentFrom = folder.claimRecent(readOnly);
    this.#self = {
      readOnly,
      tell: (change) => {
        for (const listener of this.#listeners) listener(change);
      },
    };
    this.#endWatch = folder.watch(this.#self);
  }

  get uidValidity(): number {
    return this.#folder.uidValidity;
  }

  get id(): string {
    return this.#folder.objectId;
  }

  get highestModseq(): number {
    return this.#folder.highestModseq;
  }

  get uidNext(): number {
    return this.#folder.uidNext;
  }

  async *list(): AsyncGenerator<MessageSummary> {
    yield* this.#folder.summaries();
  }

  emailId(uid: number): string | undefined {
    return this.#folder.get(uid)?.immutableId;
  }

  async content(uid: number, range?: OctetRange): Promise<MessageContent> {
    const whole = this.#folder.get(uid)?.content;
    if (whole === undefined) throw new MailStoreError('no-such-message', 'The message is gone.');
    const octets = range === undefined ? whole : whole.subarray(range.offset, range.offset + range.length);
    return { size: octets.length, stream: Readable.from(slices(octets), { objectMode: false }) };
  }

  async *headers(uids: readonly number[]) {
    for (const uid of uids) {
      const content = this.#folder.get(uid)?.content;
      if (content !== undefined) yield { uid, header: headerOf(content) };
    }
  }

  async *contents(uids: readonly number[]) {
    for (const uid of uids) if (this.#folder.get(uid) !== undefined) yield { uid, content: await this.content(uid) };
  }

  async setFlags(
    uids: readonly number[],
    how: 'add' | 'remove' | 'replace',
    flags: readonly string[],
    unchangedSince = Number.POSITIVE_INFINITY,
  ): Promise<FlagsOutcome> {
    this.#assertWritable();
    const changed = new Map<number, ChangedFlags>();
    const modified: number[] = [];
    for (const uid of uids) {
      const message = this.#folder.get(uid);
      if (message === undefined) continue;
      if (message.modseq > unchangedSince) {
        modified.push(uid);
        continue;
      }
      this.#folder.replaceFlags(uid, combined(message.flags, how, flags), this.#self);
      const now = this.#folder.get(uid) ?? message;
      changed.set(uid, { flags: now.flags, modseq: now.modseq });
    }
    return { changed, modified: modified.sort((a, b) => a - b) };
  }

  async removedSince(modseq: number): Promise<readonly number[]> {
    return this.#folder.removedSince(modseq);
  }

  async copy(uids: readonly number[], folder: string): Promise<Transferred> {
    return this.#transfer(uids, folder, 'copy');
  }

  async move(uids: readonly number[], folder: string): Promise<Transferred> {
    this.#assertWritable();
    const transferred = this.#transfer(uids, folder, 'same');
    this.#folder.remove(transferred.from, this.#self);
    return transferred;
  }

  async remove(uids: readonly number[]): Promise<readonly number[]> {
    this.#assertWritable();
    return this.#folder.remove(uids, this.#self);
  }

  watch(listener: (change: FolderChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#endWatch();
    this.#listeners.clear();
  }

  #transfer(uids: readonly number[], folder: string, as: 'same' | 'copy'): Transferred {
    const target = this.#find(folder);
    const from: number[] = [];
    const to: number[] = [];
    for (const uid of uids) {
      const message = this.#folder.get(uid);
      if (message === undefined) continue;
      from.push(uid);
      to.push(target.take(message, as).uid);
    }
    return { uidValidity: target.uidValidity, from, to };
  }

  #assertWritable(): void {
    if (this.readOnly) throw new MailStoreError('read-only', 'The folder was opened to read only.');
  }
}

function combined(present: readonly string[], how: 'add' | 'remove' | 'replace', flags: readonly string[]) {
  if (how === 'replace') return flags;
  if (how === 'add') return [...present, ...flags];
  const gone = new Set(flags.map((flag) => flag.toLowerCase()));
  return present.filter((flag) => !gone.has(flag.toLowerCase()));
}

/** The header block with the empty line after it. */
function headerOf(content: Buffer): Buffer {
  if (content.subarray(0, 2).equals(lineEnd)) return lineEnd;
  const end = content.indexOf('\r\n\r\n');
  return end < 0 ? content : content.subarray(0, end + 4);
}

const lineEnd = Buffer.from('\r\n');

function* slices(octets: Buffer): Generator<Buffer> {
  for (let start = 0; start < octets.length; start += chunkBytes) yield octets.subarray(start, start + chunkBytes);
}
