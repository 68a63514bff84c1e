import type { FolderProgress, IndexedFolder, ToldFolder } from './folder-table.ts';
import type { IndexedMessage } from './message-table.ts';

/** Changes of a folder as somebody would make them now: see {@link IndexAuthority.write}. */
export interface Prepared<Result> {
  readonly result: Result;
  /** What is written down of the folder besides its messages. */
  readonly progress: FolderProgress;
}

/** What other instances have written of a folder since this one last looked. */
export interface OthersChanges {
  /** The modification sequence of the last removal; 0 where there is none. */
  readonly removedModseq: number;
  readonly removed: readonly Pick<IndexedMessage, 'id' | 'uid'>[];
  /** Ascending by UID, above all that was there. */
  readonly added: readonly IndexedMessage[];
  /** Messages whose flags are others. */
  readonly flagged: readonly IndexedMessage[];
  /** Messages of which something else has changed. */
  readonly other: readonly IndexedMessage[];
}

/** Who works in a folder, as the authority tells it. */
export interface FolderSide {
  /** Others have changed the folder. The working copy has it; it is told before anything else happens. */
  others(changes: OthersChanges): void;
  /** All that the working copy had of the folder is taken for nothing, and read anew. */
  forgotten(): void;
}

/** Who writes to a folder. */
export interface WritingSide extends FolderSide {
  /** What was prepared last counts from now on, and the working copy has it. Called at once. */
  written(): void;
}

/** Folders as Graph lists them. */
export interface ListedFolders {
  readonly told: readonly ToldFolder[];
  /** Of the whole mailbox: what is not among them is gone. Else they are new. */
  readonly isWhole: boolean;
  /** Whether those that are new are subscribed. */
  readonly subscribed: boolean;
  readonly nowMs: number;
  /** {@link IndexAuthority.foldersRevision} before Graph was asked. */
  readonly since: number;
}

/** How another instance is waited for. */
export interface ListingPatience {
  readonly signal?: AbortSignal | undefined;
  /** Is called while another instance lists the folder, every few seconds. */
  waiting?(): void;
}

/** Messages whose storing has begun and not ended, and what each is found by at Graph. */
export interface AppendNotes {
  /** @returns undefined for what has not begun since */
  marker(what: string, sinceMs: number): Promise<string | undefined>;
  put(what: string, marker: string, nowMs: number): Promise<void>;
  remove(what: string): Promise<void>;
}

/**
 * What decides of an index: which UIDVALIDITY a folder has, which UID a message, in which order changes count. The tables
 * beside it are the working copy that sessions read, without waiting. With SQLite alone the copy is the index; with
 * PostgreSQL it follows what all instances have written there.
 */
export interface IndexAuthority {
  /** Whether there are others who write: then {@link catchUp} finds what they have written. */
  readonly isShared: boolean;
  readonly appends: AppendNotes;
  /**
   * Changes a folder: all of it counts, or nothing. `prepare` makes the changes in the working copy as it is then, within a
   * transaction; where somebody else was faster it is called again, so what it does besides must bear that.
   * @throws MailStoreError `no-such-folder`; BridgeError `shared-store-unavailable`
   */
  write<Result>(folder: number, prepare: () => Prepared<Result>, side: WritingSide): Promise<Result>;
  /** Takes in what others have written of a folder. @throws as {@link write} */
  catchUp(folder: number, side: FolderSide): Promise<void>;
  /** Calls `told` when others may have written of a folder; it may also miss that. @returns ends it */
  follow(folder: number, told: () => void): () => void;
  /**
   * Runs what lists all of a folder at Graph while no other instance does the same.
   * @param work is told whether another one had to be waited for @throws as {@link write}; AbortError
   */
  listing(folder: number, patience: ListingPatience, work: (waited: boolean) => Promise<void>): Promise<void>;
  /** Messages below this UID are new to nobody any more (RFC 3501 section 2.3.2). It fails in silence. */
  seenBelow(folder: number, uid: number): void;
  /** Another number than before: somebody has changed the list of folders. @throws BridgeError `shared-store-unavailable` */
  foldersRevision(): Promise<number>;
  /** We have changed the list of folders, at Graph. */
  foldersChanged(): Promise<void>;
  /** Takes in what Graph tells of folders. @returns those that are gone from the working copy */
  putFolders(listed: ListedFolders): Promise<readonly IndexedFolder[]>;
  setSubscribed(folder: number, subscribed: boolean): Promise<void>;
  /** Keeps a subscription of a name that is no folder any more. */
  keepSubscription(name: string): Promise<void>;
  /** @returns whether it was kept */
  dropSubscription(name: string): Promise<boolean>;
  close(): void;
}
