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

/** How a mailbox is kept up to date and on the disk. */
export interface GraphMailboxSettings {
  /** Where indexes and contents are kept, a folder for each mailbox. */
  readonly folder: string;
  /** Contents kept on the disk for each mailbox, bytes. */
  readonly cacheBytes: number;
  /** Between two looks at a folder that somebody has selected, milliseconds. */
  readonly pollMs: number;
  /** Where several instances share the index of each mailbox. */
  readonly share?: ShareIndex | undefined;
}

/** A folder list older than that is read again before it is used. */
const foldersFreshMs = 15_000;
/** Whoever selects a folder sees it no older, also where it is looked at less often. */
const currentMs = 15_000;
/** A folder that nobody has used for so long leaves memory. */
const unloadAfterMs = 5 * 60_000;
/** A day after the last full round, a folder in use is compared with Graph as a whole. */
const reconcileAfterMs = 24 * 60 * 60_000;

/** One mailbox reached by Graph; all sessions share its index, its cache and its polling. */
export class GraphMailbox {
  readonly mail: RemoteMail;
  readonly contents: MessageContents;
  readonly imports: MailboxImport;
  readonly appends: UnsettledAppends;
  /** Messages on their way in. */
  readonly spoolFolder: string;
  readonly #index: MailboxIndex;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #settings: GraphMailboxSettings;
  readonly #synced = new Map<number, SyncedFolder>();
  readonly #listing: JointWork;
  #paths: ReadonlyMap<string, IndexedFolder> = new Map();
  #special: ReadonlyMap<string, SpecialUse | 'inbox' | 'root'> | undefined;
  /** Of the list that {@link folders} has read last. */
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
    // What a bridge that broke down has left.
    this.#dropOrphans();
  }

  get index(): MailboxIndex {
    return this.#index;
  }

  /** Folders by path, parents before children. */
  async folders(options: RequestOptions = {}, maxAgeMs = foldersFreshMs): Promise<ReadonlyMap<string, IndexedFolder>> {
    // Another instance has made a folder, say: its client may come here next.
    const isOld = (await this.#index.authority.foldersRevision()) !== this.#foldersRevision;
    await this.#listing.run(isOld ? -1 : maxAgeMs, () => this.#readFolders(options), options.signal);
    return this.#paths;
  }

  /** Messages were put somewhere or taken away by our own doing: what Exchange has counted is no longer true. */
  countsChanged(): void {
    this.#listing.expire();
  }

  /** What the index says of folders has changed, and nothing at Graph. */
  indexChanged(): void {
    this.#paths = pathsOf(this.#index.folders.all());
  }

  /** The folder list has changed by our own doing. */
  async foldersChanged(options: RequestOptions = {}): Promise<void> {
    await this.#index.authority.foldersChanged();
    await this.folders(options, -1);
  }

  /** @throws MailStoreError `no-such-folder` */
  async folderNamed(name: string, options: RequestOptions = {}): Promise<IndexedFolder> {
    const path = canonicalPath(name);
    // A folder that is known needs no list: if it has gone, the next request about it says so.
    const found = this.#paths.get(path) ?? (await this.folders(options, -1)).get(path);
    if (found === undefined) throw new MailStoreError('no-such-folder', `There is no folder ${name}.`);
    return this.#index.folders.get(found.key) ?? found;
  }

  /** A folder for sessions to work in. */
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
   * Reads a folder into memory, having compared it with Graph.
   * @returns a comparison that goes on, and never rejects
   */
  async open(
    folder: SyncedFolder,
    { isWatched, ...options }: RoundOptions & { readonly isWatched: boolean },
  ): Promise<{ readonly following: Promise<void> | undefined }> {
    try {
      // Who selects a folder looks for new mail. Where news can follow, what others were told a moment ago will do for a start.
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

  /** Looks for news that whoever has just opened the folder is told. @returns ends with it, and never rejects */
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

  /** Looks whether a folder is still there. @throws MailStoreError `no-such-folder` */
  async assertThere({ key }: SyncedFolder, options: RequestOptions = {}): Promise<void> {
    await this.foldersChanged(options);
    if (this.#index.folders.get(key) === undefined) {
      throw new MailStoreError('no-such-folder', 'Another program has deleted the folder.');
    }
  }

  /** Ends it. Nobody uses it any more. */
  close(): void {
    this.#isClosed = true;
    this.#cancelPoll?.();
    this.#index.close();
  }

  /** Id of the folder that all others stand in. */
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
      // Folders that are there before, and those that other programs make, are shown by programs that list only these.
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
      if (!this.#isClosed) this.#log.warn({ error }, `the index of a deleted folder is left: ${errorText(error)}`);
    });
  }

  /** Looks at every folder that somebody has selected, again and again. */
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

/** What was on its way in when the bridge broke down; nothing is for so long. */
function dropLeftovers(spoolFolder: string): void {
  for (const name of readdirSync(spoolFolder)) {
    const file = join(spoolFolder, name);
    const facts = lstatSync(file, { throwIfNoEntry: false });
    if (facts !== undefined && Date.now() - facts.mtimeMs > leftoverAfterMs) rmSync(file, { force: true });
  }
}

const leftoverAfterMs = 60 * 60_000;

/** INBOX in any case, also where folders stand in it (RFC 9051 section 5.1). */
function canonicalPath(name: string): string {
  return name.replace(/^inbox(?=$|\/)/i, 'INBOX');
}
