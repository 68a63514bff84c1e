import { type Attachment, newAttachment } from '../attachment.ts';
import {
  checkProperties,
  type MessageProperties,
  messageProperties,
  type PostedAttachment,
} from '../message-properties.ts';
import { parseWith } from '../request-body.ts';
import { StoredDraft } from './draft.ts';

/** Makes a draft from a client's description of a message. @throws GraphError for what Graph would refuse */
export function draftFromProperties(
  given: MessageProperties,
  mailbox: string,
  domain: string,
  sentAt?: Date,
): StoredDraft {
  checkProperties(given);
  const { attachments = [], ...properties } = given;
  const draft = StoredDraft.fromProperties(properties, mailbox, domain, sentAt);
  for (const posted of attachments) draft.attach(attachmentFrom(posted, mailbox, domain));
  return draft;
}

/** @throws GraphError for an attached message that Graph would refuse */
export function attachmentFrom(posted: PostedAttachment, mailbox: string, domain: string): Attachment {
  if (posted['@odata.type'] === '#microsoft.graph.fileAttachment') {
    return newAttachment('file', posted, [Buffer.from(posted.contentBytes, 'base64')]);
  }
  const item = draftFromProperties(parseWith(messageProperties, posted.item), mailbox, domain);
  return newAttachment('item', posted, [item.compose()]);
}
