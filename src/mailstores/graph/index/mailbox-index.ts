import { join } from 'node:path';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { AppendTable } from './append-table.ts';
import { IndexDatabase } from './database.ts';
import { FolderTable } from './folder-table.ts';
import { KeptSubscriptions } from './kept-subscriptions.ts';
import { MessageTable } from './message-table.ts';

/** Messages whose folder is no more, dropped in one transaction. */
const droppedAtOnce = 1_000;

/** What is known of one mailbox from one start to the next: its folders, its messages, and the UID of each. */
export class MailboxIndex {
  readonly db: IndexDatabase;
  readonly folders: FolderTable;
  readonly messages: MessageTable;
  readonly keptSubscriptions: KeptSubscriptions;
  readonly appends: AppendTable;

  #isClosed = false;

  /** @param folder is there @throws BridgeError `mailbox-index-unusable` */
  constructor(folder: string) {
    this.db = new IndexDatabase(join(folder, 'index.db'));
    this.folders = new FolderTable(this.db);
    this.messages = new MessageTable(this.db);
    this.keptSubscriptions = new KeptSubscriptions(this.db);
    this.appends = new AppendTable(this.db);
  }

  /** Drops what is left of folders that are no more, other work going on in between. */
  async dropOrphans(): Promise<void> {
    const dropSome = () => this.db.transaction(() => this.messages.dropOrphans(droppedAtOnce));
    while (!this.#isClosed && dropSome()) await yieldToOthers();
  }

  close(): void {
    this.#isClosed = true;
    this.db.close();
  }
}
