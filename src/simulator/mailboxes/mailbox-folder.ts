import { randomBytes, randomUUID } from 'node:crypto';
import type { FolderChange, FolderStatus, MessageSummary, SpecialUse } from '../../mailbox/mail-store.ts';
import { ChangeLog } from './change-log.ts';
import {
  canonicalFlags,
  FolderMessage,
  type ItemFacts,
  KeptOctets,
  type MessageChange,
  type MessageOctets,
  type OctetFacts,
  type StoredMessage,
} from './stored-message.ts';
import { UidOrder } from './uid-order.ts';

/** How message sizes are reported. */
export interface SizeTelling {
  /**
   * RFC822.SIZE and LIST give an estimate, as Exchange Online does by default. `Set-CASMailbox
   * -ImapEnableExactRFC822Size $true` and `-PopEnableExactRFC822Size $true` make sizes exact.
   */
  estimated: boolean;
}

/** An observer of a folder's changes. */
export interface FolderWatcher {
  /** If false, new messages lose \\Recent once reported to it: it may change the folder. */
  readonly readOnly: boolean;
  tell(change: FolderChange): void;
}

/** What a folder is made with. */
export interface NewFolder {
  readonly subscribed?: boolean;
  readonly specialUse?: SpecialUse | undefined;
}

/** Where a message is. */
export interface ItemPlace {
  readonly folder: MailboxFolder;
  readonly uid: number;
}

/** What the folders of one mailbox share. */
export class MailboxItems {
  readonly sizes: SizeTelling;
  /** By immutable id. */
  readonly places = new Map<string, ItemPlace>();
  #changes = 0;

  constructor(sizes: SizeTelling) {
    this.sizes = sizes;
  }

  /** Number of changes in the mailbox. */
  get changes(): number {
    return this.#changes;
  }

  /** Numbers a new change. */
  change(): number {
    return ++this.#changes;
  }
}

/** An added, changed or removed message. */
export interface ItemChange {
  readonly at: number;
  readonly uid: number;
  readonly immutableId: string;
  /** Undefined if removed. */
  readonly message: StoredMessage | undefined;
}

let lastUidValidity = Math.floor(Date.now() / 1000);

/** At least this many removed messages are remembered; at most twice as many. */
const rememberedGone = 100_000;

/** From this many messages on, their order is rebuilt. */
const manyAtOnce = 100;

/** One folder's messages, and the sessions that have it open. */
export class MailboxFolder {
  /** The path in IMAP. */
  name: string;
  subscribed: boolean;
  readonly specialUse: SpecialUse | undefined;
  readonly uidValidity = ++lastUidValidity;
  /** Graph's id; it stays when the folder is renamed or moved. */
  readonly id = randomBytes(30).toString('base64url');
  /** IMAP's id (RFC 8474 section 5.1). */
  readonly objectId = `f${this.id}`;
  readonly #messages = new Map<number, FolderMessage>();
  readonly #watchers = new Set<FolderWatcher>();
  readonly #items: MailboxItems;
  readonly #log = new ChangeLog();
  readonly #gone = new Map<number, { readonly immutableId: string; readonly at: number; readonly modseq: number }>();
  readonly #lastGone = new Map<string, number>();
  readonly #uids = new UidOrder(
    (a, b) => a - b,
    () => this.#messages.keys(),
  );
  readonly #byReceived = new UidOrder(
    (a, b) => this.#receivedAt(a) - this.#receivedAt(b) || a - b,
    () => this.#messages.keys(),
  );
  #uidNext = 1;
  #forgottenIn = 0;
  #unseen = 0;
  #changedIn: number;
  #recentFrom = 1;
  #modseq = 1;

  constructor(name: string, items: MailboxItems, { subscribed = false, specialUse }: NewFolder = {}) {
    this.name = name;
    this.subscribed = subscribed;
    this.specialUse = specialUse;
    this.#items = items;
    this.#changedIn = items.change();
  }

  /** Grows with every change to its messages. */
  get highestModseq(): number {
    return this.#modseq;
  }

  get uidNext(): number {
    return this.#uidNext;
  }

  /** The last change to its name, place or counters, numbered among all changes of the mailbox. */
  get changedIn(): number {
    return this.#changedIn;
  }

  /** Every message, ascending by UID. */
  messages(): readonly StoredMessage[] {
    return [...this.#messages.values()];
  }

  /** What a listing says of each message, ascending by UID. */
  *summaries(): Generator<MessageSummary> {
    for (const message of this.#messages.values()) yield this.#summaryOf(message);
  }

  get(uid: number): StoredMessage | undefined {
    return this.#messages.get(uid);
  }

  status(): FolderStatus {
    const counts = { deleted: 0, recent: 0, size: 0 };
    for (const message of this.#messages.values()) {
      if (message.flags.includes('\\Deleted')) counts.deleted++;
      if (message.uid >= this.#recentFrom) counts.recent++;
      counts.size += this.#summaryOf(message).size;
    }
    const { uidValidity, objectId: id } = this;
    return {
      ...{ uidValidity, id, uidNext: this.#uidNext, highestModseq: this.#modseq },
      ...{ messages: this.#messages.size, unseen: this.#unseen },
      ...counts,
    };
  }

  /** The first UID that no session has seen; unless this session only reads, the next one finds them seen. */
  claimRecent(readOnly: boolean): number {
    const from = this.#recentFrom;
    if (!readOnly) this.#recentFrom = this.#uidNext;
    return from;
  }

  /** UIDs removed after `modseq`, ascending. */
  removedSince(modseq: number): readonly number[] {
    return [...this.#gone]
      .filter(([, gone]) => gone.modseq > modseq)
      .map(([uid]) => uid)
      .sort((a, b) => a - b);
  }

  /** The folder no longer exists: notifies every session that has it open. */
  end(why: string): void {
    this.#tell({ kind: 'gone', why });
  }

  /** The UIDs, ascending. */
  uids(): readonly number[] {
    return this.#uids.list;
  }

  /** The UIDs in the order of reception. */
  byReceived(): readonly number[] {
    return this.#byReceived.list;
  }

  /** Adds a message and notifies everybody. */
  add(
    octets: MessageOctets,
    flags: readonly string[],
    internalDate: Date,
    facts: ItemFacts & OctetFacts = {},
  ): StoredMessage {
    const { immutableId = randomUUID(), properties, categories, isFinal } = facts;
    const now = new Date();
    const kept = new KeptOctets(octets, facts);
    const about = { immutableId, kept, flags: canonicalFlags(flags), internalDate, createdAt: now, modifiedAt: now };
    return this.#enter({
      ...about,
      ...(properties && { properties }),
      ...(categories && { categories }),
      ...(isFinal && { isFinal }),
    });
  }

  /**
   * Takes in a message of another folder or of this one: the same item, which must then be removed there, or a copy.
   */
  take(message: StoredMessage, as: 'same' | 'copy'): StoredMessage {
    const now = new Date();
    const own = as === 'copy' ? { immutableId: randomUUID(), createdAt: now } : {};
    return this.#enter({ ...message, ...own, modifiedAt: now });
  }

  /** Changes a message and notifies everybody but `author`. */
  update(uid: number, change: MessageChange, author?: FolderWatcher): StoredMessage | undefined {
    const before = this.#messages.get(uid);
    if (before === undefined) return undefined;
    const flags = change.flags === undefined ? before.flags : canonicalFlags(change.flags);
    if (Object.keys(change).join() === 'flags' && sameFlags(before.flags, flags)) return before;
    const changedIn = this.#record(uid);
    this.#modseq += 1;
    const message = new FolderMessage({
      ...{ ...before, ...change, flags },
      ...{ modifiedAt: new Date(), changedIn, modseq: this.#modseq },
    });
    this.#messages.set(uid, message);
    const unseen = Number(isUnseen(message)) - Number(isUnseen(before));
    this.#unseen += unseen;
    if (unseen !== 0) this.#changedIn = changedIn;
    if (change.flags !== undefined) this.#tell({ kind: 'flags', uid, flags, modseq: this.#modseq }, author);
    return message;
  }

  /** Changes a message's flags and notifies everybody but `author`. */
  replaceFlags(uid: number, flags: readonly string[], author?: FolderWatcher): void {
    this.update(uid, { flags }, author);
  }

  /** Removes messages and notifies everybody but `author`. @returns the UIDs that existed, ascending */
  remove(uids: readonly number[], author?: FolderWatcher): readonly number[] {
    if (uids.length > manyAtOnce) {
      this.#uids.forget();
      this.#byReceived.forget();
    }
    if (uids.some((uid) => this.#messages.has(uid))) this.#modseq += 1;
    const removed = [...uids].sort((a, b) => a - b).filter((uid) => this.#leave(uid));
    if (removed.length > 0) this.#tell({ kind: 'removed', uids: removed, modseq: this.#modseq }, author);
    return removed;
  }

  /** Records that the folder's name or place changed. */
  touch(): void {
    this.#changedIn = this.#items.change();
  }

  /** Messages added, changed and removed after a point in time, each once, at its last change. */
  *changesSince(at: number): Generator<ItemChange> {
    for (const entry of this.#log.since(at)) {
      const message = this.#messages.get(entry.uid);
      const gone = message === undefined ? this.#gone.get(entry.uid) : undefined;
      const lastChange = message?.changedIn ?? gone?.at;
      const immutableId = message?.immutableId ?? gone?.immutableId;
      if (lastChange === entry.at && immutableId !== undefined) yield { ...entry, immutableId, message };
    }
  }

  /** Whether everything after a point in time is still known. */
  remembers(at: number): boolean {
    return at >= this.#forgottenIn;
  }

  /** When a message with this immutable id was last removed, 0 for never. */
  leftIn(immutableId: string): number {
    return this.#lastGone.get(immutableId) ?? 0;
  }

  watch(watcher: FolderWatcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #enter(facts: Omit<StoredMessage, 'uid' | 'content' | 'changedIn' | 'enteredIn' | 'modseq'>): StoredMessage {
    const uid = this.#uidNext++;
    const changedIn = this.#record(uid);
    this.#modseq += 1;
    const message = new FolderMessage({ ...facts, uid, changedIn, enteredIn: changedIn, modseq: this.#modseq });
    this.#messages.set(uid, message);
    this.#uids.add(uid);
    this.#byReceived.add(uid);
    this.#changedIn = changedIn;
    if (isUnseen(message)) this.#unseen++;
    this.#items.places.set(message.immutableId, { folder: this, uid });
    if (this.#watchers.size > 0) this.#tellAdded(message);
    return message;
  }

  #leave(uid: number): boolean {
    const message = this.#messages.get(uid);
    if (message === undefined) return false;
    const { immutableId } = message;
    this.#uids.remove(uid);
    this.#byReceived.remove(uid);
    this.#messages.delete(uid);
    if (isUnseen(message)) this.#unseen--;
    const at = this.#record(uid);
    this.#changedIn = at;
    this.#gone.set(uid, { immutableId, at, modseq: this.#modseq });
    this.#lastGone.set(immutableId, at);
    if (this.#gone.size > 2 * rememberedGone) this.#forgetGone();
    const place = this.#items.places.get(immutableId);
    if (place?.folder === this && place.uid === uid) this.#items.places.delete(immutableId);
    return true;
  }

  #forgetGone(): void {
    for (const [uid, { immutableId, at }] of this.#gone) {
      if (this.#gone.size <= rememberedGone) break;
      this.#gone.delete(uid);
      if (this.#lastGone.get(immutableId) === at) this.#lastGone.delete(immutableId);
      this.#forgottenIn = at;
    }
    this.#log.forget(this.#forgottenIn);
  }

  #receivedAt(uid: number): number {
    return this.#messages.get(uid)?.internalDate.getTime() ?? 0;
  }

  #record(uid: number): number {
    const at = this.#items.change();
    this.#log.add(at, uid);
    return at;
  }

  #summaryOf({ uid, flags, internalDate, kept, modseq }: StoredMessage): MessageSummary {
    const size = this.#items.sizes.estimated ? estimateOf(kept.size) : kept.size;
    return { uid, flags, receivedMs: internalDate.getTime(), size, modseq };
  }

  #tellAdded(added: StoredMessage): void {
    const message = this.#summaryOf(added);
    for (const watcher of this.#watchers) {
      const recent = message.uid >= this.#recentFrom;
      if (!watcher.readOnly) this.#recentFrom = Math.max(this.#recentFrom, message.uid + 1);
      watcher.tell({ kind: 'added', message, recent });
    }
  }

  #tell(change: FolderChange, author?: FolderWatcher): void {
    for (const watcher of this.#watchers) if (watcher !== author) watcher.tell(change);
  }
}

function sameFlags(present: readonly string[], next: readonly string[]): boolean {
  return present.length === next.length && next.every((flag) => present.includes(flag));
}

function isUnseen({ flags }: StoredMessage): boolean {
  return !flags.includes('\\Seen');
}

/** A message's size as Exchange estimates it. Never exact. */
export function estimateOf(size: number): number {
  return size + 1 + Math.floor(size / 50);
}
