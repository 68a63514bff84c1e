import type { Mailbox } from '../../../mailboxes/mailbox.ts';
import type { MailboxFolder } from '../../../mailboxes/mailbox-folder.ts';
import { notFound } from '../messages/item-ids.ts';

/** A folder, or the root above the top-level folders. */
export type FolderOrRoot = MailboxFolder | 'root';

/** @param key an id, or a well-known name in any case. @throws GraphFault 404 */
export function findFolder(mailbox: Mailbox, key: string): FolderOrRoot {
  if (key.toLowerCase() === 'msgfolderroot' || key === mailbox.rootId) return 'root';
  return mailbox.wellKnown(key.toLowerCase()) ?? mailbox.byId(key) ?? notFound();
}

/** A folder that can hold messages. @throws GraphFault 404 */
export function findMessageFolder(mailbox: Mailbox, key: string): MailboxFolder {
  const folder = findFolder(mailbox, key);
  return folder === 'root' ? notFound() : folder;
}
