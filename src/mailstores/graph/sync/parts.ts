import type { Clock } from '../../../base/clock.ts';
import type { FolderChange } from '../../../mailbox/mail-store.ts';
import type { MailboxIndex } from '../index/mailbox-index.ts';
import type { RemoteMail } from '../remote/mail.ts';

/** What the folders of a mailbox share. */
export interface FolderParts {
  readonly index: MailboxIndex;
  readonly mail: RemoteMail;
  readonly clock: Clock;
  /** True if the mailbox is no longer in use: nothing can be read or written then. */
  isClosed(): boolean;
  /** The index no longer has a folder. */
  lost(folder: number): void;
}

/** A session that works in a folder and is told of its changes. */
export interface SessionWatcher {
  readonly readOnly: boolean;
  tell(change: FolderChange): void;
}
