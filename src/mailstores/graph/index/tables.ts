import { AppendTable } from './append-table.ts';
import { CopyTable } from './copy-table.ts';
import { IndexDatabase } from './database.ts';
import { FolderTable } from './folder-table.ts';
import { KeptSubscriptions } from './kept-subscriptions.ts';
import { MessageTable } from './message-table.ts';

/** The tables of an index, read and written without waiting. */
export class IndexTables {
  readonly db: IndexDatabase;
  readonly folders: FolderTable;
  readonly messages: MessageTable;
  readonly copies: CopyTable;
  readonly keptSubscriptions: KeptSubscriptions;
  readonly appends: AppendTable;

  /** @param isCopy the file is a copy of an index kept elsewhere @throws BridgeError `mailbox-index-unusable` */
  constructor(file: string, isCopy: boolean) {
    this.db = new IndexDatabase(file, isCopy);
    this.folders = new FolderTable(this.db);
    this.messages = new MessageTable(this.db);
    this.copies = new CopyTable(this.db);
    this.keptSubscriptions = new KeptSubscriptions(this.db);
    this.appends = new AppendTable(this.db);
  }
}
