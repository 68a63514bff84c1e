import { parseAddressList } from '../../../message/address/list.ts';
import { decodedWords } from '../../../message/mime/encodings.ts';
import { headerFields, type StampedField } from '../../delivery/message-headers.ts';
import type { StoredMessage } from '../../mailboxes/mailbox-directory.ts';
import type { StoredDraft } from './drafts/draft.ts';
import { propertyValue } from './extended-properties.ts';
import { type Item, idOf } from './item-ids.ts';

/** A message with what is known of it without reading its body. */
export interface Described extends Item {
  readonly draft: StoredDraft | undefined;
  readonly fields: readonly StampedField[];
  /** Of which the offsets of the fields are. */
  readonly header: Buffer;
}

const headers = new WeakMap<StoredMessage, { header: Buffer; fields: readonly StampedField[] }>();

export function describe(item: Item, draft: StoredDraft | undefined): Described {
  return { ...item, draft, ...(draft === undefined ? storedHeader(item.message) : parsed(draft.header())) };
}

/** Sent and received messages do not change: their headers are read once. */
function storedHeader(message: StoredMessage) {
  const known = headers.get(message) ?? parsed(message.content);
  headers.set(message, known);
  return known;
}

function parsed(header: Buffer) {
  return { header, fields: headerFields(header) };
}

/** A message's extended property. */
export function extendedProperty({ draft, message, fields }: Described, id: string): string | undefined {
  return propertyValue(id, draft?.properties ?? message.properties ?? [], fields);
}

/** The properties that Graph shows of a message. */
export function propertiesOf(described: Described, immutableIds: boolean) {
  const { folder, message, draft, fields } = described;
  const value = (name: string) => fields.find((field) => field.name === name)?.value ?? '';
  const at = message.internalDate.toISOString();
  const importance = value('importance').toLowerCase();
  return {
    id: idOf(described, immutableIds),
    createdDateTime: at,
    lastModifiedDateTime: at,
    receivedDateTime: at,
    sentDateTime: at,
    hasAttachments: draft ? draft.attachments.length > 0 : /^multipart\/mixed\b/i.test(value('content-type')),
    internetMessageId: value('message-id'),
    subject: decodedWords(value('subject')),
    isReadReceiptRequested: value('disposition-notification-to') !== '',
    isDeliveryReceiptRequested: value('return-receipt-to') !== '',
    importance: importance === 'high' || importance === 'low' ? importance : 'normal',
    parentFolderId: Buffer.from(folder).toString('base64url'),
    isRead: message.flags.includes('\\Seen'),
    isDraft: folder === 'Drafts' || message.flags.includes('\\Draft'),
    from: people(fields, 'from')[0],
    sender: people(fields, 'sender')[0] ?? people(fields, 'from')[0],
    toRecipients: people(fields, 'to'),
    ccRecipients: people(fields, 'cc'),
    bccRecipients: people(fields, 'bcc'),
    replyTo: people(fields, 'reply-to'),
    ...(draft?.body ? { body: draft.body } : {}),
  };
}

/** The header fields as `internetMessageHeaders`, their names as they are spelled. */
export function internetMessageHeaders({ header, fields }: Described) {
  return fields.map(({ start, end, value }) => {
    const [name = ''] = header.toString('latin1', start, end).split(':', 1);
    return { name: name.trim(), value };
  });
}

function people(fields: readonly StampedField[], name: string) {
  return fields
    .filter((field) => field.name === name && field.value !== '')
    .flatMap((field) => parseAddressList(field.value).addresses)
    .map(({ address, name }) => ({ emailAddress: { name: decodedWords(name ?? address), address } }));
}
