import type { FolderChange, FolderStatus, MessageSummary } from '../../mailbox/mail-store.ts';

/** A property of a message that has no place in MIME. Learn, "singleValueLegacyExtendedProperty resource type". */
export interface StoredProperty {
  /** `String {guid} Name x`, `String 0x1035` … */
  readonly id: string;
  readonly value: string;
}

/** What Graph knows of a message beyond its MIME. */
export interface ItemFacts {
  /** Stays the message's own when it moves to another folder. */
  readonly immutableId?: string;
  readonly properties?: readonly StoredProperty[];
}

/** A message in a simulated mailbox. */
export interface StoredMessage extends ItemFacts {
  readonly uid: number;
  readonly content: Buffer;
  readonly flags: readonly string[];
  readonly internalDate: Date;
}

/** A message's octets, or what makes them whenever somebody looks. */
export type MessageOctets = Buffer | (() => Buffer);

class FolderMessage implements StoredMessage {
  readonly uid: number;
  readonly flags: readonly string[];
  readonly internalDate: Date;
  readonly immutableId?: string;
  readonly properties?: readonly StoredProperty[];
  readonly #octets: MessageOctets;

  constructor(uid: number, octets: MessageOctets, flags: readonly string[], internalDate: Date, facts: ItemFacts) {
    this.uid = uid;
    this.flags = flags;
    this.internalDate = internalDate;
    if (facts.immutableId !== undefined) this.immutableId = facts.immutableId;
    if (facts.properties !== undefined) this.properties = facts.properties;
    this.#octets = octets;
  }

  get content(): Buffer {
    return Buffer.isBuffer(this.#octets) ? this.#octets : this.#octets();
  }

  withFlags(flags: readonly string[]): FolderMessage {
    return new FolderMessage(this.uid, this.#octets, flags, this.internalDate, this);
  }
}

/** How sizes of messages are told. */
export interface SizeTelling {
  /**
   * RFC822.SIZE and LIST give an estimate, as Exchange Online does unless told otherwise (`Set-CASMailbox
   * -ImapEnableExactRFC822Size $true`, `-PopEnableExactRFC822Size $true`).
   */
  estimated: boolean;
}

/** Whoever wants to hear of a folder's changes. */
export type FolderWatcher = (change: FolderChange) => void;

let lastUidValidity = Math.floor(Date.now() / 1000);

/** One folder's messages, and everybody who has it open. */
export class MailboxFolder {
  name: string;
  subscribed = true;
  readonly uidValidity = ++lastUidValidity;
  readonly #messages = new Map<number, FolderMessage>();
  readonly #watchers = new Set<FolderWatcher>();
  readonly #sizes: SizeTelling;
  #uidNext = 1;

  constructor(name: string, sizes: SizeTelling) {
    this.name = name;
    this.#sizes = sizes;
  }

  get uidNext(): number {
    return this.#uidNext;
  }

  /** Every message, ascending by UID. */
  messages(): readonly StoredMessage[] {
    return [...this.#messages.values()];
  }

  /** What a listing tells of each message, ascending by UID. */
  *summaries(): Generator<MessageSummary> {
    for (const message of this.#messages.values()) yield this.#summaryOf(message);
  }

  get(uid: number): StoredMessage | undefined {
    return this.#messages.get(uid);
  }

  status(): FolderStatus {
    let unseen = 0;
    for (const message of this.#messages.values()) if (!message.flags.includes('\\Seen')) unseen++;
    return { uidValidity: this.uidValidity, uidNext: this.#uidNext, messages: this.#messages.size, unseen };
  }

  /** Adds a message and tells everybody. */
  add(octets: MessageOctets, flags: readonly string[], internalDate: Date, facts: ItemFacts = {}): StoredMessage {
    const message = new FolderMessage(this.#uidNext++, octets, canonicalFlags(flags), internalDate, facts);
    this.#messages.set(message.uid, message);
    if (this.#watchers.size > 0) this.#tell({ kind: 'added', message: this.#summaryOf(message) });
    return message;
  }

  /** Changes a message's flags and tells everybody but `author`. */
  replaceFlags(uid: number, flags: readonly string[], author?: FolderWatcher): void {
    const message = this.#messages.get(uid);
    if (message === undefined) return;
    this.#messages.set(uid, message.withFlags(canonicalFlags(flags)));
    this.#tell({ kind: 'flags', uid, flags: canonicalFlags(flags) }, author);
  }

  /** Removes messages and tells everybody but `author`. @returns the UIDs that were there, ascending */
  remove(uids: readonly number[], author?: FolderWatcher): readonly number[] {
    const removed = [...uids].sort((a, b) => a - b).filter((uid) => this.#messages.delete(uid));
    if (removed.length > 0) this.#tell({ kind: 'removed', uids: removed }, author);
    return removed;
  }

  watch(watcher: FolderWatcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #summaryOf({ uid, flags, internalDate, content }: StoredMessage): MessageSummary {
    const size = this.#sizes.estimated ? estimateOf(content.length) : content.length;
    return { uid, flags, internalDate, size };
  }

  #tell(change: FolderChange, author?: FolderWatcher): void {
    for (const watcher of this.#watchers) if (watcher !== author) watcher(change);
  }
}

/** Never right. */
function estimateOf(size: number): number {
  return size + 1 + Math.floor(size / 50);
}

const systemFlags = ['\\Seen', '\\Answered', '\\Flagged', '\\Deleted', '\\Draft'];

/** Flags in their usual spelling, each once. */
export function canonicalFlags(flags: readonly string[]): readonly string[] {
  const bySpelling = new Map<string, string>();
  for (const flag of flags) {
    const key = flag.toLowerCase();
    const system = systemFlags.find((known) => known.toLowerCase() === key);
    if (!bySpelling.has(key)) bySpelling.set(key, system ?? flag);
  }
  return [...bySpelling.values()];
}
