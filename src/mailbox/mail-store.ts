import type { Readable } from 'node:stream';

/** `\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft` or a keyword (RFC 9051 section 2.3.2); compared without case. */
export type Flag = string;

/** What a folder is for (RFC 6154 section 2). */
export type SpecialUse = '\\Archive' | '\\Drafts' | '\\Junk' | '\\Sent' | '\\Trash';

/** A folder of a mailbox as a listing shows it. */
export interface FolderInfo {
  /** Full path in Unicode, levels separated by the store's delimiter. The inbox is always `INBOX`. */
  readonly name: string;
  /** False for a name that only holds other folders, or that is subscribed and is no folder any more. */
  readonly selectable: boolean;
  readonly subscribed: boolean;
  readonly specialUse?: SpecialUse;
  /** Stays the folder's own when it is renamed; up to 255 of the characters of RFC 8474 section 5.1. */
  readonly id: string;
}

/** The counters of a folder. */
export interface FolderStatus {
  /** 1 to 2^32-1. Another value than before: every UID known so far is void. */
  readonly uidValidity: number;
  /** Less or equal to the UID of the next message to arrive. */
  readonly uidNext: number;
  readonly messages: number;
  readonly unseen: number;
  /** Messages that carry `\\Deleted`. */
  readonly deleted: number;
  /** Messages that no session which may change the folder has seen yet (RFC 3501 section 2.3.2, `\\Recent`). */
  readonly recent: number;
  /** Octets of all messages, as far as their sizes are known. */
  readonly size: number;
  /** Grows with every change in the folder (RFC 7162 section 3.1.2.1); 1 or more. */
  readonly highestModseq: number;
  /** See {@link FolderInfo.id}. */
  readonly id: string;
}

/** What a listing tells of a message. */
export interface MessageSummary {
  /** 1 to 2^32-1, ascending in order of arrival, never used twice while UIDVALIDITY stays. */
  readonly uid: number;
  readonly flags: readonly Flag[];
  /** INTERNALDATE, milliseconds since 1970. */
  readonly receivedMs: number;
  /** Octets of the message as {@link OpenFolder.content} gives it, or an estimate where the store knows no better. */
  readonly size: number;
  /** The folder's {@link FolderStatus.highestModseq} after the last change of this message's flags. */
  readonly modseq: number;
  /** The same for the messages of a conversation (RFC 8474 section 5.2); absent where the store knows none. */
  readonly threadId?: string;
}

/** As much of a listing as a reader needs who takes messages out and away. */
export type ListedMessage = Pick<MessageSummary, 'uid' | 'size'>;

/** A part of a message's octets. */
export interface OctetRange {
  /** First octet wanted, counted from 0. Beyond the end: nothing is given. */
  readonly offset: number;
  /** At most that many octets. */
  readonly length: number;
}

/** A message's octets, with CRLF line ends as they were received. */
export interface MessageContent {
  /** Octets that `stream` will give; undefined where the store finds out only by reading. */
  readonly size: number | undefined;
  readonly stream: Readable;
}

/** A message's flags after a change. */
export type ChangedFlags = Pick<MessageSummary, 'flags' | 'modseq'>;

/** What happened in a folder by somebody else's doing. */
export type FolderChange =
  | {
      readonly kind: 'added';
      readonly message: MessageSummary;
      /** This session is the first to be told of it. */
      readonly recent: boolean;
    }
  | ({ readonly kind: 'flags'; readonly uid: number } & ChangedFlags)
  | { readonly kind: 'removed'; readonly uids: readonly number[]; readonly modseq: number }
  /** The folder was deleted, or its UIDs are void: nothing can be done with it any more. */
  | { readonly kind: 'gone'; readonly why: string };

/** What became of a change of flags. */
export interface FlagsOutcome {
  /** The flags each message has now; messages whose flags were so already are among them. */
  readonly changed: ReadonlyMap<number, ChangedFlags>;
  /** Left alone, as they have changed since the sequence that the caller knew (RFC 7162 section 3.1.3); ascending. */
  readonly modified: readonly number[];
}

/** A message to be stored. */
export interface AppendedMessage {
  readonly content: Readable;
  /** Octets of `content`. */
  readonly size: number;
  readonly flags: readonly Flag[];
  /** Default: now. */
  readonly internalDate?: Date;
}

/** Messages that are stored together, as they come. */
export type AppendedMessages = AsyncIterable<AppendedMessage> | Iterable<AppendedMessage>;

/** Where messages went that were stored. */
export interface Appended {
  readonly uidValidity: number;
  /** In the order in which the messages were given; undefined where they are stored and the store cannot tell. */
  readonly uids: readonly number[] | undefined;
}

/** Where messages went by COPY or MOVE: equally long lists of old and new UIDs (RFC 4315). */
export interface Transferred {
  readonly uidValidity: number;
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** A list that may be there already, or come bit by bit. */
export type Listing<Message> = Iterable<Message> | AsyncIterable<Message>;

/** How a listing is wanted. */
export interface ListOptions {
  /** Sizes are exact, even where the store has to read messages for it. */
  readonly exactSizes?: boolean;
  readonly signal?: AbortSignal;
}

/** A folder as far as a reader needs it who takes messages out and away. */
export interface ReadableFolder {
  readonly name: string;
  readonly uidValidity: number;
  /** Every message, ascending by UID. */
  list(options?: ListOptions): Listing<ListedMessage>;
  /** @throws MailStoreError `no-such-message` */
  content(uid: number, range?: OctetRange): Promise<MessageContent>;
  /** Removes messages for good, whatever their flags. @returns the UIDs removed, ascending */
  remove(uids: readonly number[]): Promise<readonly number[]>;
  close(): Promise<void>;
}

/** How a folder is opened. */
export interface OpenOptions {
  readonly readOnly: boolean;
  /**
   * The folder is watched: what has changed since the store has looked a moment ago may come as news, and need not be in
   * the first listing. See {@link OpenFolder.upToDate}.
   */
  readonly isWatched?: boolean;
  /** Nobody waits for it any more. */
  readonly signal?: AbortSignal;
}

/** What POP3 needs of a mail store; every {@link MailStore} has it. */
export interface Maildrops {
  open(folder: string, options: OpenOptions): Promise<ReadableFolder>;
  close(): Promise<void>;
}

/**
 * A folder somebody works in. Changes made through this object are answered by its methods; everything else that
 * happens (other sessions, arriving mail, APPEND and COPY into this folder) comes to the watcher.
 * UIDs that are not there (any more) are passed over in silence.
 */
export interface OpenFolder extends ReadableFolder {
  /** See {@link FolderInfo.id}. */
  readonly id: string;
  readonly readOnly: boolean;
  readonly uidNext: number;
  /** See {@link FolderStatus.highestModseq}; of this moment. */
  readonly highestModseq: number;
  /** Messages from this UID on were in no session before (RFC 3501 section 2.3.2); those told as added say so themselves. */
  readonly recentFrom: number;
  list(options?: ListOptions): Listing<MessageSummary>;
  /** Is there until the watcher has heard of all that the first listing may have missed. It never rejects. */
  readonly upToDate?: Promise<void> | undefined;
  /** The same for every copy of a message's content (RFC 8474 section 5.1); undefined where the store knows none. */
  emailId?(uid: number): string | undefined;
  /**
   * Header blocks with the empty line behind them, in bulk.
   * @param fields names of those that are wanted; others may be missing. Default: all
   */
  headers(
    uids: readonly number[],
    signal?: AbortSignal,
    fields?: readonly string[],
  ): AsyncIterable<{ readonly uid: number; readonly header: Buffer }>;
  /** Whole messages one after another; a store may read ahead. Each stream is read or destroyed before the next is asked for. */
  contents(
    uids: readonly number[],
    signal?: AbortSignal,
  ): AsyncIterable<{ readonly uid: number; readonly content: MessageContent }>;
  /**
   * Messages whose body (`body`), or header or body (`text`), holds a text, by the store's own idea of it.
   * Undefined, or no such method: messages have to be read to find out.
   */
  searchText?(where: 'body' | 'text', text: string, signal?: AbortSignal): Promise<ReadonlySet<number> | undefined>;
  /** @param unchangedSince messages whose modseq is above it stay as they are (RFC 7162 section 3.1.3) */
  setFlags(
    uids: readonly number[],
    how: 'add' | 'remove' | 'replace',
    flags: readonly Flag[],
    unchangedSince?: number,
  ): Promise<FlagsOutcome>;
  /**
   * UIDs removed after `modseq`, ascending (RFC 7162 section 3.2.5.1).
   * @returns undefined where that is not remembered: then all that is not listed is gone
   */
  removedSince(modseq: number): Promise<readonly number[] | undefined>;
  copy(uids: readonly number[], folder: string): Promise<Transferred>;
  /** Copies, then removes from here. */
  move(uids: readonly number[], folder: string): Promise<Transferred>;
  /** @returns a function that ends the watch */
  watch(listener: (change: FolderChange) => void): () => void;
}

/** One mailbox as one reading session sees it, whatever is behind it. Every method may throw a {@link MailStoreError}. */
export interface MailStore {
  /** Separates the levels of a folder's name. */
  readonly delimiter: string;
  /** Octets of the largest message that {@link append} takes (RFC 7889); undefined where the store sets no limit. */
  readonly appendLimit: number | undefined;
  /** {@link createFolder} can make folders for a special use (RFC 6154 section 3). */
  readonly createsSpecialUses: boolean;
  /** All folders, parents before children. */
  folders(): Promise<readonly FolderInfo[]>;
  status(folder: string): Promise<FolderStatus>;
  open(folder: string, options: OpenOptions): Promise<OpenFolder>;
  /**
   * Stores messages, all of them or none (RFC 3502). No message is asked for where the folder is not there. Each content
   * has been read to its end, or destroyed, before the next message is asked for, and when this returns.
   * @throws what `messages` throws: then nothing is stored
   */
  append(folder: string, messages: AppendedMessages): Promise<Appended>;
  /** A new folder is not subscribed. @returns its {@link FolderInfo.id} */
  createFolder(folder: string, specialUse?: SpecialUse): Promise<string>;
  deleteFolder(folder: string): Promise<void>;
  renameFolder(from: string, to: string): Promise<void>;
  setSubscribed(folder: string, subscribed: boolean): Promise<void>;
  /** Calls `listener` with what a person should know while the client waits: that Microsoft 365 throttles, how far a listing is. */
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

/** A mail store's refusal, with a text that may be shown to the client. */
export class MailStoreError extends Error {
  override readonly name = 'MailStoreError';
  readonly code: MailStoreErrorCode;

  constructor(code: MailStoreErrorCode, text: string, options?: ErrorOptions) {
    super(text, options);
    this.code = code;
  }
}
