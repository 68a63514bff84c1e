import { randomBytes } from 'node:crypto';
import type { SpecialUse } from '../../mailbox/mail-store.ts';
import { type ItemPlace, MailboxFolder, MailboxItems, type NewFolder, type SizeTelling } from './mailbox-folder.ts';

/** Separates the levels of a folder's name. */
export const delimiter = '/';

/** The folders of a new mailbox and their special uses. */
const standardFolders: Readonly<Record<string, SpecialUse | undefined>> = {
  INBOX: undefined,
  Drafts: '\\Drafts',
  'Sent Items': '\\Sent',
  'Deleted Items': '\\Trash',
  'Junk Email': '\\Junk',
};

/** Folders that Graph knows by fixed names, even if renamed. Learn, "mailFolder resource type". */
const wellKnownFolders: Readonly<Record<string, string>> = {
  inbox: 'INBOX',
  drafts: 'Drafts',
  sentitems: 'Sent Items',
  deleteditems: 'Deleted Items',
  junkemail: 'Junk Email',
};

/** One simulated mailbox: its folders, as IMAP and Graph see them. */
export class Mailbox {
  readonly address: string;
  /** Graph's id for the parent of the top-level folders. */
  readonly rootId = randomBytes(30).toString('base64url');
  /** Items deleted from Deleted Items. IMAP does not show it. */
  readonly recoverableItems: MailboxFolder;
  readonly #items: MailboxItems;
  readonly #byName = new Map<string, MailboxFolder>();
  readonly #wellKnown = new Map<string, MailboxFolder>();
  readonly #removed: { readonly id: string; readonly at: number }[] = [];

  constructor(address: string, sizes: SizeTelling) {
    this.address = address;
    this.#items = new MailboxItems(sizes);
    this.recoverableItems = new MailboxFolder('Deletions', this.#items);
    for (const [name, specialUse] of Object.entries(standardFolders)) {
      this.create(name, { subscribed: true, specialUse });
    }
    for (const [key, name] of Object.entries(wellKnownFolders)) {
      const folder = this.#byName.get(name);
      if (folder !== undefined) this.#wellKnown.set(key, folder);
    }
  }

  /** Number of changes so far. */
  get changes(): number {
    return this.#items.changes;
  }

  /** Every folder, parents before children. */
  folders(): readonly MailboxFolder[] {
    return [...this.#byName.values()];
  }

  /** @param name the path in IMAP */
  folder(name: string): MailboxFolder | undefined {
    return this.#byName.get(name);
  }

  /** The folder that Graph knows by a fixed name, while it exists. The archive is created on request. */
  wellKnown(key: string): MailboxFolder | undefined {
    if (key === 'recoverableitemsdeletions') return this.recoverableItems;
    const known = this.#wellKnown.get(key);
    if (known !== undefined && this.#byName.get(known.name) === known) return known;
    if (key !== 'archive') return undefined;
    const archive =
      this.#byName.get('Archive') ?? this.create('Archive', { subscribed: true, specialUse: '\\Archive' });
    this.#wellKnown.set(key, archive);
    return archive;
  }

  /** Whether Graph knows the folder by a fixed name. */
  isWellKnown(folder: MailboxFolder): boolean {
    return folder === this.recoverableItems || [...this.#wellKnown.values()].includes(folder);
  }

  byId(id: string): MailboxFolder | undefined {
    if (id === this.recoverableItems.id) return this.recoverableItems;
    return this.folders().find((folder) => folder.id === id);
  }

  /** The parent folder; undefined for a top-level folder. */
  parentOf({ name }: MailboxFolder): MailboxFolder | undefined {
    const end = name.lastIndexOf(delimiter);
    return end < 0 ? undefined : this.#byName.get(name.slice(0, end));
  }

  /** Where the message with this immutable id is. */
  placeOf(immutableId: string): ItemPlace | undefined {
    return this.#items.places.get(immutableId);
  }

  /** Creates a folder and its missing parents. The name must be free. */
  create(name: string, options: NewFolder = {}): MailboxFolder {
    const levels = name.split(delimiter);
    for (let depth = 1; depth < levels.length; depth++) {
      const path = levels.slice(0, depth).join(delimiter);
      if (!this.#byName.has(path)) this.#byName.set(path, new MailboxFolder(path, this.#items));
    }
    const folder = new MailboxFolder(name, this.#items, options);
    this.#byName.set(name, folder);
    return folder;
  }

  /** Gives a folder and those below it another path. The path must be free. */
  rename(folder: MailboxFolder, to: string): void {
    const from = folder.name;
    for (const each of this.withBelow(folder)) {
      this.#byName.delete(each.name);
      each.name = to + each.name.slice(from.length);
      this.#byName.set(each.name, each);
    }
    folder.touch();
  }

  /** Removes a folder and all below it, with their messages. */
  remove(folder: MailboxFolder): void {
    for (const each of this.withBelow(folder)) {
      each.remove(each.uids());
      this.#byName.delete(each.name);
      each.end(`${each.name} was deleted.`);
      this.#removed.push({ id: each.id, at: this.#items.change() });
    }
  }

  /** A folder and all below it, parents first. */
  withBelow({ name }: MailboxFolder): readonly MailboxFolder[] {
    return this.folders().filter((each) => each.name === name || each.name.startsWith(name + delimiter));
  }

  /** The ids of the folders removed after a point in time. */
  removedSince(at: number): readonly string[] {
    return this.#removed.filter((each) => each.at > at).map(({ id }) => id);
  }
}
