import { z } from 'zod';
import type { HttpAnswer } from '../../../http/http-server.ts';
import type { MailboxFolder } from '../../../mailboxes/mailbox-folder.ts';
import { findMessageFolder } from '../folders/find-folder.ts';
import { type MailRequest, mailboxOf } from '../mail-request.ts';
import { parseWith, readJson, withParameterNames } from '../request-body.ts';
import { shownItem } from './get-message.ts';
import { findItem, type Item, requireVersion } from './item-ids.ts';

const destination = z.strictObject({ destinationId: z.string() });

/** The id in the body of `move` and `copy`. @throws GraphFault */
export async function destinationOf({ http, services }: MailRequest): Promise<string> {
  const body = withParameterNames(await readJson(http, services.maxRequestBytes), ['destinationId']);
  return parseWith(destination, body).destinationId;
}

/** `POST …/messages/{id}/move`. Learn, "message: move". @throws GraphFault */
export async function moveMessage(request: MailRequest, id: string): Promise<HttpAnswer> {
  const key = await destinationOf(request);
  const mailbox = mailboxOf(request);
  const item = findItem(mailbox, id);
  return shownItem(request, moved(request, item, findMessageFolder(mailbox, key)), 201);
}

/** `POST …/messages/{id}/copy`. Learn, "message: copy". @throws GraphFault */
export async function copyMessage(request: MailRequest, id: string): Promise<HttpAnswer> {
  const key = await destinationOf(request);
  const mailbox = mailboxOf(request);
  const item = findItem(mailbox, id);
  const folder = findMessageFolder(mailbox, key);
  return shownItem(request, request.services.drafts.copied(item, folder), 201);
}

/**
 * `DELETE …/messages/{id}`: moves it to Deleted Items; from there and below, to the recoverable items; from those,
 * deletes it permanently. A draft goes to the recoverable items directly. Learn, "Delete message", does not say where
 * it goes. @throws GraphFault
 */
export function deleteMessage(request: MailRequest, id: string): HttpAnswer {
  const mailbox = mailboxOf(request);
  const item = findItem(mailbox, id);
  requireVersion(request.http, item.message);
  const deletedItems = mailbox.wellKnown('deleteditems');
  if (item.folder === mailbox.recoverableItems) return permanentlyDelete(request, id);
  const draft = request.services.drafts.of(item);
  request.services.uploads.forget(draft);
  const isDeleted = deletedItems === undefined || mailbox.withBelow(deletedItems).includes(item.folder);
  moved(request, item, draft || isDeleted ? mailbox.recoverableItems : deletedItems);
  return { status: 204 };
}

/** `POST …/messages/{id}/permanentDelete`. Learn, "message: permanentDelete". @throws GraphFault */
export function permanentlyDelete(request: MailRequest, id: string): HttpAnswer {
  const { drafts, uploads } = request.services;
  const item = findItem(mailboxOf(request), id);
  uploads.forget(drafts.of(item));
  drafts.remove(item);
  return { status: 204 };
}

/** A message that is not a draft does not become one in Drafts. */
function moved({ services }: MailRequest, item: Item, target: MailboxFolder): Item {
  const { folder, message } = item;
  const isFinal = services.drafts.of(item) === undefined;
  const taken = target.take({ ...message, content: Buffer.alloc(0), isFinal }, 'same');
  folder.remove([message.uid]);
  return { folder: target, message: taken };
}
