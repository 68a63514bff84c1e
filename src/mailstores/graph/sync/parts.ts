import type { Clock } from '../../../base/clock.ts';
import type { FolderChange } from '../../../mailbox/mail-store.ts';
import type { MailboxIndex } from '../index/mailbox-index.ts';
import type { RemoteMail } from '../remote/mail.ts';

/** What folders of a mailbox share. */
export interface FolderParts {
  readonly index: MailboxIndex;
  readonly mail: RemoteMail;
  readonly clock: Clock;
  /** Whether the mailbox is in use no more: then nothing can be read or written. */
  isClosed(): boolean;
  /** The index knows a folder no more. */
  lost(folder: number): void;
}

/** Who works in a folder and hears of its changes. */
export interface SessionWatcher {
  readonly readOnly: boolean;
  tell(change: FolderChange): void;
}
