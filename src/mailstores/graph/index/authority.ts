import type { FolderProgress, IndexedFolder, ToldFolder } from './folder-table.ts';
import type { IndexedMessage } from './message-table.ts';

/** Prepared changes of a folder: see {@link IndexAuthority.write}. */
export interface Prepared<Result> {
  readonly result: Result;
  /** Folder data to write besides its messages. */
  readonly progress: FolderProgress;
}

/** What other instances have written to a folder since this one last looked. */
export interface OthersChanges {
  /** The modification sequence of the last removal; 0 if there is none. */
  readonly removedModseq: number;
  readonly removed: readonly Pick<IndexedMessage, 'id' | 'uid'>[];
  /** Ascending by UID, above all existing ones. */
  readonly added: readonly IndexedMessage[];
  /** Messages whose flags changed. */
  readonly flagged: readonly IndexedMessage[];
  /** Messages with other changes. */
  readonly other: readonly IndexedMessage[];
}

/** A user of a folder, as the authority notifies it. */
export interface FolderSide {
  /** Others have changed the folder, and the working copy has the changes. Called before anything else happens. */
  others(changes: OthersChanges): void;
  /** The working copy of the folder was discarded and is read again. */
  forgotten(): void;
}

/** A writer of a folder. */
export interface WritingSide extends FolderSide {
  /** The last prepared changes are in effect and in the working copy. Called at once. */
  written(): void;
}

/** Folders as Graph lists them. */
export interface ListedFolders {
  readonly told: readonly ToldFolder[];
  /** The list covers the whole mailbox: folders not in it are gone. Otherwise the listed folders are new. */
  readonly isWhole: boolean;
  /** Whether new folders are subscribed. */
  readonly subscribed: boolean;
  readonly nowMs: number;
  /** {@link IndexAuthority.foldersRevision} before Graph was asked. */
  readonly since: number;
}

/** How to wait for another instance. */
export interface ListingPatience {
  readonly signal?: AbortSignal | undefined;
  /** Called every few seconds while another instance lists the folder. */
  waiting?(): void;
}

/** Messages whose storing has begun but not ended, each with its marker at Graph. */
export interface AppendNotes {
  /** @returns undefined if it has not begun since */
  marker(what: string, sinceMs: number): Promise<string | undefined>;
  put(what: string, marker: string, nowMs: number): Promise<void>;
  remove(what: string): Promise<void>;
}

/**
 * Decides which UIDVALIDITY a folder has, which UID a message has, and the order in which changes apply. The tables
 * beside it are the working copy that sessions read without waiting. With SQLite alone, the copy is the index; with
 * PostgreSQL, it follows what all instances have written there.
 */
export interface IndexAuthority {
  /** True if others write too; {@link catchUp} then finds what they have written. */
  readonly isShared: boolean;
  readonly appends: AppendNotes;
  /**
   * Changes a folder, all or nothing. `prepare` makes the changes in the current working copy, within a transaction. If
   * somebody else was faster, it is called again, so its side effects must tolerate that.
   * @throws MailStoreError `no-such-folder`; BridgeError `shared-store-unavailable`
   */
  write<Result>(folder: number, prepare: () => Prepared<Result>, side: WritingSide): Promise<Result>;
  /** Takes in what others have written to a folder. @throws like {@link write} */
  catchUp(folder: number, side: FolderSide): Promise<void>;
  /**
   * Calls `told` when others may have written to a folder; notifications can be lost.
   * @returns a function that ends it
   */
  follow(folder: number, told: () => void): () => void;
  /**
   * Runs `work`, which lists a whole folder at Graph, while no other instance does the same.
   * @param work is told whether it had to wait for another instance @throws like {@link write}; AbortError
   */
  listing(folder: number, patience: ListingPatience, work: (waited: boolean) => Promise<void>): Promise<void>;
  /** Messages below this UID are no longer recent (RFC 3501 section 2.3.2). Fails silently. */
  seenBelow(folder: number, uid: number): void;
  /** Changes whenever somebody changes the list of folders. @throws BridgeError `shared-store-unavailable` */
  foldersRevision(): Promise<number>;
  /** This instance has changed the list of folders at Graph. */
  foldersChanged(): Promise<void>;
  /** Takes in folders reported by Graph. @returns folders removed from the working copy */
  putFolders(listed: ListedFolders): Promise<readonly IndexedFolder[]>;
  setSubscribed(folder: number, subscribed: boolean): Promise<void>;
  /** Keeps a subscription of a name that is no longer a folder. */
  keepSubscription(name: string): Promise<void>;
  /** @returns whether it was kept */
  dropSubscription(name: string): Promise<boolean>;
  close(): void;
}
