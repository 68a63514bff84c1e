import { type FolderChange, MailStoreError } from '../../../mailbox/mail-store.ts';
import type { IndexAuthority, OthersChanges } from '../index/authority.ts';
import type { FolderProgress, IndexedFolder } from '../index/folder-table.ts';
import type { IndexedSummary } from '../index/message-table.ts';
import { FolderEdit } from './edit.ts';
import { JointWork } from './joint-work.ts';
import { FolderMemory, summaryOf } from './memory.ts';
import { OwnChanges } from './own-changes.ts';
import type { FolderParts, SessionWatcher } from './parts.ts';
import { FolderRounds, type RoundOptions } from './rounds.ts';

/** A message with Graph's ID. */
export interface FolderEntry {
  readonly id: string;
  readonly summary: IndexedSummary;
}

/** Exact sizes found within this time are written together. */
const sizesTogetherMs = 1_000;

/**
 * A folder that sessions work in: what the index and Graph know of it. All sessions of a mailbox share it, and learn of
 * each other's changes at once.
 */
export class SyncedFolder {
  readonly key: number;
  readonly parts: FolderParts;
  readonly ownChanges = new OwnChanges();
  readonly #memory = new FolderMemory();
  readonly #rounds: FolderRounds;
  readonly #comparing: JointWork;
  readonly #watchers = new Set<SessionWatcher>();
  readonly #side = {
    others: (changes: OthersChanges) => this.#others(changes),
    forgotten: () => {
      this.end('More of the folder has changed than is remembered.');
      this.#memory.clear();
    },
  };
  #usedAtMs: number;
  #endFollow: (() => void) | undefined;
  /** Exact sizes not yet shared with other instances, by Graph's ID. */
  readonly #sizes = new Map<string, number>();
  /** Number of sessions waiting for the folder to be read into memory. */
  #opening = 0;

  constructor(key: number, parts: FolderParts) {
    this.key = key;
    this.parts = parts;
    this.#rounds = new FolderRounds(this);
    this.#comparing = new JointWork(parts.clock);
    this.#usedAtMs = parts.clock.now();
  }

  /** The folder's current data in the index. @throws MailStoreError `no-such-folder` */
  get facts(): IndexedFolder {
    const facts = this.parts.index.folders.get(this.key);
    if (facts === undefined) throw new MailStoreError('no-such-folder', 'The folder was deleted.');
    return facts;
  }

  get isWatched(): boolean {
    return this.#watchers.size > 0;
  }

  /** The messages of an open folder, ascending by UID. */
  get entries(): ReadonlyMap<number, IndexedSummary> {
    return this.#memory.entries;
  }

  /** A message of an open folder, with Graph's ID. */
  entry(uid: number): FolderEntry | undefined {
    const summary = this.#memory.entries.get(uid);
    const id = summary && this.parts.index.messages.idOf(this.key, uid);
    return id === undefined || summary === undefined ? undefined : { id, summary };
  }

  uidOf(id: string): number | undefined {
    return this.parts.index.messages.get(this.key, id)?.uid;
  }

  /** Identifies the state of a message for conditional requests. */
  changeKey(id: string): string | undefined {
    return this.parts.index.messages.get(this.key, id)?.changeKey;
  }

  /** Reads the messages into memory after comparing them with Graph; see {@link bringUpToDate}. */
  async open(maxAgeMs: number, options: RoundOptions): Promise<void> {
    await this.#whileOpening(async () => {
      // Loads while Graph is asked for changes. A first listing is not reported in pieces.
      if (this.facts.deltaLink !== undefined) this.#load().catch(() => {});
      await this.bringUpToDate(maxAgeMs, options);
      await this.#load();
    });
  }

  /**
   * Reads the messages into memory from the index, if it was compared with Graph no longer ago.
   * @returns whether it was
   */
  async openIfCurrent(maxAgeMs: number): Promise<boolean> {
    if (!this.#comparing.isDoneSince(maxAgeMs)) return false;
    await this.#whileOpening(async () => {
      await this.catchUp();
      await this.#load();
    });
    return true;
  }

  #load(): Promise<void> {
    return this.#memory.load(this.parts.index.messages, this.key);
  }

  async #whileOpening(work: () => Promise<void>): Promise<void> {
    this.#opening += 1;
    try {
      await work();
    } finally {
      this.#opening -= 1;
      this.#usedAtMs = this.parts.clock.now();
    }
  }

  /** @returns a function that ends it */
  watch(watcher: SessionWatcher): () => void {
    this.#watchers.add(watcher);
    this.#endFollow ??= this.parts.index.authority.follow(this.key, () => this.#followed());
    return () => {
      this.#watchers.delete(watcher);
      if (!this.isWatched) {
        this.#endFollow?.();
        this.#endFollow = undefined;
      }
      this.#usedAtMs = this.parts.clock.now();
    };
  }

  /** Compares with Graph, unless a comparison has begun since `maxAgeMs` before this call; see {@link JointWork.run}. */
  async bringUpToDate(maxAgeMs: number, options: RoundOptions): Promise<void> {
    let isCompared = false;
    await this.#comparing.run(
      maxAgeMs,
      async () => {
        isCompared = true;
        await this.catchUp();
        await this.#rounds.run(options);
      },
      options.signal,
    );
    // A session that joined too late for a comparison, or did not need one, must not see less than another instance has
    // already reported.
    if (!isCompared) await this.catchUp();
  }

  /** Compares every message with Graph, whatever changes were reported. */
  reconcile(): Promise<void> {
    return this.#comparing.apart(async () => {
      await this.catchUp();
      await this.#rounds.full({ background: true });
    });
  }

  /** Drops the messages from memory if nobody has used them for this long; the index keeps them. */
  unloadAfter(unusedMs: number): void {
    const isUsed = this.isWatched || this.#opening > 0;
    if (!isUsed && this.parts.clock.now() - this.#usedAtMs > unusedMs) this.#memory.clear();
  }

  /**
   * Changes the folder, all or nothing, and tells its watchers.
   * @param work changes only what it is given and may be called again: see {@link IndexAuthority.write}
   * @param author is told only of new messages
   * @param progress other folder data to write; called last
   */
  async edit<Result>(
    work: (edit: FolderEdit) => Result,
    author?: SessionWatcher,
    progress?: () => FolderProgress,
  ): Promise<Result> {
    const { index } = this.parts;
    const { authority } = index;
    let edit: FolderEdit | undefined;
    const prepare = () => {
      const isOpen = authority.isShared || this.#memory.isLoaded;
      edit = new FolderEdit({ index, facts: this.facts, isOpen, ownChanges: this.ownChanges });
      const result = work(edit);
      return { result, progress: { ...edit.counters, ...progress?.() } };
    };
    const written = () => {
      edit?.remember(this.#memory);
      this.#tell(edit?.changes ?? [], author);
    };
    try {
      return await authority.write(this.key, prepare, { ...this.#side, written });
    } catch (error) {
      // Graph has accepted changes that are not in the index: sessions that continued would not see them.
      if (!authority.isShared) this.end('The index of the mailbox cannot be written.');
      else this.#lost(error);
      throw error;
    }
  }

  /** Takes in what other instances have written. @throws like {@link IndexAuthority.catchUp} */
  async catchUp(): Promise<void> {
    const { authority } = this.parts.index;
    if (!authority.isShared) return;
    try {
      await authority.catchUp(this.key, this.#side);
    } catch (error) {
      this.#lost(error);
      throw error;
    }
  }

  /** The shared index has another folder in place of this one, or none. */
  #lost(error: unknown): void {
    if (!(error instanceof MailStoreError && error.code === 'no-such-folder')) return;
    this.end(error.message);
    this.#memory.clear();
    this.parts.lost(this.key);
  }

  /**
   * Marks messages as being changed at Graph until the returned function is called. If another instance writes
   * meanwhile, they are read again.
   */
  changing(ids: readonly string[]): () => Promise<void> {
    const end = this.ownChanges.begin(ids);
    return async () => {
      end();
      // Anything that cannot be read now stays in doubt.
      if (this.parts.index.authority.isShared) await this.#rounds.settle({ background: true }).catch(() => {});
    };
  }

  /** Records the exact size of a message. */
  setSize(uid: number, size: number): void {
    const { messages, authority } = this.parts.index;
    const id = this.entries.get(uid)?.isExact === false ? messages.idOf(this.key, uid) : undefined;
    const known = id === undefined ? undefined : messages.get(this.key, id);
    if (known === undefined) return;
    messages.setSize(this.key, known.id, size, true);
    this.#memory.put({ ...known, size, isExact: true });
    if (authority.isShared) this.#shareSize(known.id, size);
  }

  /** Messages below this UID are no longer recent. */
  seenBelow(uid: number): void {
    const isNews = this.facts.recentFrom < uid;
    this.parts.index.folders.update(this.key, { recentFrom: uid });
    if (isNews) this.parts.index.authority.seenBelow(this.key, uid);
  }

  /**
   * Sizes become known one after another as a client reads, so they are written together; a lost one is found again.
   */
  #shareSize(id: string, size: number): void {
    this.#sizes.set(id, size);
    if (this.#sizes.size > 1) return;
    this.parts.clock.after(sizesTogetherMs, () => {
      const sizes = new Map(this.#sizes);
      this.#sizes.clear();
      if (this.parts.isClosed()) return;
      this.edit((edit) => edit.setSizes(sizes)).catch(() => {});
    });
  }

  /** A failure here is made up for at the next look at the folder. */
  #followed(): void {
    if (!this.parts.isClosed()) this.catchUp().catch(() => {});
  }

  #others({ removed, removedModseq, added, flagged, other }: OthersChanges): void {
    this.ownChanges.others([removed, added, flagged, other].flatMap((some) => some.map(({ id }) => id)));
    for (const message of removed) this.#memory.drop(message);
    for (const message of [...added, ...flagged, ...other]) this.#memory.put(message);
    const uids = removed.map(({ uid }) => uid).sort((a, b) => a - b);
    this.#tell([
      ...(uids.length > 0 ? [{ kind: 'removed' as const, uids, modseq: removedModseq }] : []),
      ...added.map((message) => ({ kind: 'added' as const, message: summaryOf(message), recent: false })),
      ...flagged.map(({ uid, flags, modseq }) => ({ kind: 'flags' as const, uid, flags, modseq })),
    ]);
  }

  /** The folder can no longer be used. */
  end(why: string): void {
    this.#tell([{ kind: 'gone', why }]);
  }

  /**
   * New mail is recent for every session that learns of it, up to and including the first that can change the folder.
   */
  #tell(changes: readonly FolderChange[], author?: SessionWatcher): void {
    for (const change of changes) {
      if (change.kind === 'added') this.#tellAdded(change);
      else for (const watcher of this.#watchers) if (watcher !== author) watcher.tell(change);
    }
  }

  #tellAdded(change: FolderChange & { readonly kind: 'added' }): void {
    const { folders } = this.parts.index;
    let recent = change.message.uid >= (folders.get(this.key)?.recentFrom ?? Number.POSITIVE_INFINITY);
    for (const watcher of this.#watchers) {
      watcher.tell({ ...change, recent });
      if (!recent || watcher.readOnly) continue;
      recent = false;
      this.seenBelow(change.message.uid + 1);
    }
  }
}
