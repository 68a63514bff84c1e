import type { MailStore } from '../../mailbox/mail-store.ts';
import {
  type ItemFacts,
  MailboxFolder,
  type MessageOctets,
  type SizeTelling,
  type StoredMessage,
} from './mailbox-folder.ts';
import { MemoryMailStore } from './memory-mail-store.ts';

export type { ItemFacts, StoredMessage, StoredProperty } from './mailbox-folder.ts';

/** The folders a new mailbox has. */
export const standardFolders = ['INBOX', 'Drafts', 'Sent Items', 'Deleted Items', 'Junk Email'] as const;

/** What a delivered message may carry beside its content. */
export interface DeliveryOptions extends ItemFacts {
  /** Default: none, as new mail has it. */
  readonly flags?: readonly string[];
  /** Default: now. */
  readonly internalDate?: Date;
}

/** One simulated mailbox: its folders by name. */
export interface Mailbox {
  readonly address: string;
  readonly folders: Map<string, MailboxFolder>;
}

/** The mailboxes of the simulated tenant, in memory. Addresses are compared without case. */
export class MailboxDirectory {
  /** Exact sizes unless this is changed, which counts from the next command on. */
  readonly sizes: SizeTelling = { estimated: false };
  readonly #mailboxes = new Map<string, Mailbox>();

  constructor(addresses: readonly string[]) {
    for (const address of addresses) this.add(address);
  }

  /** Makes a mailbox with the standard folders; one that exists stays as it is. */
  add(address: string): void {
    if (this.has(address)) return;
    const folders = new Map(standardFolders.map((name) => [name as string, new MailboxFolder(name, this.sizes)]));
    this.#mailboxes.set(address.toLowerCase(), { address, folders });
  }

  has(address: string): boolean {
    return this.#mailboxes.has(address.toLowerCase());
  }

  /** Every address, spelled as it was given. */
  addresses(): readonly string[] {
    return [...this.#mailboxes.values()].map((mailbox) => mailbox.address);
  }

  /**
   * Puts a message into a folder; sessions that have the folder open hear of it at once.
   * @throws Error if there is no such mailbox or folder
   */
  deliver(address: string, folder: string, content: MessageOctets, options: DeliveryOptions = {}): StoredMessage {
    const { flags = [], internalDate = new Date(), ...facts } = options;
    return this.#folder(address, folder).add(content, flags, internalDate, facts);
  }

  /** Takes a message out of a folder; sessions that have the folder open hear of it. @throws as {@link deliver} */
  remove(address: string, folder: string, uid: number): void {
    this.#folder(address, folder).remove([uid]);
  }

  /** Changes the flags of a message; sessions that have the folder open hear of it. @throws as {@link deliver} */
  replaceFlags(address: string, folder: string, uid: number, flags: readonly string[]): void {
    this.#folder(address, folder).replaceFlags(uid, flags);
  }

  /** @throws Error if there is no such mailbox or folder */
  messages(address: string, folder: string): readonly StoredMessage[] {
    return this.#folder(address, folder).messages();
  }

  /** One message, or undefined where there is none of the kind. @throws as {@link messages} */
  message(address: string, folder: string, uid: number): StoredMessage | undefined {
    return this.#folder(address, folder).get(uid);
  }

  /** Opens a mailbox for one reading session. @throws Error if there is no such mailbox */
  openStore(address: string): MailStore {
    return new MemoryMailStore(this.#mailbox(address).folders, this.sizes);
  }

  #mailbox(address: string): Mailbox {
    const mailbox = this.#mailboxes.get(address.toLowerCase());
    if (mailbox === undefined) throw new Error(`There is no mailbox ${address}.`);
    return mailbox;
  }

  #folder(address: string, name: string): MailboxFolder {
    const folder = this.#mailbox(address).folders.get(name);
    if (folder === undefined) throw new Error(`The mailbox ${address} has no folder ${name}.`);
    return folder;
  }
}
