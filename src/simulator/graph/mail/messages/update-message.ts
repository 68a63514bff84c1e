import type { HttpAnswer } from '../../../http/http-server.ts';
import { KeptOctets } from '../../../mailboxes/stored-message.ts';
import { requireMailbox, requireMailPermission } from '../../authorization.ts';
import { GraphFault } from '../../graph-error.ts';
import { StoredDraft } from '../drafts/draft.ts';
import { type MailRequest, mailboxOf } from '../mail-request.ts';
import { changedProperties, checkProperties, type MessageProperties } from '../message-properties.ts';
import { parseWith, readJson } from '../request-body.ts';
import { shownItem } from './get-message.ts';
import { findItem, type Item, requireVersion } from './item-ids.ts';
import { changeOf } from './message-flags.ts';

/**
 * Properties of a message other than a draft that only holders of Mail-Advanced.ReadWrite may change (from 31 December
 * 2026; Microsoft 365 developer blog, "Graph API updates to sensitive email properties").
 */
const protectedProperties: readonly (keyof MessageProperties)[] = [
  'subject',
  'body',
  'from',
  'sender',
  'toRecipients',
  'ccRecipients',
  'bccRecipients',
  'replyTo',
  'internetMessageId',
  'isReadReceiptRequested',
  'isDeliveryReceiptRequested',
];

const advanced = ['Mail-Advanced.ReadWrite', 'Mail-Advanced.ReadWrite.All', 'Mail-Advanced.ReadWrite.Shared'];

/** `PATCH …/messages/{id}`. Learn, "Update message". @throws GraphFault */
export async function updateMessage(request: MailRequest, id: string): Promise<HttpAnswer> {
  const { http, services } = request;
  const mailbox = mailboxOf(request);
  findItem(mailbox, id);
  const patch = parseWith(changedProperties, await readJson(http, services.maxRequestBytes));
  checkProperties(patch);
  // Looked up again: it may have changed while the body arrived.
  const item = findItem(mailbox, id);
  requireVersion(http, item.message);
  const draft = services.drafts.of(item);
  if (draft === undefined) return shownItem(request, updateStored(request, item, patch), 200);
  return shownItem(request, updateDraft(item, draft, patch), 200);
}

function updateDraft({ folder, message }: Item, draft: StoredDraft, patch: MessageProperties): Item {
  const { isRead, flag, categories, ...content } = patch;
  if (Object.keys(content).length > 0) draft.change(content);
  const { properties: _, ...change } = changeOf(message, patch);
  const kept = new KeptOctets(() => draft.compose());
  return { folder, message: folder.update(message.uid, { ...change, kept }) ?? message };
}

/**
 * Changes a message that is not a draft. If its content changes, it is another message to IMAP, with a new UID.
 * @throws GraphFault 403, or 400 for properties that are not kept for such messages here
 */
function updateStored({ claims, services, mailbox }: MailRequest, item: Item, patch: MessageProperties): Item {
  const { folder, message } = item;
  const { isRead, flag, categories, singleValueExtendedProperties, ...content } = patch;
  const named = Object.entries(content).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  const isProtected = (name: string) => protectedProperties.includes(name as keyof MessageProperties);
  if (named.some(isProtected)) {
    requireMailPermission(services.tenant, claims, advanced);
    requireMailbox(services.tenant, claims, advanced, mailbox);
  }
  const odd = named.filter((name) => !isProtected(name));
  if (odd.length > 0) {
    throw new GraphFault(400, 'ErrorInvalidRequest', `The simulator does not change ${odd.join(', ')} of messages.`);
  }
  const changed = folder.update(message.uid, changeOf(message, patch)) ?? message;
  if (named.length === 0) return { folder, message: changed };
  const rewritten = StoredDraft.fromMime(message.content);
  rewritten.change(content);
  services.drafts.forgetPosted(item);
  const taken = folder.take(
    { ...changed, content: Buffer.alloc(0), kept: new KeptOctets(rewritten.compose()) },
    'same',
  );
  folder.remove([message.uid]);
  return { folder, message: taken };
}
