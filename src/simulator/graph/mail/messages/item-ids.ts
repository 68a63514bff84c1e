import type { IncomingHttpRequest } from '../../../http/http-server.ts';
import type { Mailbox } from '../../../mailboxes/mailbox.ts';
import type { MailboxFolder } from '../../../mailboxes/mailbox-folder.ts';
import type { StoredMessage } from '../../../mailboxes/stored-message.ts';
import { GraphFault } from '../../graph-error.ts';

/** A message and its location. */
export interface Item {
  readonly folder: MailboxFolder;
  readonly message: StoredMessage;
}

/** Whether a request asks for immutable ids. Learn, "Obtain immutable identifiers for Outlook resources". */
export function wantsImmutableIds(request: IncomingHttpRequest): boolean {
  return /\bIdType\s*=\s*"?ImmutableId"?/i.test(String(request.headers.prefer ?? ''));
}

/** A message's id: the one that changes when it moves, or the immutable one. */
export function idOf(folder: MailboxFolder, uid: number, immutableId: string, immutable: boolean): string {
  return Buffer.from(immutable ? `immutable\n${immutableId}` : `${folder.id}\n${uid}`).toString('base64url');
}

/** @throws GraphFault 404 */
export function findItem(mailbox: Mailbox, id: string): Item {
  const [place = '', name = ''] = Buffer.from(id, 'base64url').toString().split('\n');
  const found =
    place === 'immutable' ? mailbox.placeOf(name) : { folder: mailbox.byId(place) ?? notFound(), uid: Number(name) };
  const message = found?.folder.get(found.uid);
  return found === undefined || message === undefined ? notFound() : { folder: found.folder, message };
}

/** The change key of a message's version. */
export function changeKeyOf({ changedIn }: StoredMessage): string {
  const version = Buffer.alloc(16);
  version.writeUInt8(9);
  version.writeUIntBE(changedIn, 10, 6);
  return version.toString('base64');
}

/**
 * Checks that the message is still the version that the request refers to.
 * @throws GraphFault 412
 */
export function requireVersion(request: IncomingHttpRequest, message: StoredMessage): void {
  const wanted = request.headers['if-match'];
  if (wanted === undefined || wanted === '*') return;
  if (wanted.replace(/^W\//, '').replace(/^"|"$/g, '') === changeKeyOf(message)) return;
  const text =
    'The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.';
  throw new GraphFault(412, 'ErrorIrresolvableConflict', text);
}

/** @throws GraphFault 404, always */
export function notFound(): never {
  throw new GraphFault(404, 'ErrorItemNotFound', 'The specified object was not found in the store.');
}
