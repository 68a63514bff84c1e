import type { Readable } from 'node:stream';

/** `\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft` or a keyword (RFC 9051 section 2.3.2); case-insensitive. */
export type Flag = string;

/** What a folder is for (RFC 6154 section 2). */
export type SpecialUse = '\\Archive' | '\\Drafts' | '\\Junk' | '\\Sent' | '\\Trash';

/** A folder of a mailbox in a listing. */
export interface FolderInfo {
  /** Full path in Unicode, levels separated by the store's delimiter. The inbox is always `INBOX`. */
  readonly name: string;
  /** False for a name that only holds other folders, or that is subscribed but no longer a folder. */
  readonly selectable: boolean;
  readonly subscribed: boolean;
  readonly specialUse?: SpecialUse;
  /** Survives a rename; up to 255 of the characters allowed by RFC 8474 section 5.1. */
  readonly id: string;
}

/** The counters of a folder. */
export interface FolderStatus {
  /** 1 to 2^32-1. A new value makes every UID known so far void. */
  readonly uidValidity: number;
  /** At most the UID of the next message to arrive. */
  readonly uidNext: number;
  readonly messages: number;
  readonly unseen: number;
  /** Messages that carry `\\Deleted`. */
  readonly deleted: number;
  /** Messages not yet seen by any session that can change the folder (RFC 3501 section 2.3.2, `\\Recent`). */
  readonly recent: number;
  /** Bytes of all messages whose sizes are known. */
  readonly size: number;
  /** Grows with every change in the folder (RFC 7162 section 3.1.2.1); 1 or more. */
  readonly highestModseq: number;
  /** See {@link FolderInfo.id}. */
  readonly id: string;
}

/** A message in a listing. */
export interface MessageSummary {
  /** 1 to 2^32-1, ascending in order of arrival, never reused while UIDVALIDITY stays the same. */
  readonly uid: number;
  readonly flags: readonly Flag[];
  /** INTERNALDATE, milliseconds since 1970. */
  readonly receivedMs: number;
  /** Bytes of the message as {@link OpenFolder.content} returns it, or an estimate if the store knows no better. */
  readonly size: number;
  /** The folder's {@link FolderStatus.highestModseq} after the last change of this message's flags. */
  readonly modseq: number;
  /** Shared by the messages of a conversation (RFC 8474 section 5.2); absent if the store knows none. */
  readonly threadId?: string;
}

/** The part of a listing that a reader needs to download and remove messages. */
export type ListedMessage = Pick<MessageSummary, 'uid' | 'size'>;

/** A range of a message's bytes. */
export interface OctetRange {
  /** First byte wanted, counted from 0. Past the end, nothing is returned. */
  readonly offset: number;
  /** Maximum number of bytes. */
  readonly length: number;
}

/** A message's bytes, with CRLF line ends as received. */
export interface MessageContent {
  /** Bytes that `stream` yields; undefined if the store finds out only by reading. */
  readonly size: number | undefined;
  readonly stream: Readable;
}

/** A message's flags after a change. */
export type ChangedFlags = Pick<MessageSummary, 'flags' | 'modseq'>;

/** A change in a folder that this session did not make. */
export type FolderChange =
  | {
      readonly kind: 'added';
      readonly message: MessageSummary;
      /** True if this session is the first to learn of the message. */
      readonly recent: boolean;
    }
  | ({ readonly kind: 'flags'; readonly uid: number } & ChangedFlags)
  | { readonly kind: 'removed'; readonly uids: readonly number[]; readonly modseq: number }
  /** The folder was deleted, or its UIDs are void: it can no longer be used. */
  | { readonly kind: 'gone'; readonly why: string };

/** Result of a flag change. */
export interface FlagsOutcome {
  /** The current flags of each message, including messages that already had them. */
  readonly changed: ReadonlyMap<number, ChangedFlags>;
  /** Left alone because they changed after the given mod-sequence (RFC 7162 section 3.1.3); ascending. */
  readonly modified: readonly number[];
}

/** A message to store. */
export interface AppendedMessage {
  readonly content: Readable;
  /** Bytes of `content`. */
  readonly size: number;
  readonly flags: readonly Flag[];
  /** Default: now. */
  readonly internalDate?: Date;
}

/** Messages to store together, in order. */
export type AppendedMessages = AsyncIterable<AppendedMessage> | Iterable<AppendedMessage>;

/** Where stored messages went. */
export interface Appended {
  readonly uidValidity: number;
  /** In the order the messages were given; undefined if they are stored but the store does not know their UIDs. */
  readonly uids: readonly number[] | undefined;
}

/** Where COPY or MOVE put messages: old and new UIDs, lists of equal length (RFC 4315). */
export interface Transferred {
  readonly uidValidity: number;
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** A list that is complete already or arrives piece by piece. */
export type Listing<Message> = Iterable<Message> | AsyncIterable<Message>;

/** Options for a listing. */
export interface ListOptions {
  /** Sizes must be exact, even if the store has to read messages to learn them. */
  readonly exactSizes?: boolean;
  readonly signal?: AbortSignal;
}

/** The part of a folder that a reader needs to download and remove messages. */
export interface ReadableFolder {
  readonly name: string;
  readonly uidValidity: number;
  /** Every message, ascending by UID. */
  list(options?: ListOptions): Listing<ListedMessage>;
  /** @throws MailStoreError `no-such-message` */
  content(uid: number, range?: OctetRange): Promise<MessageContent>;
  /** Removes messages permanently, whatever their flags. @returns the UIDs removed, ascending */
  remove(uids: readonly number[]): Promise<readonly number[]>;
  close(): Promise<void>;
}

/** Options for opening a folder. */
export interface OpenOptions {
  readonly readOnly: boolean;
  /**
   * The folder is watched: changes since the store last looked, a moment ago, may be reported to the watcher and need
   * not be in the first listing. See {@link OpenFolder.upToDate}.
   */
  readonly isWatched?: boolean;
  /** Aborted when the caller no longer waits. */
  readonly signal?: AbortSignal;
}

/** What POP3 needs from a mail store; every {@link MailStore} implements it. */
export interface Maildrops {
  open(folder: string, options: OpenOptions): Promise<ReadableFolder>;
  close(): Promise<void>;
}

/**
 * An open folder. Methods return the changes made through this object; the watcher gets everything else (other
 * sessions, arriving mail, APPEND and COPY into this folder). UIDs that no longer exist are ignored.
 */
export interface OpenFolder extends ReadableFolder {
  /** See {@link FolderInfo.id}. */
  readonly id: string;
  readonly readOnly: boolean;
  readonly uidNext: number;
  /** Current value; see {@link FolderStatus.highestModseq}. */
  readonly highestModseq: number;
  /**
   * Messages from this UID on were in no earlier session (RFC 3501 section 2.3.2); messages reported as added say so
   * themselves.
   */
  readonly recentFrom: number;
  list(options?: ListOptions): Listing<MessageSummary>;
  /** Defined until the watcher has been told of everything the first listing may have missed. Never rejects. */
  readonly upToDate?: Promise<void> | undefined;
  /** The same for every copy of a message's content (RFC 8474 section 5.1); undefined if the store knows none. */
  emailId?(uid: number): string | undefined;
  /**
   * Header blocks including the empty line that ends them, in bulk.
   * @param fields names of the wanted fields; others may be missing. Default: all
   */
  headers(
    uids: readonly number[],
    signal?: AbortSignal,
    fields?: readonly string[],
  ): AsyncIterable<{ readonly uid: number; readonly header: Buffer }>;
  /**
   * Whole messages one after another; a store may read ahead. Read or destroy each stream before asking for the next.
   */
  contents(
    uids: readonly number[],
    signal?: AbortSignal,
  ): AsyncIterable<{ readonly uid: number; readonly content: MessageContent }>;
  /**
   * Messages whose body (`body`), or header or body (`text`), contains a text, as the store defines a match. If the
   * method is missing or returns undefined, the messages have to be read to find out.
   */
  searchText?(where: 'body' | 'text', text: string, signal?: AbortSignal): Promise<ReadonlySet<number> | undefined>;
  /** @param unchangedSince messages with a higher modseq are left unchanged (RFC 7162 section 3.1.3) */
  setFlags(
    uids: readonly number[],
    how: 'add' | 'remove' | 'replace',
    flags: readonly Flag[],
    unchangedSince?: number,
  ): Promise<FlagsOutcome>;
  /**
   * UIDs removed after `modseq`, ascending (RFC 7162 section 3.2.5.1).
   * @returns undefined if the store no longer remembers; then everything not listed is gone
   */
  removedSince(modseq: number): Promise<readonly number[] | undefined>;
  copy(uids: readonly number[], folder: string): Promise<Transferred>;
  /** Copies, then removes the originals. */
  move(uids: readonly number[], folder: string): Promise<Transferred>;
  /** @returns a function that ends the watch */
  watch(listener: (change: FolderChange) => void): () => void;
}

/**
 * One mailbox as one reading session sees it, whatever is behind it. Every method may throw a {@link MailStoreError}.
 */
export interface MailStore {
  /** Separates the levels of a folder name. */
  readonly delimiter: string;
  /** Bytes of the largest message that {@link append} takes (RFC 7889); undefined if the store sets no limit. */
  readonly appendLimit: number | undefined;
  /** True if {@link createFolder} can create special-use folders (RFC 6154 section 3). */
  readonly createsSpecialUses: boolean;
  /** All folders, parents before children. */
  folders(): Promise<readonly FolderInfo[]>;
  status(folder: string): Promise<FolderStatus>;
  open(folder: string, options: OpenOptions): Promise<OpenFolder>;
  /**
   * Stores all messages or none (RFC 3502). Asks for no message if the folder does not exist. Each content is read to
   * its end, or destroyed, before the next message is asked for and before this returns.
   * @throws what `messages` throws; nothing is stored then
   */
  append(folder: string, messages: AppendedMessages): Promise<Appended>;
  /** A new folder is not subscribed. @returns its {@link FolderInfo.id} */
  createFolder(folder: string, specialUse?: SpecialUse): Promise<string>;
  deleteFolder(folder: string): Promise<void>;
  renameFolder(from: string, to: string): Promise<void>;
  setSubscribed(folder: string, subscribed: boolean): Promise<void>;
  /** Calls `listener` with notices for the person waiting: that Microsoft 365 throttles, how far a listing is. */
  onNotice?(listener: (text: string) => void): void;
  close(): Promise<void>;
}

/** Why a mail store refuses. */
export type MailStoreErrorCode =
  | 'no-such-folder'
  | 'folder-exists'
  | 'no-such-message'
  | 'read-only'
  | 'not-permitted'
  | 'too-large'
  | 'over-quota'
  | 'in-use'
  | 'unavailable'
  | 'not-connected';

/** A mail store's refusal; its text can be shown to the client. */
export class MailStoreError extends Error {
  override readonly name = 'MailStoreError';
  readonly code: MailStoreErrorCode;

  constructor(code: MailStoreErrorCode, text: string, options?: ErrorOptions) {
    super(text, options);
    this.code = code;
  }
}
