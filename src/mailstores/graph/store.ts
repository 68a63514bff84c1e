import {
  type Appended,
  type AppendedMessages,
  type FolderInfo,
  type FolderStatus,
  type MailStore,
  MailStoreError,
  type OpenFolder,
  type OpenOptions,
} from '../../mailbox/mail-store.ts';
import { appendMessages } from './append/append.ts';
import { AppendSpool, type SpooledMessage } from './append/spool.ts';
import { isGone, storeError } from './errors.ts';
import { delimiter, displayNameOf } from './folder-names.ts';
import type { IndexedFolder } from './index/folder-table.ts';
import type { GraphMailbox } from './mailbox.ts';
import { type FolderHost, GraphOpenFolder } from './open-folder.ts';
import { messageFacts, propertyFacts } from './remote/facts.ts';
import type { GraphMailboxAccess } from './remote/requests.ts';
import type { GraphFolder } from './remote/resources.ts';
import type { SyncedFolder } from './sync/folder.ts';

/** Options of a session's mail store. */
export interface GraphStoreOptions {
  readonly mailbox: GraphMailbox;
  readonly access: GraphMailboxAccess;
  /** Aborted when the client has left: whatever it waits for fails at once. */
  readonly gone?: AbortSignal | undefined;
  /** Called once, when the session is over. */
  leave(): void;
}

/** Microsoft: "Exchange Online limits", message size; Exchange does not store larger ones. */
const appendLimit = 150 * 1024 * 1024;
/** Times to read back what was stored if other instances write all the time. */
const mostTries = 4;
/** A listed folder's counters are taken from the index if it was compared with Graph no longer ago than this. */
const statusFreshMs = 15_000;

/** A mailbox of Exchange Online as one reading session sees it, reached only through Microsoft Graph. */
export class GraphMailStore implements MailStore {
  readonly delimiter = delimiter;
  readonly appendLimit = appendLimit;
  readonly createsSpecialUses = false;
  readonly #options: GraphStoreOptions;
  readonly #host: FolderHost;
  readonly #endWaits: (() => void)[] = [];
  readonly #listeners = new Set<(text: string) => void>();
  #isClosed = false;

  constructor(options: GraphStoreOptions) {
    const { mailbox, gone } = options;
    this.#options = options;
    this.#host = {
      contents: mailbox.contents,
      gone,
      countsChanged: () => mailbox.countsChanged(),
      assertThere: (folder) => mailbox.assertThere(folder, { signal: gone }),
      folderNamed: async (name) => mailbox.synced(await this.#folder(name)),
    };
  }

  async folders(): Promise<readonly FolderInfo[]> {
    return await this.#during(async () => {
      const { mailbox } = this.#options;
      const folders = await mailbox.folders(this.#request);
      const there = [...folders].map(([name, { key, special, subscribed }]) => ({
        ...{ name, selectable: true, subscribed, id: String(key) },
        ...(special !== undefined && special !== 'inbox' && { specialUse: special }),
      }));
      const gone = mailbox.index.keptSubscriptions.names().filter((name) => !folders.has(name));
      return [...there, ...gone.map((name) => ({ name, selectable: false, subscribed: true, id: 'gone' }))];
    });
  }

  async status(name: string): Promise<FolderStatus> {
    return await this.#during(async () => {
      const { mailbox } = this.#options;
      const folder = mailbox.synced(await this.#folder(name));
      // Another instance may have listed it.
      if (folder.facts.deltaLink === undefined) await folder.catchUp();
      // For a folder that nobody has opened, Exchange's own counts are used: listing it for STATUS would take too long.
      if (folder.facts.deltaLink === undefined) return unlisted(folder.facts);
      await folder.bringUpToDate(statusFreshMs, this.#request);
      return listed(folder, mailbox);
    });
  }

  async open(name: string, { readOnly, isWatched = false, signal }: OpenOptions): Promise<OpenFolder> {
    return await this.#during(async () => {
      const { mailbox, gone } = this.#options;
      const folder = mailbox.synced(await this.#folder(name));
      const progress = (text: string) => {
        for (const listener of this.#listeners) listener(`${name}: ${text}`);
      };
      const { following } = await mailbox.open(folder, { signal: signal ?? gone, progress, isWatched });
      return new GraphOpenFolder(name, folder, { readOnly, following }, this.#host);
    });
  }

  async append(name: string, messages: AppendedMessages): Promise<Appended> {
    const { mailbox, access } = this.#options;
    const facts = await this.#during(() => this.#folder(name));
    const spool = new AppendSpool(mailbox.spoolFolder);
    try {
      await spool.takeIn(messages, access.mailbox);
      const ids = await this.#during(() => this.#stored(facts, spool.messages));
      mailbox.countsChanged();
      return { uidValidity: facts.uidValidity, uids: await this.#uidsOf(facts, ids) };
    } finally {
      await spool.remove();
    }
  }

  /** @returns Graph's IDs */
  async #stored(facts: IndexedFolder, messages: readonly SpooledMessage[]): Promise<readonly string[]> {
    const { mailbox, access, gone } = this.#options;
    const { client, mailbox: address, sendAs } = access;
    const place = {
      ...{ mail: mailbox.mail, notes: mailbox.appends, folderId: facts.id, isDrafts: facts.special === '\\Drafts' },
      imports: access.imports === true ? mailbox.imports : undefined,
      uploads: { client, mailbox: address, sendAs },
    };
    try {
      return await appendMessages(place, messages, { signal: gone ?? never });
    } catch (error) {
      // Graph gives the same answer if the message is gone and if the folder is.
      if (isGone(error)) await mailbox.assertThere(mailbox.synced(facts), this.#request);
      throw error;
    }
  }

  /**
   * Adds stored messages to the index.
   * @returns undefined if that fails: a client that saw an error would store them again
   */
  async #uidsOf(facts: IndexedFolder, ids: readonly string[]): Promise<readonly number[] | undefined> {
    const { mailbox, gone } = this.#options;
    try {
      const folder = mailbox.synced(facts);
      for (let tries = 1; tries <= mostTries; tries++) {
        const startedAt = folder.ownChanges.now();
        const stored = await mailbox.mail.messages(ids, { signal: gone });
        const properties = new Map(stored.flatMap((each) => propertyFacts(each) ?? []).map((told) => [told.id, told]));
        const told = stored.flatMap((each) => (each.parentFolderId === facts.id ? (messageFacts(each) ?? []) : []));
        // One by one, to keep the order in which they were given, whatever their dates.
        await folder.edit((edit) => {
          for (const facts of told) edit.merge([facts], properties, { startedAt, pageAt: startedAt });
        });
        const uids = ids.flatMap((id) => folder.uidOf(id) ?? []);
        if (uids.length === ids.length) return uids;
        // Another instance has written meanwhile: what was read may be older.
        if (!folder.ownChanges.othersSince(startedAt)) break;
      }
      return undefined;
    } catch {
      return undefined;
    }
  }

  async createFolder(name: string): Promise<string> {
    return await this.#during(async () => {
      const { mailbox } = this.#options;
      const levels = name.replace(/\/$/, '').split(delimiter);
      const paths = await mailbox.folders(this.#request, 0);
      if (levels.some((level) => level === ''))
        throw new MailStoreError('not-permitted', 'A level of the name is empty.');
      if (paths.has(levels.join(delimiter))) throw new MailStoreError('folder-exists', `${name} already exists.`);
      let parent: string | undefined;
      for (const [depth, level] of levels.entries()) {
        const there = paths.get(levels.slice(0, depth + 1).join(delimiter));
        parent = there?.id ?? (await this.#createIn(parent, displayNameOf(level)));
      }
      await mailbox.foldersChanged(this.#request);
      const path = levels.join(delimiter);
      const { key } = await this.#folder(path);
      if (await mailbox.index.authority.dropSubscription(path)) await this.#subscribe(key, true);
      return String(key);
    });
  }

  async deleteFolder(name: string): Promise<void> {
    await this.#during(async () => {
      const { mailbox } = this.#options;
      const folder = await this.#folder(name);
      if (folder.special !== undefined) throw new MailStoreError('not-permitted', `Exchange needs the folder ${name}.`);
      const hasChildren = mailbox.index.folders.all().some(({ parent }) => parent === folder.id);
      if (hasChildren) throw new MailStoreError('not-permitted', `${name} has folders in it.`);
      await mailbox.mail.requests.send('DELETE', folderPath(folder.id), undefined, this.#request);
      if (folder.subscribed) await mailbox.index.authority.keepSubscription(name);
      await mailbox.foldersChanged(this.#request);
    });
  }

  async renameFolder(from: string, to: string): Promise<void> {
    await this.#during(async () => {
      const { mailbox } = this.#options;
      const folder = await this.#folder(from);
      if (folder.special !== undefined) throw new MailStoreError('not-permitted', `Exchange needs the folder ${from}.`);
      const paths = await mailbox.folders(this.#request, 0);
      if (paths.has(to)) throw new MailStoreError('folder-exists', `${to} already exists.`);
      if (to.startsWith(`${from}${delimiter}`))
        throw new MailStoreError('not-permitted', 'A folder cannot stand in itself.');
      const levels = to.split(delimiter);
      const displayName = displayNameOf(levels.pop() ?? '');
      let parent = await mailbox.rootId(this.#request);
      for (const [depth, level] of levels.entries()) {
        const there = paths.get(levels.slice(0, depth + 1).join(delimiter));
        parent = there?.id ?? (await this.#createIn(depth === 0 ? undefined : parent, displayNameOf(level)));
      }
      const { requests } = mailbox.mail;
      if ((folder.parent ?? (await mailbox.rootId())) !== parent) {
        await requests.send('POST', `${folderPath(folder.id)}/move`, { destinationId: parent }, this.#request);
      }
      if (displayName !== folder.displayName) {
        await requests.send('PATCH', folderPath(folder.id), { displayName }, this.#request);
      }
      await mailbox.foldersChanged(this.#request);
    });
  }

  async setSubscribed(name: string, subscribed: boolean): Promise<void> {
    await this.#during(async () => {
      const { authority } = this.#options.mailbox.index;
      if (!subscribed && (await authority.dropSubscription(name))) return;
      await this.#subscribe((await this.#folder(name)).key, subscribed);
    });
  }

  onNotice(listener: (text: string) => void): void {
    this.#listeners.add(listener);
    this.#endWaits.push(this.#options.mailbox.mail.requests.onWait(listener));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const end of this.#endWaits) end();
    this.#options.leave();
  }

  /** Graph has no subscriptions: they are only in the index. */
  async #subscribe(key: number, subscribed: boolean): Promise<void> {
    const { mailbox } = this.#options;
    await mailbox.index.authority.setSubscribed(key, subscribed);
    mailbox.indexChanged();
  }

  async #createIn(parent: string | undefined, displayName: string): Promise<string> {
    const path = parent === undefined ? '/mailFolders' : `${folderPath(parent)}/childFolders`;
    const { id } = (await this.#options.mailbox.mail.requests.send(
      'POST',
      path,
      { displayName },
      this.#request,
    )) as GraphFolder;
    if (id === undefined)
      throw new MailStoreError('unavailable', 'Microsoft Graph did not say which folder it has made.');
    // Folders created by other programs are subscribed; a client subscribes to its own.
    const { mailbox, access } = this.#options;
    const facts = { id, parent, displayName, special: undefined, total: 0, unread: 0 };
    const listed = { told: [facts], isWhole: false, subscribed: false, nowMs: access.clock.now(), since: 0 };
    await mailbox.index.authority.putFolders(listed);
    return id;
  }

  #folder(name: string): Promise<IndexedFolder> {
    return this.#options.mailbox.folderNamed(name, this.#request);
  }

  get #request() {
    return { signal: this.#options.gone };
  }

  async #during<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): unknown {
    return this.#options.gone?.aborted ? error : storeError(error, this.#options.access.mailbox);
  }
}

const never = new AbortController().signal;

function folderPath(id: string): string {
  return `/mailFolders/${encodeURIComponent(id)}`;
}

function listed({ facts, key }: SyncedFolder, { index }: GraphMailbox): FolderStatus {
  const { uidValidity, uidNext, modseq, recentFrom } = facts;
  return {
    ...index.messages.counts(key),
    ...{
      uidValidity,
      uidNext,
      highestModseq: modseq,
      id: String(key),
      recent: index.messages.countFrom(key, recentFrom),
    },
  };
}

/** Exchange's own counts. Once the folder is listed, its messages have UIDs up to their number. */
function unlisted({ key, total, unread, uidValidity, uidNext, modseq }: IndexedFolder): FolderStatus {
  const next = Math.max(uidNext, total + 1);
  return {
    ...{ uidValidity, uidNext: next, highestModseq: modseq, id: String(key) },
    ...{ messages: total, unseen: unread, deleted: 0, recent: 0, size: 0 },
  };
}
