import { join } from 'node:path';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { IndexAuthority } from './authority.ts';
import { OwnAuthority } from './sqlite/authority.ts';
import { IndexTables } from './tables.ts';

/** Messages whose folder is no more, dropped in one transaction. */
const droppedAtOnce = 1_000;

/** Whose index it is. */
export interface IndexedMailbox {
  /** One word; differs for every mailbox of every connection. */
  readonly name: string;
  /** For texts. */
  readonly address: string;
}

/** Makes the authority of a mailbox's index that instances share. */
export type ShareIndex = (mailbox: IndexedMailbox, tables: IndexTables) => IndexAuthority;

/** What is known of one mailbox from one start to the next: its folders, its messages, and the UID of each. */
export class MailboxIndex extends IndexTables {
  readonly authority: IndexAuthority;

  #isClosed = false;

  /**
   * @param mailbox its folder is there @param share where instances share it: the tables are a copy then
   * @throws BridgeError `mailbox-index-unusable`
   */
  constructor(mailbox: IndexedMailbox & { readonly folder: string }, share?: ShareIndex) {
    // A copy is another file: what either has told clients must not be taken for the other's.
    super(join(mailbox.folder, share === undefined ? 'index.db' : 'shared-index.db'), share !== undefined);
    this.authority = share?.(mailbox, this) ?? new OwnAuthority(this);
  }

  /** Drops what is left of folders that are no more, other work going on in between. */
  async dropOrphans(): Promise<void> {
    const dropSome = () => this.db.transaction(() => this.messages.dropOrphans(droppedAtOnce));
    while (!this.#isClosed && dropSome()) await yieldToOthers();
  }

  close(): void {
    this.#isClosed = true;
    this.authority.close();
    this.db.close();
  }
}
