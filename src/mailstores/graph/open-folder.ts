import { Readable } from 'node:stream';
import {
  type Flag,
  type FlagsOutcome,
  type FolderChange,
  type Listing,
  type ListOptions,
  MailStoreError,
  type MessageContent,
  type MessageSummary,
  type OctetRange,
  type OpenFolder,
  type Transferred,
} from '../../mailbox/mail-store.ts';
import { changeFlags, removeMessages, transferMessages } from './changes.ts';
import type { ContentKey, MessageContents } from './content/contents.ts';
import type { CachedContent } from './content/disk-cache.ts';
import { toldFields, toldHeader } from './content/told-header.ts';
import { storeError } from './errors.ts';
import type { EnvelopeFacts } from './remote/facts.ts';
import type { SyncedFolder } from './sync/folder.ts';
import type { SessionWatcher } from './sync/parts.ts';

/** What a folder needs from its mailbox. */
export interface FolderHost {
  readonly contents: MessageContents;
  /** Aborted when the client has left. */
  readonly gone: AbortSignal | undefined;
  /** @throws MailStoreError `no-such-folder` */
  folderNamed(name: string): Promise<SyncedFolder>;
  /** Checks whether a folder still exists. @throws MailStoreError `no-such-folder` */
  assertThere(folder: SyncedFolder): Promise<void>;
  /** Messages were added or removed. */
  countsChanged(): void;
}

/** Messages read ahead while a client fetches them one after another. */
const readAhead = 2;
/** For more messages than this, headers are not requested if Exchange's list data suffices. */
const mostExactHeaders = 200;
/**
 * In a folder with at most this many messages, text searches read the messages themselves, and match within words too.
 */
const mostReadForSearch = 100;
/**
 * For more messages than this, exact sizes are not determined in advance: it would take too long and too many requests.
 */
const mostExactSizes = 1_000;

/** RFC 8474 section 5.1. */
const objectId = /^[A-Za-z0-9_-]{1,255}$/;

/** How a session has opened a folder. */
export interface OpenedAs {
  readonly readOnly: boolean;
  /** A comparison with Graph that continues; it never rejects. */
  readonly following?: Promise<void> | undefined;
}

/** A folder open in one session. */
export class GraphOpenFolder implements OpenFolder {
  readonly name: string;
  readonly readOnly: boolean;
  readonly recentFrom: number;
  readonly #folder: SyncedFolder;
  readonly #host: FolderHost;
  readonly #listeners = new Set<(change: FolderChange) => void>();
  readonly #self: SessionWatcher;
  readonly #endWatch: () => void;

  #following: Promise<void> | undefined;

  /** @param folder is already open */
  constructor(name: string, folder: SyncedFolder, { readOnly, following }: OpenedAs, host: FolderHost) {
    this.name = name;
    this.readOnly = readOnly;
    this.#following = following;
    void following?.then(() => {
      this.#following = undefined;
    });
    this.#folder = folder;
    this.#host = host;
    const { recentFrom, uidNext } = folder.facts;
    this.recentFrom = recentFrom;
    if (!readOnly) folder.seenBelow(uidNext);
    this.#self = {
      readOnly,
      tell: (change) => {
        for (const listener of this.#listeners) listener(change);
      },
    };
    this.#endWatch = folder.watch(this.#self);
  }

  get id(): string {
    return String(this.#folder.key);
  }

  get uidValidity(): number {
    return this.#folder.facts.uidValidity;
  }

  get uidNext(): number {
    return this.#folder.facts.uidNext;
  }

  get highestModseq(): number {
    return this.#folder.facts.modseq;
  }

  list({ exactSizes = false, signal = this.#host.gone }: ListOptions = {}): Listing<MessageSummary> {
    return exactSizes ? this.#listExactly(signal) : this.#listing();
  }

  get upToDate(): Promise<void> | undefined {
    return this.#following;
  }

  emailId(uid: number): string | undefined {
    const id = this.#folder.entry(uid)?.id;
    return id !== undefined && objectId.test(id) ? id : undefined;
  }

  async content(uid: number, range?: OctetRange): Promise<MessageContent> {
    const content = await this.#content(uid);
    if (content === undefined) throw new MailStoreError('no-such-message', 'The message no longer exists.');
    return contentOf(content, () => this.#content(uid), range);
  }

  async *headers(uids: readonly number[], signal = this.#host.gone, fields?: readonly string[]) {
    const wanted = fields && new Set(fields.map((field) => field.toLowerCase()));
    const isTold = wanted !== undefined && [...wanted].every((field) => toldFields.has(field));
    if (isTold && uids.length > mostExactHeaders) {
      yield* this.#toldHeaders(uids, wanted);
      return;
    }
    const keys = uids.flatMap((uid) => {
      const key = this.#key(uid);
      return key === undefined ? [] : [{ ...key, uid }];
    });
    const { contents } = this.#host;
    try {
      const headers = isTold ? contents.keptHeaders(keys, { signal }) : contents.headers(keys, { signal });
      for await (const { key, header } of headers) {
        // Exchange keeps no original header for messages sent from this mailbox.
        if (header === undefined) yield* this.#toldHeaders([key.uid]);
        else yield { uid: key.uid, header };
      }
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async *contents(uids: readonly number[], signal = this.#host.gone) {
    const ahead: { uid: number; content: Promise<CachedContent | undefined> }[] = [];
    let next = 0;
    try {
      for (;;) {
        for (; next < uids.length && ahead.length <= readAhead; next++) {
          const uid = uids[next] as number;
          const content = this.#content(uid, signal);
          content.catch(() => {});
          ahead.push({ uid, content });
        }
        const first = ahead.shift();
        if (first === undefined) return;
        const content = await first.content;
        if (content !== undefined) {
          yield { uid: first.uid, content: contentOf(content, () => this.#content(first.uid, signal)) };
        }
      }
    } finally {
      await Promise.allSettled(ahead.map(({ content }) => content));
    }
  }

  async searchText(where: 'body' | 'text', text: string, signal = this.#host.gone) {
    if (this.#folder.entries.size <= mostReadForSearch) return undefined;
    const { mail } = this.#folder.parts;
    try {
      const ids = await mail.search(this.#folder.facts.id, where === 'body' ? `body:${text}` : text, { signal });
      return new Set(ids.flatMap((id) => this.#folder.uidOf(id) ?? []));
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async setFlags(
    uids: readonly number[],
    how: 'add' | 'remove' | 'replace',
    flags: readonly Flag[],
    unchangedSince = Number.POSITIVE_INFINITY,
  ): Promise<FlagsOutcome> {
    this.#assertWritable();
    const change = { uids, how, flags, unchangedSince };
    return await this.#during((options) => changeFlags(this.#folder, change, this.#self, options));
  }

  async removedSince(modseq: number): Promise<readonly number[] | undefined> {
    const { index } = this.#folder.parts;
    if (modseq < this.#folder.facts.removalsFrom) return undefined;
    return index.messages.removedSince(this.#folder.key, modseq);
  }

  async copy(uids: readonly number[], folder: string): Promise<Transferred> {
    return await this.#transfer('copy', uids, folder);
  }

  async move(uids: readonly number[], folder: string): Promise<Transferred> {
    this.#assertWritable();
    return await this.#transfer('move', uids, folder);
  }

  async remove(uids: readonly number[]): Promise<readonly number[]> {
    this.#assertWritable();
    // A client that has said QUIT or LOGOUT need not wait for the result.
    return await removeMessages(this.#folder, uids, this.#self, {}).catch((error: unknown) => {
      throw this.#failure(error);
    });
  }

  watch(listener: (change: FolderChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#endWatch();
    this.#listeners.clear();
  }

  async #transfer(action: 'copy' | 'move', uids: readonly number[], name: string): Promise<Transferred> {
    const target = await this.#host.folderNamed(name);
    if (action === 'move' && target === this.#folder) return await this.#renumber(uids);
    const moved = await this.#during((options) =>
      transferMessages(this.#folder, target, { action, uids }, this.#self, options),
    );
    this.#host.countsChanged();
    // Graph gives the same answer if the message is gone and if the folder is.
    const there = uids.filter((uid) => this.#folder.entries.has(uid) || moved.from.includes(uid));
    if (moved.from.length < there.length) await this.#host.assertThere(target);
    return { uidValidity: target.facts.uidValidity, ...moved };
  }

  /**
   * In IMAP, a message moved to its own folder becomes a new one (RFC 6851 section 3.3); in Exchange, it stays the
   * same. UIDs belong to the index, so this move happens there. A copy followed by a removal could be interrupted
   * halfway.
   */
  async #renumber(uids: readonly number[]): Promise<Transferred> {
    const ids = uids.flatMap((uid) => this.#folder.entry(uid)?.id ?? []);
    const { uidValidity } = this;
    try {
      return { uidValidity, ...(await this.#folder.edit((edit) => edit.renumber(ids), this.#self)) };
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #listing(): MessageSummary[] {
    return [...this.#folder.entries.values()];
  }

  /** Lists the messages that are here now. One that arrives while sizes are found has only an estimate of its own. */
  async *#listExactly(signal: AbortSignal | undefined): AsyncGenerator<MessageSummary> {
    const { entries } = this.#folder;
    const uids = [...entries.keys()];
    const unknown = uids.filter((uid) => entries.get(uid)?.isExact === false);
    for await (const { content } of this.contents(unknown.slice(-mostExactSizes), signal)) content.stream.destroy();
    for (const uid of uids) {
      const message = this.#folder.entries.get(uid);
      if (message !== undefined) yield message;
    }
  }

  async #content(uid: number, signal = this.#host.gone): Promise<CachedContent | undefined> {
    const key = this.#key(uid);
    if (key === undefined) return undefined;
    try {
      const content = await this.#host.contents.whole(key, { signal });
      if (content !== undefined && key.draftState === '') this.#folder.setSize(uid, content.size);
      return content;
    } catch (error) {
      throw this.#failure(error);
    }
  }

  *#toldHeaders(uids: readonly number[], wanted?: ReadonlySet<string>): Generator<{ uid: number; header: Buffer }> {
    const { messages } = this.#folder.parts.index;
    for (const uid of uids) {
      const told = this.#folder.entries.has(uid) ? messages.envelopeOf(this.#folder.key, uid) : undefined;
      if (told === undefined) continue;
      yield { uid, header: toldHeader(JSON.parse(told.envelope || '{}') as EnvelopeFacts, told, wanted) };
    }
  }

  #key(uid: number): ContentKey | undefined {
    const entry = this.#folder.entry(uid);
    if (entry === undefined) return undefined;
    const { id, summary } = entry;
    const isDraft = summary.flags.includes('\\Draft');
    return { id, draftState: isDraft ? (this.#folder.changeKey(id) ?? '') : '' };
  }

  async #during<Result>(
    work: (options: { readonly signal: AbortSignal | undefined }) => Promise<Result>,
  ): Promise<Result> {
    try {
      return await work({ signal: this.#host.gone });
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #assertWritable(): void {
    if (this.readOnly) throw new MailStoreError('read-only', 'The folder was opened to read only.');
  }

  #failure(error: unknown): unknown {
    return this.#host.gone?.aborted ? error : storeError(error, this.#folder.parts.mail.requests.mailbox);
  }
}

/** @param again fetches it again */
function contentOf(
  content: CachedContent,
  again: () => Promise<CachedContent | undefined>,
  range?: OctetRange,
): MessageContent {
  const { size } = content;
  const stream = Readable.from(octetsOf(content, again, range), { objectMode: false });
  return { size: range === undefined ? size : Math.max(0, Math.min(size - range.offset, range.length)), stream };
}

/** Opens the file only when it is read, so that an unread message holds no file open. */
async function* octetsOf(
  content: CachedContent,
  again: () => Promise<CachedContent | undefined>,
  range: OctetRange | undefined,
): AsyncGenerator<Buffer> {
  let now = content;
  for (let tries = 0; ; tries++) {
    try {
      return yield* now.open(range);
    } catch (error) {
      // The cache has since dropped the file; a file already open is read to its end.
      const isMissing = (error as { code?: unknown }).code === 'ENOENT';
      const anew = isMissing && tries < mostReopenings ? await again() : undefined;
      if (anew?.size !== content.size) throw error;
      now = anew;
    }
  }
}

const mostReopenings = 5;
