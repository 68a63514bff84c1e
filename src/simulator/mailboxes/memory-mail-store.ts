import {
  type AppendedMessage,
  type FolderInfo,
  type FolderStatus,
  type MailStore,
  MailStoreError,
  type OpenFolder,
} from '../../mailbox/mail-store.ts';
import { MailboxFolder, type SizeTelling } from './mailbox-folder.ts';
import { MemoryOpenFolder } from './memory-open-folder.ts';

const delimiter = '/';

/** Exchange takes messages up to this size by IMAP APPEND. */
const maxAppendBytes = 150 * 1024 * 1024;

/** A simulated mailbox as one reading session works on it. */
export class MemoryMailStore implements MailStore {
  readonly delimiter = delimiter;
  readonly #folders: Map<string, MailboxFolder>;
  readonly #sizes: SizeTelling;

  constructor(folders: Map<string, MailboxFolder>, sizes: SizeTelling) {
    this.#folders = folders;
    this.#sizes = sizes;
  }

  async folders(): Promise<readonly FolderInfo[]> {
    return [...this.#folders.values()].map(({ name, subscribed }) => ({ name, subscribed, selectable: true }));
  }

  async status(folder: string): Promise<FolderStatus> {
    return this.#folder(folder).status();
  }

  async open(folder: string, options: { readonly readOnly: boolean }): Promise<OpenFolder> {
    return new MemoryOpenFolder(this.#folder(folder), (name) => this.#folder(name), options.readOnly);
  }

  async append(folder: string, message: AppendedMessage): Promise<{ uidValidity: number; uid: number }> {
    const target = this.#folder(folder);
    if (message.size > maxAppendBytes) throw new MailStoreError('too-large', 'The message is too large.');
    const chunks: Buffer[] = [];
    for await (const chunk of message.content) chunks.push(chunk as Buffer);
    const stored = target.add(Buffer.concat(chunks), message.flags, message.internalDate ?? new Date());
    return { uidValidity: target.uidValidity, uid: stored.uid };
  }

  async createFolder(folder: string): Promise<void> {
    const name = folder.endsWith(delimiter) ? folder.slice(0, -1) : folder;
    if (this.#folders.has(name)) throw new MailStoreError('folder-exists', `${name} already exists.`);
    const levels = name.split(delimiter);
    for (let depth = 1; depth <= levels.length; depth++) {
      const path = levels.slice(0, depth).join(delimiter);
      if (!this.#folders.has(path)) this.#folders.set(path, new MailboxFolder(path, this.#sizes));
    }
  }

  async deleteFolder(folder: string): Promise<void> {
    if (folder === 'INBOX') throw new MailStoreError('not-permitted', 'INBOX cannot be deleted.');
    const { name } = this.#folder(folder);
    if ([...this.#folders.keys()].some((other) => other.startsWith(name + delimiter))) {
      throw new MailStoreError('not-permitted', `${name} has folders below it.`);
    }
    this.#folders.delete(name);
  }

  async renameFolder(from: string, to: string): Promise<void> {
    const source = this.#folder(from);
    if (from === 'INBOX') throw new MailStoreError('not-permitted', 'INBOX cannot be renamed.');
    if (this.#folders.has(to)) throw new MailStoreError('folder-exists', `${to} already exists.`);
    for (const [name, folder] of [...this.#folders]) {
      if (name !== source.name && !name.startsWith(from + delimiter)) continue;
      this.#folders.delete(name);
      folder.name = to + name.slice(from.length);
      this.#folders.set(folder.name, folder);
    }
  }

  async setSubscribed(folder: string, subscribed: boolean): Promise<void> {
    this.#folder(folder).subscribed = subscribed;
  }

  async close(): Promise<void> {}

  #folder(name: string): MailboxFolder {
    const folder = this.#folders.get(name);
    if (folder === undefined) throw new MailStoreError('no-such-folder', `${name} doesn't exist.`);
    return folder;
  }
}
