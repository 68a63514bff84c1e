import type { HttpAnswer } from '../../http/http-server.ts';
import { GraphFault } from '../graph-error.ts';
import { describeAttachment } from './attachment.ts';
import type { StoredDraft } from './drafts/draft.ts';
import { attachmentFrom } from './drafts/new-draft.ts';
import { editableOf } from './drafts/operations.ts';
import { type MailRequest, maxMessageBytes } from './mail-request.ts';
import { attachment } from './message-properties.ts';
import { notFound } from './messages/item-ids.ts';
import { parseWith, readJson } from './request-body.ts';

/** Attachments of this size or more go through an upload session, smaller ones never. */
export const sessionFromBytes = 3 * 1024 * 1024;

/** Room for the JSON around the content: 3 MB become exactly 4 MB in base64, which is the limit of a request. */
const roomForNames = 64 * 1024;

/** `POST …/messages/{id}/attachments`. Learn, "Add attachment". @throws GraphFault */
export async function addAttachment(request: MailRequest, id: string): Promise<HttpAnswer> {
  const { http, services, mailbox } = request;
  const { draft, item } = editableOf(request, id);
  const body = await readJson(http, services.maxRequestBytes + roomForNames);
  const added = attachmentFrom(parseWith(attachment, body), mailbox, services.tenant.domain);
  if (added.size > sessionFromBytes) {
    throw new GraphFault(413, 'RequestEntityTooLarge', 'The request size exceeds the maximum limit.');
  }
  assertRoom(request, draft, added.size);
  draft.attach(added);
  services.drafts.changed(item);
  return { status: 201, body: describeAttachment(added) };
}

/** `GET …/messages/{id}/attachments`, without their content. Learn, "List attachments". @throws GraphFault */
export function listAttachments(request: MailRequest, id: string): HttpAnswer {
  return { status: 200, body: { value: editableOf(request, id).draft.attachments.map(describeAttachment) } };
}

/** `GET …/messages/{id}/attachments/{id}`. Learn, "Get attachment". @throws GraphFault */
export function getAttachment(request: MailRequest, id: string, attachmentId: string): HttpAnswer {
  const found = editableOf(request, id).draft.attachments.find((each) => each.id === attachmentId);
  if (found === undefined) return notFound();
  const content = found.kind === 'file' ? { contentBytes: Buffer.concat(found.chunks).toString('base64') } : {};
  return { status: 200, body: { ...describeAttachment(found), ...content } };
}

/** `DELETE …/messages/{id}/attachments/{id}`. Learn, "Delete attachment". @throws GraphFault */
export function deleteAttachment(request: MailRequest, id: string, attachmentId: string): HttpAnswer {
  const { draft, item } = editableOf(request, id);
  if (!draft.detach(attachmentId)) return notFound();
  request.services.drafts.changed(item);
  return { status: 204 };
}

/** @throws GraphFault 413 if the message would become too large */
export function assertRoom({ services, mailbox }: MailRequest, draft: StoredDraft, bytes: number): void {
  if (draft.size + bytes <= maxMessageBytes) return;
  services.limits.violated('messageSize', mailbox);
  throw new GraphFault(413, 'ErrorMessageSizeExceeded', 'The message exceeds the maximum supported size.');
}
