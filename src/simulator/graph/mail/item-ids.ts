import type { IncomingHttpRequest } from '../../http/http-server.ts';
import type { MailboxDirectory, StoredMessage } from '../../mailboxes/mailbox-directory.ts';
import { GraphFault } from '../graph-error.ts';

/** Well-known folder names and the folders they mean. Learn, "mailFolder resource type". */
const wellKnownFolders: Readonly<Record<string, string>> = {
  inbox: 'INBOX',
  sentitems: 'Sent Items',
  drafts: 'Drafts',
  deleteditems: 'Deleted Items',
  junkemail: 'Junk Email',
};

export const allFolders = Object.values(wellKnownFolders);

/** A message and where it is. */
export interface Item {
  readonly folder: string;
  readonly message: StoredMessage;
}

/** @throws GraphFault 404 */
export function folderNamed(name: string): string {
  return wellKnownFolders[name.toLowerCase()] ?? notFound();
}

/** Whether a request wants ids that stay. Learn, "Obtain immutable identifiers for Outlook resources". */
export function wantsImmutableIds(request: IncomingHttpRequest): boolean {
  return /\bIdType\s*=\s*"?ImmutableId"?/i.test(String(request.headers.prefer ?? ''));
}

/** A message's id: the one that changes when it moves, or the one that stays. */
export function idOf({ folder, message }: Item, immutable: boolean): string {
  const { immutableId } = message;
  const text = immutable && immutableId !== undefined ? `immutable\n${immutableId}` : `${folder}\n${message.uid}`;
  return Buffer.from(text).toString('base64url');
}

/** @throws GraphFault 404 */
export function findItem(directory: MailboxDirectory, mailbox: string, id: string): Item {
  const [place = '', name = ''] = Buffer.from(id, 'base64url').toString().split('\n');
  if (place === 'immutable') return findImmutable(directory, mailbox, name);
  const message = allFolders.includes(place) ? directory.message(mailbox, place, Number(name)) : undefined;
  return message === undefined ? notFound() : { folder: place, message };
}

function findImmutable(directory: MailboxDirectory, mailbox: string, immutableId: string): Item {
  for (const folder of allFolders) {
    const message = directory.messages(mailbox, folder).find((each) => each.immutableId === immutableId);
    if (message !== undefined) return { folder, message };
  }
  return notFound();
}

/** @throws GraphFault 404, always */
export function notFound(): never {
  throw new GraphFault(404, 'ErrorItemNotFound', 'The specified object was not found in the store.');
}
