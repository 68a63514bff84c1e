import { join } from 'node:path';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { IndexAuthority } from './authority.ts';
import { OwnAuthority } from './sqlite/authority.ts';
import { IndexTables } from './tables.ts';

/** Messages of removed folders dropped in one transaction. */
const droppedAtOnce = 1_000;

/** The mailbox an index belongs to. */
export interface IndexedMailbox {
  /** One word, unique to each mailbox of each connection. */
  readonly name: string;
  /** For messages to people. */
  readonly address: string;
}

/** Creates the authority of a mailbox index shared by instances. */
export type ShareIndex = (mailbox: IndexedMailbox, tables: IndexTables) => IndexAuthority;

/** What the bridge remembers of a mailbox across restarts: its folders, its messages, and their UIDs. */
export class MailboxIndex extends IndexTables {
  readonly authority: IndexAuthority;

  #isClosed = false;

  /**
   * @param mailbox its folder exists @param share set if instances share the index: the tables are then a copy
   * @throws BridgeError `mailbox-index-unusable`
   */
  constructor(mailbox: IndexedMailbox & { readonly folder: string }, share?: ShareIndex) {
    // A copy is a separate file: UIDs announced by one must not be mistaken for those of the other.
    super(join(mailbox.folder, share === undefined ? 'index.db' : 'shared-index.db'), share !== undefined);
    this.authority = share?.(mailbox, this) ?? new OwnAuthority(this);
  }

  /** Drops the messages of removed folders, yielding to other work in between. */
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
