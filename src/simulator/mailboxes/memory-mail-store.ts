import {
  type Appended,
  type AppendedMessage,
  type AppendedMessages,
  type FolderInfo,
  type FolderStatus,
  type MailStore,
  MailStoreError,
  type OpenFolder,
  type OpenOptions,
  type SpecialUse,
} from '../../mailbox/mail-store.ts';
import { delimiter, type Mailbox } from './mailbox.ts';
import type { MailboxFolder } from './mailbox-folder.ts';
import { MemoryOpenFolder } from './memory-open-folder.ts';

/** Exchange's size limit for messages in IMAP APPEND. */
const maxAppendBytes = 150 * 1024 * 1024;

/** A simulated mailbox for one reading session. */
export class MemoryMailStore implements MailStore {
  readonly delimiter = delimiter;
  readonly appendLimit = maxAppendBytes;
  readonly createsSpecialUses = true;
  readonly #mailbox: Mailbox;

  constructor(mailbox: Mailbox) {
    this.#mailbox = mailbox;
  }

  async folders(): Promise<readonly FolderInfo[]> {
    return this.#mailbox.folders().map(({ name, subscribed, specialUse, objectId }) => ({
      ...{ name, subscribed, selectable: true, id: objectId },
      ...(specialUse !== undefined && { specialUse }),
    }));
  }

  async status(folder: string): Promise<FolderStatus> {
    return this.#folder(folder).status();
  }

  async open(folder: string, options: OpenOptions): Promise<OpenFolder> {
    return new MemoryOpenFolder(this.#folder(folder), (name) => this.#folder(name), options.readOnly);
  }

  async append(folder: string, messages: AppendedMessages): Promise<Appended> {
    this.#folder(folder);
    const taken: (Omit<AppendedMessage, 'content'> & { readonly octets: Buffer })[] = [];
    for await (const message of messages) {
      if (message.size > maxAppendBytes) throw new MailStoreError('too-large', 'The message is too large.');
      const chunks: Buffer[] = [];
      for await (const chunk of message.content) chunks.push(chunk as Buffer);
      taken.push({ ...message, octets: Buffer.concat(chunks) });
    }
    // Looked up again: it may have gone while the octets arrived.
    const target = this.#folder(folder);
    const stored = taken.map(({ octets, flags, internalDate }) =>
      target.add(octets, flags, internalDate ?? new Date()),
    );
    return { uidValidity: target.uidValidity, uids: stored.map(({ uid }) => uid) };
  }

  async createFolder(folder: string, specialUse?: SpecialUse): Promise<string> {
    const name = folder.endsWith(delimiter) ? folder.slice(0, -1) : folder;
    if (this.#mailbox.folder(name)) throw new MailStoreError('folder-exists', `${name} already exists.`);
    return this.#mailbox.create(name, { specialUse }).objectId;
  }

  async deleteFolder(name: string): Promise<void> {
    if (name === 'INBOX') throw new MailStoreError('not-permitted', 'INBOX cannot be deleted.');
    const folder = this.#folder(name);
    if (this.#mailbox.withBelow(folder).length > 1) {
      throw new MailStoreError('not-permitted', `${name} has folders below it.`);
    }
    this.#mailbox.remove(folder);
  }

  async renameFolder(from: string, to: string): Promise<void> {
    const folder = this.#folder(from);
    if (from === 'INBOX') throw new MailStoreError('not-permitted', 'INBOX cannot be renamed.');
    if (this.#mailbox.folder(to)) throw new MailStoreError('folder-exists', `${to} already exists.`);
    this.#mailbox.rename(folder, to);
  }

  async setSubscribed(folder: string, subscribed: boolean): Promise<void> {
    this.#folder(folder).subscribed = subscribed;
  }

  async close(): Promise<void> {}

  #folder(name: string): MailboxFolder {
    const folder = this.#mailbox.folder(name);
    if (folder === undefined) throw new MailStoreError('no-such-folder', `${name} doesn't exist.`);
    return folder;
  }
}
