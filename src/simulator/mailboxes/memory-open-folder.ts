import { Readable } from 'node:stream';
import {
  type FolderChange,
  MailStoreError,
  type MessageContent,
  type MessageSummary,
  type OctetRange,
  type OpenFolder,
  type Transferred,
} from '../../mailbox/mail-store.ts';
import { canonicalFlags, type MailboxFolder } from './mailbox-folder.ts';

const chunkBytes = 64 * 1024;

/** A simulated folder that one session has selected. */
export class MemoryOpenFolder implements OpenFolder {
  readonly name: string;
  readonly readOnly: boolean;
  readonly #folder: MailboxFolder;
  readonly #find: (name: string) => MailboxFolder;
  readonly #listeners = new Set<(change: FolderChange) => void>();
  readonly #endWatch: () => void;
  // One identity per session, so that the folder can leave the author of a change out.
  readonly #self = (change: FolderChange): void => {
    for (const listener of this.#listeners) listener(change);
  };

  constructor(folder: MailboxFolder, find: (name: string) => MailboxFolder, readOnly: boolean) {
    this.name = folder.name;
    this.readOnly = readOnly;
    this.#folder = folder;
    this.#find = find;
    this.#endWatch = folder.watch(this.#self);
  }

  get uidValidity(): number {
    return this.#folder.uidValidity;
  }

  get uidNext(): number {
    return this.#folder.uidNext;
  }

  async *list(): AsyncGenerator<MessageSummary> {
    yield* this.#folder.summaries();
  }

  async content(uid: number, range?: OctetRange): Promise<MessageContent> {
    const whole = this.#folder.get(uid)?.content;
    if (whole === undefined) throw new MailStoreError('no-such-message', 'The message is gone.');
    const octets = range === undefined ? whole : whole.subarray(range.offset, range.offset + range.length);
    return { size: octets.length, stream: Readable.from(slices(octets), { objectMode: false }) };
  }

  async setFlags(uids: readonly number[], how: 'add' | 'remove' | 'replace', flags: readonly string[]) {
    this.#assertWritable();
    const changed = new Map<number, readonly string[]>();
    for (const uid of uids) {
      const message = this.#folder.get(uid);
      if (message === undefined) continue;
      const next = canonicalFlags(combined(message.flags, how, flags));
      this.#folder.replaceFlags(uid, next, this.#self);
      changed.set(uid, next);
    }
    return changed;
  }

  async copy(uids: readonly number[], folder: string): Promise<Transferred> {
    const target = this.#find(folder);
    const from: number[] = [];
    const to: number[] = [];
    for (const uid of uids) {
      const message = this.#folder.get(uid);
      if (message === undefined) continue;
      from.push(uid);
      to.push(target.add(message.content, message.flags, message.internalDate).uid);
    }
    return { uidValidity: target.uidValidity, from, to };
  }

  async move(uids: readonly number[], folder: string): Promise<Transferred> {
    this.#assertWritable();
    const transferred = await this.copy(uids, folder);
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

function* slices(octets: Buffer): Generator<Buffer> {
  for (let start = 0; start < octets.length; start += chunkBytes) yield octets.subarray(start, start + chunkBytes);
}
