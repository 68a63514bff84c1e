import type { Readable } from 'node:stream';

/** `\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft` or a keyword (RFC 9051 section 2.3.2); compared without case. */
export type Flag = string;

/** A folder of a mailbox as a listing shows it. */
export interface FolderInfo {
  /** Full path in Unicode, levels separated by the store's delimiter. The inbox is always `INBOX`. */
  readonly name: string;
  /** False for a name that only holds other folders. */
  readonly selectable: boolean;
  readonly subscribed: boolean;
}

/** The counters of a folder. */
export interface FolderStatus {
  /** 1 to 2^32-1. Another value than before: every UID known so far is void. */
  readonly uidValidity: number;
  /** Less or equal to the UID of the next message to arrive. */
  readonly uidNext: number;
  readonly messages: number;
  readonly unseen: number;
}

/** What a listing tells of a message. */
export interface MessageSummary {
  /** 1 to 2^32-1, ascending in order of arrival, never used twice while UIDVALIDITY stays. */
  readonly uid: number;
  readonly flags: readonly Flag[];
  readonly internalDate: Date;
  /** Octets of the message as {@link OpenFolder.content} gives it, or an estimate where the store knows no better. */
  readonly size: number;
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

/** What happened in a folder by somebody else's doing. */
export type FolderChange =
  | { readonly kind: 'added'; readonly message: MessageSummary }
  | { readonly kind: 'flags'; readonly uid: number; readonly flags: readonly Flag[] }
  | { readonly kind: 'removed'; readonly uids: readonly number[] };

/** A message to be stored. */
export interface AppendedMessage {
  readonly content: Readable;
  /** Octets of `content`. */
  readonly size: number;
  readonly flags: readonly Flag[];
  /** Default: now. */
  readonly internalDate?: Date;
}

/** Where messages went by APPEND, COPY or MOVE: equally long lists of old and new UIDs (RFC 4315). */
export interface Transferred {
  readonly uidValidity: number;
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** A folder as far as a reader needs it who takes messages out and away. */
export interface ReadableFolder {
  readonly name: string;
  readonly uidValidity: number;
  /** Every message, ascending by UID. */
  list(): AsyncIterable<ListedMessage>;
  /** @throws MailStoreError `no-such-message` */
  content(uid: number, range?: OctetRange): Promise<MessageContent>;
  /** Removes messages for good, whatever their flags. @returns the UIDs removed, ascending */
  remove(uids: readonly number[]): Promise<readonly number[]>;
  close(): Promise<void>;
}

/** What POP3 needs of a mail store; every {@link MailStore} has it. */
export interface Maildrops {
  open(folder: string, options: { readonly readOnly: boolean }): Promise<ReadableFolder>;
  close(): Promise<void>;
}

/**
 * A folder somebody works in. Changes made through this object are answered by its methods; everything else that
 * happens (other sessions, arriving mail, APPEND and COPY into this folder) comes to the watcher.
 * UIDs that are not there (any more) are passed over in silence.
 */
export interface OpenFolder extends ReadableFolder {
  readonly readOnly: boolean;
  readonly uidNext: number;
  list(): AsyncIterable<MessageSummary>;
  /** @returns the flags each message has now */
  setFlags(
    uids: readonly number[],
    how: 'add' | 'remove' | 'replace',
    flags: readonly Flag[],
  ): Promise<ReadonlyMap<number, readonly Flag[]>>;
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
  /** All folders, parents before children. */
  folders(): Promise<readonly FolderInfo[]>;
  status(folder: string): Promise<FolderStatus>;
  open(folder: string, options: { readonly readOnly: boolean }): Promise<OpenFolder>;
  /** Stores a message. The content has been read to its end, or destroyed, when this returns. */
  append(folder: string, message: AppendedMessage): Promise<{ readonly uidValidity: number; readonly uid: number }>;
  createFolder(folder: string): Promise<void>;
  deleteFolder(folder: string): Promise<void>;
  renameFolder(from: string, to: string): Promise<void>;
  setSubscribed(folder: string, subscribed: boolean): Promise<void>;
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
