import type { MailStore } from '../../mailbox/mail-store.ts';
import { Mailbox } from './mailbox.ts';
import type { MailboxFolder, SizeTelling } from './mailbox-folder.ts';
import { MemoryMailStore } from './memory-mail-store.ts';
import type { ItemFacts, MessageOctets, OctetFacts, StoredMessage } from './stored-message.ts';

/** What a delivered message may have besides its content. */
export interface DeliveryOptions extends ItemFacts, OctetFacts {
  /** Default: none, as for new mail. */
  readonly flags?: readonly string[];
  /** Default: now. */
  readonly internalDate?: Date;
}

/** The mailboxes of the simulated tenant, in memory. Addresses are compared case-insensitively. */
export class MailboxDirectory {
  /** Exact sizes by default; a change applies from the next command on. */
  readonly sizes: SizeTelling = { estimated: false };
  readonly #mailboxes = new Map<string, Mailbox>();

  constructor(addresses: readonly string[]) {
    for (const address of addresses) this.add(address);
  }

  /** Makes a mailbox with the standard folders; an existing one is unchanged. */
  add(address: string): void {
    if (this.has(address)) return;
    this.#mailboxes.set(address.toLowerCase(), new Mailbox(address, this.sizes));
  }

  has(address: string): boolean {
    return this.#mailboxes.has(address.toLowerCase());
  }

  /** Every address, in its original spelling. */
  addresses(): readonly string[] {
    return [...this.#mailboxes.values()].map((mailbox) => mailbox.address);
  }

  /**
   * Puts a message into a folder; sessions that have the folder open are notified immediately.
   * @throws Error if there is no such mailbox or folder
   */
  deliver(address: string, folder: string, content: MessageOctets, options: DeliveryOptions = {}): StoredMessage {
    const { flags = [], internalDate = new Date(), ...facts } = options;
    return this.#folder(address, folder).add(content, flags, internalDate, facts);
  }

  /** Removes a message from a folder; sessions that have the folder open are notified. @throws as {@link deliver} */
  remove(address: string, folder: string, uid: number): void {
    this.#folder(address, folder).remove([uid]);
  }

  /** Changes the flags of a message; sessions that have the folder open are notified. @throws as {@link deliver} */
  replaceFlags(address: string, folder: string, uid: number, flags: readonly string[]): void {
    this.#folder(address, folder).replaceFlags(uid, flags);
  }

  /** @throws Error if there is no such mailbox or folder */
  messages(address: string, folder: string): readonly StoredMessage[] {
    return this.#folder(address, folder).messages();
  }

  /** One message, or undefined if it does not exist. @throws as {@link messages} */
  message(address: string, folder: string, uid: number): StoredMessage | undefined {
    return this.#folder(address, folder).get(uid);
  }

  /** Opens a mailbox for one reading session. @throws Error if there is no such mailbox */
  openStore(address: string): MailStore {
    return new MemoryMailStore(this.mailbox(address));
  }

  /** @throws Error if there is no such mailbox */
  mailbox(address: string): Mailbox {
    const mailbox = this.#mailboxes.get(address.toLowerCase());
    if (mailbox === undefined) throw new Error(`There is no mailbox ${address}.`);
    return mailbox;
  }

  #folder(address: string, name: string): MailboxFolder {
    const folder = this.mailbox(address).folder(name);
    if (folder === undefined) throw new Error(`The mailbox ${address} has no folder ${name}.`);
    return folder;
  }
}
