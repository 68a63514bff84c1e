import type { HttpAnswer } from '../../../http/http-server.ts';
import { GraphFault } from '../../graph-error.ts';
import { findMessageFolder } from '../folders/find-folder.ts';
import { type MailRequest, mailboxOf } from '../mail-request.ts';
import { messageProperties } from '../message-properties.ts';
import { shownItem } from '../messages/get-message.ts';
import { findItem, type Item, notFound } from '../messages/item-ids.ts';
import { contentTypeOf, decodeMime, parseWith, readBytes, readJson } from '../request-body.ts';
import { submitMessage } from '../submit-message.ts';
import { StoredDraft } from './draft.ts';
import { draftFromProperties } from './new-draft.ts';
import { postedAs } from './posted-facts.ts';

/**
 * `POST …/messages` and `…/mailFolders/{id}/messages`: a draft from properties, or from MIME. Learn, "Create message".
 * @throws GraphFault
 */
export async function createMessage(request: MailRequest, key = 'drafts'): Promise<HttpAnswer> {
  const { http, services, mailbox } = request;
  const folder = findMessageFolder(mailboxOf(request), key);
  if (contentTypeOf(http) === 'text/plain') {
    const draft = StoredDraft.fromMime(decodeMime(await readBytes(http, services.maxRequestBytes)));
    return shownItem(request, services.drafts.save(folder, draft), 201);
  }
  const given = parseWith(messageProperties, await readJson(http, services.maxRequestBytes));
  const { sentAt, final } = postedAs(given);
  const draft = draftFromProperties(given, mailbox, services.tenant.domain, sentAt);
  const { drafts } = services;
  const item = final ? drafts.saveFinal(folder, draft, given, final) : drafts.save(folder, draft, given);
  return shownItem(request, item, 201);
}

/** `POST …/messages/{id}/send`. Learn, "message: send". @throws GraphFault */
export function sendDraft(request: MailRequest, id: string): HttpAnswer {
  const { services } = request;
  const { item, draft } = draftOf(request, id);
  const { immutableId } = item.message;
  submitMessage(request, draft.compose(), {
    saveToSentItems: true,
    facts: { immutableId, properties: draft.properties },
  });
  services.uploads.forget(draft);
  services.drafts.remove(item);
  return { status: 202 };
}

interface FoundDraft {
  readonly item: Item;
  readonly draft: StoredDraft;
}

/** A draft, or what a message that is not a draft was posted as. @throws GraphFault as {@link draftOf} */
export function editableOf(request: MailRequest, id: string): FoundDraft {
  const item = findItem(mailboxOf(request), id);
  const draft = request.services.drafts.editable(item);
  return draft === undefined ? draftOf(request, id) : { item, draft };
}

/** @throws GraphFault 404, or 400 for a message that is not a draft */
function draftOf(request: MailRequest, id: string): FoundDraft {
  const item = findItem(mailboxOf(request), id);
  const draft = request.services.drafts.of(item);
  if (draft !== undefined) return { item, draft };
  if (item.folder.name === 'Sent Items' || item.folder.name === 'INBOX') {
    const text = 'The operation can only be performed on a draft message.';
    throw new GraphFault(400, 'ErrorInvalidOperation', text);
  }
  return notFound();
}
