import type { HttpAnswer } from '../../../http/http-server.ts';
import { type MailRequest, mailboxOf } from '../mail-request.ts';
import { Described } from './describe-message.ts';
import { findItem, type Item } from './item-ids.ts';
import { viewOf } from './message-view.ts';

/** `GET …/messages/{id}`. Learn, "Get message". @throws GraphFault */
export function getMessage(request: MailRequest, id: string): HttpAnswer {
  return shownItem(request, findItem(mailboxOf(request), id), 200);
}

/** `GET …/messages/{id}/$value`: the message as MIME. @throws GraphFault */
export function getMimeContent(request: MailRequest, id: string): HttpAnswer {
  const item = findItem(mailboxOf(request), id);
  const content = request.services.drafts.of(item)?.compose() ?? item.message.content;
  return { status: 200, headers: { 'Content-Type': 'text/plain' }, body: content };
}

/** A message in the view that the request asks for. */
export function shownItem({ services, http }: MailRequest, item: Item, status: number): HttpAnswer {
  return { status, body: viewOf(http)(new Described(item, services.drafts.of(item))) };
}
