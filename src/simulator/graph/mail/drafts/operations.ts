import type { HttpAnswer } from '../../../http/http-server.ts';
import { GraphFault } from '../../graph-error.ts';
import { describe } from '../describe-message.ts';
import { findItem, type Item, notFound } from '../item-ids.ts';
import type { MailRequest } from '../mail-request.ts';
import { changedProperties, checkProperties, messageProperties } from '../message-properties.ts';
import { viewOf } from '../read-messages.ts';
import { contentTypeOf, decodeMime, parseWith, readBytes, readJson } from '../request-body.ts';
import { updateStored } from '../stored-message.ts';
import { submitMessage } from '../submit-message.ts';
import { StoredDraft } from './draft.ts';
import { draftFromProperties } from './new-draft.ts';

/** `POST …/messages`: a draft from properties, or from MIME. Learn, "Create message". @throws GraphFault */
export async function createMessage(request: MailRequest): Promise<HttpAnswer> {
  const { http, services, mailbox } = request;
  const draft =
    contentTypeOf(http) === 'text/plain'
      ? StoredDraft.fromMime(decodeMime(await readBytes(http, services.maxRequestBytes)))
      : draftFromProperties(
          parseWith(messageProperties, await readJson(http, services.maxRequestBytes)),
          mailbox,
          services.tenant.domain,
        );
  const item = services.drafts.save(mailbox, draft);
  return { status: 201, body: viewOf(http)(describe(item, draft)) };
}

/** `PATCH …/messages/{id}`. Learn, "Update message". @throws GraphFault */
export async function updateMessage(request: MailRequest, id: string): Promise<HttpAnswer> {
  const { http, services, mailbox } = request;
  const item = findItem(services.directory, mailbox, id);
  const draft = services.drafts.of(mailbox, item);
  const patch = parseWith(changedProperties, await readJson(http, services.maxRequestBytes));
  checkProperties(patch);
  if (draft === undefined) {
    const changed = updateStored(request, item, patch);
    return { status: 200, body: viewOf(http)(describe(changed, undefined)) };
  }
  draft.change(patch);
  return { status: 200, body: viewOf(http)(describe(item, draft)) };
}

/** `DELETE …/messages/{id}`. Learn, "Delete message". @throws GraphFault */
export function deleteMessage({ services, mailbox }: MailRequest, id: string): HttpAnswer {
  const item = findItem(services.directory, mailbox, id);
  const draft = services.drafts.of(mailbox, item);
  if (draft === undefined) {
    services.directory.remove(mailbox, item.folder, item.message.uid);
  } else {
    services.uploads.forget(draft);
    services.drafts.remove(mailbox, item);
  }
  return { status: 204 };
}

/** `POST …/messages/{id}/send`. Learn, "message: send". @throws GraphFault */
export function sendDraft(request: MailRequest, id: string): HttpAnswer {
  const { services, mailbox } = request;
  const { item, draft } = draftOf(request, id);
  const { immutableId, properties } = draft;
  submitMessage(request, draft.compose(), { saveToSentItems: true, facts: { immutableId, properties } });
  services.uploads.forget(draft);
  services.drafts.remove(mailbox, item);
  return { status: 202 };
}

/** @throws GraphFault 404, or 400 for a message that is no draft */
export function draftOf(
  { services, mailbox }: MailRequest,
  id: string,
): { readonly item: Item; readonly draft: StoredDraft } {
  const item = findItem(services.directory, mailbox, id);
  const draft = services.drafts.of(mailbox, item);
  if (draft !== undefined) return { item, draft };
  if (item.folder === 'Sent Items' || item.folder === 'INBOX') {
    const text = 'The operation can only be performed on a draft message.';
    throw new GraphFault(400, 'ErrorInvalidOperation', text);
  }
  return notFound();
}
