import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { errorText } from '../../base/errors.ts';
import { makeOwnFolder } from '../../base/files/own-folder.ts';
import type { Log } from '../../base/log.ts';
import { logRepeated } from '../../base/repeated-lines.ts';
import { MailStoreError, type SpecialUse } from '../../mailbox/mail-store.ts';
import { MailboxImport } from './append/import.ts';
import { UnsettledAppends } from './append/notes.ts';
import { MessageContents } from './content/contents.ts';
import { DiskCache } from './content/disk-cache.ts';
import { bridgeError, isGone } from './errors.ts';
import { pathsOf } from './folder-names.ts';
import type { IndexedFolder, ToldFolder } from './index/folder-table.ts';
import { MailboxIndex, type ShareIndex } from './index/mailbox-index.ts';
import { RemoteMail } from './remote/mail.ts';
import { type GraphMailboxAccess, MailboxRequests, type RequestOptions } from './remote/requests.ts';
import type { GraphFolder } from './remote/resources.ts';
import { SyncedFolder } from './sync/folder.ts';
import { JointWork } from './sync/joint-work.ts';
import type { RoundOptions } from './sync/rounds.ts';

/** How a mailbox is kept up to date and on disk. */
export interface GraphMailboxSettings {
  /** Holds indexes and contents, in one folder per mailbox. */
  readonly folder: string;
  /** Contents kept on disk per mailbox, bytes. */
  readonly cacheBytes: number;
  /** Interval between looks at a selected folder, milliseconds. */
  readonly pollMs: number;
  /** Set if several instances share the index of each mailbox. */
  readonly share?: ShareIndex | undefined;
}

/** An older folder list is read again before use. */
const foldersFreshMs = 15_000;
/** A client that selects a folder sees it at most this old, even if it is polled less often. */
const currentMs = 15_000;
/** A folder unused for this long is dropped from memory. */
const unloadAfterMs = 5 * 60_000;
/** A folder in use is compared with Graph as a whole a day after its last full round. */
const reconcileAfterMs = 24 * 60 * 60_000;

/** A mailbox reached through Graph; all sessions share its index, cache and polling. */
export class GraphMailbox {
  readonly mail: RemoteMail;
  readonly contents: MessageContents;
  readonly imports: MailboxImport;
  readonly appends: UnsettledAppends;
  /** Messages being uploaded by clients. */
  readonly spoolFolder: string;
  readonly #index: MailboxIndex;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #settings: GraphMailboxSettings;
  readonly #synced = new Map<number, SyncedFolder>();
  readonly #listing: JointWork;
  #paths: ReadonlyMap<string, IndexedFolder> = new Map();
  #special: ReadonlyMap<string, SpecialUse | 'inbox' | 'root'> | undefined;
  /** Revision of the list that {@link folders} last read. */
  #foldersRevision = 0;
  #cancelPoll: (() => void) | undefined;
  #isClosed = false;

  /** @throws BridgeError `mailbox-index-unusable`, `data-folder-unsafe` */
  constructor(access: GraphMailboxAccess & { readonly connection: string }, settings: GraphMailboxSettings, log: Log) {
    const name = createHash('sha256')
      .update(`${access.connection}\n${access.mailbox.toLowerCase()}`)
      .digest('hex')
      .slice(0, 32);
    const folder = join(settings.folder, name);
    this.spoolFolder = join(folder, 'incoming');
    for (const each of [settings.folder, folder, this.spoolFolder, join(folder, 'contents')]) makeOwnFolder(each);
    dropLeftovers(this.spoolFolder);
    this.#clock = access.clock;
    this.#listing = new JointWork(access.clock);
    this.#log = log.child({ mailbox: access.mailbox });
    this.#settings = settings;
    this.#index = new MailboxIndex({ folder, name, address: access.mailbox }, settings.share);
    this.mail = new RemoteMail(new MailboxRequests(access));
    this.imports = new MailboxImport(this.mail.requests);
    this.appends = new UnsettledAppends(this.#index.authority.appends, access.clock);
    this.#paths = pathsOf(this.#index.folders.all());
    const cache = new DiskCache(join(folder, 'contents'), settings.cacheBytes);
    this.contents = new MessageContents(this.mail, this.#index, cache);
    this.#poll();
    // Left behind by a bridge that crashed.
    this.#dropOrphans();
  }

  get index(): MailboxIndex {
    return this.#index;
  }

  /** Folders by path, parents before children. */
  async folders(options: RequestOptions = {}, maxAgeMs = foldersFreshMs): Promise<ReadonlyMap<string, IndexedFolder>> {
    // Another instance may have created a folder, and its client may come here next.
    const isOld = (await this.#index.authority.foldersRevision()) !== this.#foldersRevision;
    await this.#listing.run(isOld ? -1 : maxAgeMs, () => this.#readFolders(options), options.signal);
    return this.#paths;
  }

  /** The bridge has added or removed messages: the counts from Exchange are out of date. */
  countsChanged(): void {
    this.#listing.expire();
  }

  /** Folder data has changed in the index only, not at Graph. */
  indexChanged(): void {
    this.#paths = pathsOf(this.#index.folders.all());
  }

  /** The bridge has changed the folder list. */
  async foldersChanged(options: RequestOptions = {}): Promise<void> {
    await this.#index.authority.foldersChanged();
    await this.folders(options, -1);
  }

  /** @throws MailStoreError `no-such-folder` */
  async folderNamed(name: string, options: RequestOptions = {}): Promise<IndexedFolder> {
    const path = canonicalPath(name);
    // A known folder needs no list: if it is gone, the next request for it reports that.
    const found = this.#paths.get(path) ?? (await this.folders(options, -1)).get(path);
    if (found === undefined) throw new MailStoreError('no-such-folder', `There is no folder ${name}.`);
    return this.#index.folders.get(found.key) ?? found;
  }

  /** Returns a folder for sessions to work in. */
  synced({ key }: Pick<IndexedFolder, 'key'>): SyncedFolder {
    const known = this.#synced.get(key);
    if (known !== undefined) return known;
    const folder = new SyncedFolder(key, {
      ...{ index: this.#index, mail: this.mail, clock: this.#clock },
      isClosed: () => this.#isClosed,
      lost: (key) => this.#lost(key),
    });
    this.#synced.set(key, folder);
    return folder;
  }

  /**
   * Reads a folder into memory after comparing it with Graph.
   * @returns a comparison that continues and never rejects
   */
  async open(
    folder: SyncedFolder,
    { isWatched, ...options }: RoundOptions & { readonly isWatched: boolean },
  ): Promise<{ readonly following: Promise<void> | undefined }> {
    try {
      // A client that selects a folder wants new mail. If changes can be reported later, what others were shown a
      // moment ago will do for a start.
      const mayFollow = isWatched && folder.isWatched;
      if (mayFollow && (await folder.openIfCurrent(Math.min(this.#settings.pollMs, currentMs)))) {
        return { following: this.#lookBeside(folder) };
      }
      await folder.open(0, options);
      return { following: undefined };
    } catch (error) {
      if (isGone(error)) await this.assertThere(folder, options);
      throw error;
    }
  }

  /**
   * Looks for changes to report to a session that has just opened the folder.
   * @returns resolves when done; never rejects
   */
  async #lookBeside(folder: SyncedFolder): Promise<void> {
    if (this.mail.requests.heldMs > 0) return;
    await folder.bringUpToDate(0, { background: true }).catch((error: unknown) => {
      if (!this.#isClosed) this.#tellFailure(error);
    });
  }

  #lost(key: number): void {
    this.#synced.delete(key);
    this.#listing.expire();
    this.indexChanged();
    this.#dropOrphans();
  }

  /** Checks whether a folder still exists. @throws MailStoreError `no-such-folder` */
  async assertThere({ key }: SyncedFolder, options: RequestOptions = {}): Promise<void> {
    await this.foldersChanged(options);
    if (this.#index.folders.get(key) === undefined) {
      throw new MailStoreError('no-such-folder', 'Another program has deleted the folder.');
    }
  }

  /** Closes the mailbox, which must no longer be in use. */
  close(): void {
    this.#isClosed = true;
    this.#cancelPoll?.();
    this.#index.close();
  }

  /** ID of the root folder. */
  async rootId(options: RequestOptions = {}): Promise<string> {
    await this.folders(options);
    const root = [...(this.#special ?? [])].find(([, use]) => use === 'root')?.[0];
    return root ?? 'msgfolderroot';
  }

  async #readFolders(options: RequestOptions): Promise<void> {
    const { authority } = this.#index;
    const since = await authority.foldersRevision();
    this.#special ??= await this.mail.specialFolders(options);
    const special = this.#special;
    const told = (await this.mail.folders(options)).filter(({ id }) => id !== undefined && special.get(id) !== 'root');
    const gone = await authority.putFolders({
      told: told.map((folder) => toldFolder(folder, special)),
      isWhole: true,
      // Clients that list only subscribed folders must see existing folders and those other programs create.
      subscribed: true,
      nowMs: this.#clock.now(),
      since,
    });
    this.#foldersRevision = since;
    if (gone.length > 0) this.#dropOrphans();
    for (const { key, displayName } of gone) {
      this.#synced.get(key)?.end(`The folder ${displayName} was deleted.`);
      this.#synced.delete(key);
    }
    this.indexChanged();
  }

  #dropOrphans(): void {
    this.#index.dropOrphans().catch((error: unknown) => {
      if (!this.#isClosed)
        this.#log.warn({ error }, `cannot remove the index of a deleted folder: ${errorText(error)}`);
    });
  }

  /** Polls every selected folder repeatedly. */
  #poll(): void {
    this.#cancelPoll = this.#clock.after(this.#settings.pollMs, () => {
      void this.#pollOnce().finally(() => {
        if (!this.#isClosed) this.#poll();
      });
    });
  }

  async #pollOnce(): Promise<void> {
    if (this.mail.requests.heldMs > 0) return;
    for (const [key, folder] of this.#synced) {
      if (this.#isClosed) return;
      if (!folder.isWatched) folder.unloadAfter(unloadAfterMs);
      if (!folder.isWatched && !folder.ownChanges.hasDoubts) continue;
      try {
        await folder.bringUpToDate(0, { background: true });
        const { reconciledAtMs } = folder.facts;
        if (this.#clock.now() - reconciledAtMs > reconcileAfterMs) await folder.reconcile();
      } catch (error) {
        if (this.#isClosed) return;
        if (error instanceof MailStoreError && error.code === 'no-such-folder') this.#synced.delete(key);
        else this.#tellFailure(error);
      }
    }
  }

  #tellFailure(error: unknown): void {
    const cause = bridgeError(error, this.mail.requests.mailbox);
    const text = `cannot look for new mail: ${errorText(cause)} ${cause.remedy}`;
    logRepeated(this.#log, 'warn', `graph-poll ${this.mail.requests.mailbox} ${cause.code}`, { error: cause }, text);
  }
}

function toldFolder(
  { id = '', displayName = '', parentFolderId, totalItemCount = 0, unreadItemCount = 0 }: GraphFolder,
  special: ReadonlyMap<string, SpecialUse | 'inbox' | 'root'>,
): ToldFolder {
  const use = special.get(id);
  const parent = parentFolderId !== undefined && special.get(parentFolderId) !== 'root' ? parentFolderId : undefined;
  return {
    ...{ id, parent, displayName, total: totalItemCount, unread: unreadItemCount },
    special: use === 'root' ? undefined : use,
  };
}

/** Removes uploads left by a crash; no upload takes this long. */
function dropLeftovers(spoolFolder: string): void {
  for (const name of readdirSync(spoolFolder)) {
    const file = join(spoolFolder, name);
    const facts = lstatSync(file, { throwIfNoEntry: false });
    if (facts !== undefined && Date.now() - facts.mtimeMs > leftoverAfterMs) rmSync(file, { force: true });
  }
}

const leftoverAfterMs = 60 * 60_000;

/** INBOX in any case, also as the parent of folders (RFC 9051 section 5.1). */
function canonicalPath(name: string): string {
  return name.replace(/^inbox(?=$|\/)/i, 'INBOX');
}
