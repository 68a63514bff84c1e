import type { IncomingHttpRequest } from '../../../http/http-server.ts';
import { delimiter, type Mailbox } from '../../../mailboxes/mailbox.ts';
import type { MailboxFolder } from '../../../mailboxes/mailbox-folder.ts';
import type { FolderOrRoot } from './find-folder.ts';

/** Stands for a slash in a folder name: a level of the path cannot contain the separator. */
const slashInNames = '\u2215';

/** A Graph folder name as spelled in the IMAP path. */
export function levelOf(displayName: string): string {
  return displayName.replaceAll(delimiter, slashInNames);
}

/** Graph's name of a folder. */
export function displayNameOf({ name }: MailboxFolder): string {
  return name === 'INBOX' ? 'Inbox' : name.slice(name.lastIndexOf(delimiter) + 1).replaceAll(slashInNames, delimiter);
}

/** The folders directly below another. */
export function childrenOf(mailbox: Mailbox, parent: FolderOrRoot): readonly MailboxFolder[] {
  const above = parent === 'root' ? undefined : parent;
  return mailbox.folders().filter((folder) => mailbox.parentOf(folder) === above);
}

/** The view of folders that a request asks for. Learn, "mailFolder resource type". */
export function folderViewOf(mailbox: Mailbox, http: IncomingHttpRequest): (folder: FolderOrRoot) => object {
  const select = http.url.searchParams.get('$select')?.split(',');
  return folderView(
    mailbox,
    select?.map((name) => name.trim().toLowerCase()),
  );
}

/** @param select in lower case; undefined for everything */
export function folderView(mailbox: Mailbox, select: readonly string[] | undefined): (folder: FolderOrRoot) => object {
  const counts = new Map<FolderOrRoot, number>();
  for (const folder of mailbox.folders()) {
    const parent = mailbox.parentOf(folder) ?? 'root';
    counts.set(parent, (counts.get(parent) ?? 0) + 1);
  }
  return (folder) => {
    const shown: Record<string, unknown> = { id: folder === 'root' ? mailbox.rootId : folder.id };
    for (const [name, read] of Object.entries(readers)) {
      if (select?.includes(name.toLowerCase()) ?? true) shown[name] = read(folder, mailbox, counts.get(folder) ?? 0);
    }
    return shown;
  };
}

type Reader = (folder: FolderOrRoot, mailbox: Mailbox, children: number) => unknown;

const readers: Readonly<Record<string, Reader>> = {
  displayName: (folder) => (folder === 'root' ? 'Top of Information Store' : displayNameOf(folder)),
  parentFolderId: (folder, mailbox) => (folder === 'root' ? undefined : mailbox.parentOf(folder)?.id) ?? mailbox.rootId,
  childFolderCount: (_folder, _mailbox, children) => children,
  unreadItemCount: (folder) => (folder === 'root' ? 0 : folder.status().unseen),
  totalItemCount: (folder) => (folder === 'root' ? 0 : folder.status().messages),
  sizeInBytes: (folder) => (folder === 'root' ? 0 : folder.messages().reduce((sum, { kept }) => sum + kept.size, 0)),
  isHidden: () => false,
};
