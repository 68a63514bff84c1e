import { createHash } from 'node:crypto';
import { parseAddressList } from '../../../../message/address/list.ts';
import { decodedWords } from '../../../../message/mime/encodings.ts';
import { headerFields, type StampedField } from '../../../delivery/message-headers.ts';
import type { MailboxFolder } from '../../../mailboxes/mailbox-folder.ts';
import type { StoredMessage } from '../../../mailboxes/stored-message.ts';
import type { StoredDraft } from '../drafts/draft.ts';
import { bodyOf, previewOf } from './body-text.ts';
import { changeKeyOf, type Item, idOf } from './item-ids.ts';
import { categoriesOf, flagStatusOf } from './message-flags.ts';

/** A message with what can be known without reading its body. Everything is read lazily. */
export class Described implements Item {
  readonly folder: MailboxFolder;
  readonly message: StoredMessage;
  readonly draft: StoredDraft | undefined;
  #header: Buffer | undefined;
  #fields: readonly StampedField[] | undefined;

  constructor({ folder, message }: Item, draft: StoredDraft | undefined) {
    this.folder = folder;
    this.message = message;
    this.draft = draft;
  }

  /** The offsets of {@link fields} refer to it. */
  get header(): Buffer {
    this.#header ??= this.draft?.header() ?? this.message.kept.header;
    return this.#header;
  }

  get fields(): readonly StampedField[] {
    this.#fields ??= headerFields(this.header);
    return this.#fields;
  }

  /** The whole message. */
  get content(): Buffer {
    return this.draft?.compose() ?? this.message.content;
  }

  get isDraft(): boolean {
    return this.draft !== undefined;
  }

  get hasAttachments(): boolean {
    return this.draft ? this.draft.attachments.length > 0 : /^multipart\/mixed\b/i.test(this.field('content-type'));
  }

  /** The first field with that name, unfolded and still encoded; empty without one. */
  field(name: string): string {
    return this.fields.find((field) => field.name === name)?.value ?? '';
  }

  get internetMessageId(): string {
    return this.draft ? this.field('message-id') : this.message.kept.messageId;
  }

  get sentAt(): Date {
    const sent = new Date(this.field('date'));
    return Number.isNaN(sent.getTime()) ? this.message.internalDate : sent;
  }
}

/** Properties shown by default, and how to get them. Learn, "message resource type". */
const readers: Readonly<Record<string, (described: Described) => unknown>> = {
  createdDateTime: ({ message }) => edmDate(message.createdAt),
  lastModifiedDateTime: ({ message }) => edmDate(message.modifiedAt),
  changeKey: ({ message }) => changeKeyOf(message),
  categories: ({ message }) => categoriesOf(message),
  receivedDateTime: ({ message }) => edmDate(message.internalDate),
  sentDateTime: ({ sentAt }) => edmDate(sentAt),
  hasAttachments: ({ hasAttachments }) => hasAttachments,
  internetMessageId: ({ internetMessageId }) => internetMessageId,
  subject: (described) => decodedWords(described.field('subject')),
  isReadReceiptRequested: (described) => described.field('disposition-notification-to') !== '',
  isDeliveryReceiptRequested: (described) => described.field('return-receipt-to') !== '',
  importance: (described) => /^(?:high|low)$/.exec(described.field('importance').toLowerCase())?.[0] ?? 'normal',
  parentFolderId: ({ folder }) => folder.id,
  conversationId: conversationOf,
  isRead: ({ message }) => message.flags.includes('\\Seen'),
  isDraft: ({ isDraft }) => isDraft,
  flag: ({ message }) => ({ flagStatus: flagStatusOf(message) }),
  from: ({ fields }) => people(fields, 'from')[0],
  sender: ({ fields }) => people(fields, 'sender')[0] ?? people(fields, 'from')[0],
  toRecipients: ({ fields }) => people(fields, 'to'),
  ccRecipients: ({ fields }) => people(fields, 'cc'),
  bccRecipients: ({ fields }) => people(fields, 'bcc'),
  replyTo: ({ fields }) => people(fields, 'reply-to'),
  body: ({ draft }) => draft?.body,
};

/** Properties shown only if selected: they require reading the whole message. */
const ofContent: Readonly<Record<string, (described: Described) => unknown>> = {
  body: (described) => described.draft?.body ?? bodyOf(described.content),
  bodyPreview: (described) => previewOf(bodyOf(described.content)),
};

/** The properties that Graph shows of a message: the selected ones, or all. The id is always included. */
export function propertiesOf(
  described: Described,
  immutableIds: boolean,
  select: ReadonlySet<string> | undefined,
): Record<string, unknown> {
  const { folder, message } = described;
  const shown: Record<string, unknown> = {
    '@odata.etag': `W/"${changeKeyOf(message)}"`,
    id: idOf(folder, message.uid, message.immutableId, immutableIds),
  };
  for (const [name, read] of Object.entries(readers)) {
    if (select?.has(name.toLowerCase()) === false) continue;
    const value = read(described);
    if (value !== undefined) shown[name] = value;
  }
  for (const [name, read] of Object.entries(ofContent)) {
    if (select?.has(name.toLowerCase())) shown[name] = read(described);
  }
  return shown;
}

/** A date in whole seconds, as Graph returns it. */
export function edmDate(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** The header fields as `internetMessageHeaders`, names in their original spelling. */
export function internetMessageHeaders({ header, fields }: Described) {
  return fields.map(({ start, end, value }) => {
    const [name = ''] = header.toString('latin1', start, end).split(':', 1);
    return { name: name.trim(), value };
  });
}

/** The same for a message and its replies. */
function conversationOf(described: Described): string {
  const first = /<[^>]*>/.exec(described.field('references') || described.field('in-reply-to'))?.[0];
  return createHash('sha256')
    .update(first ?? described.internetMessageId)
    .digest('base64url');
}

function people(fields: readonly StampedField[], name: string) {
  return fields
    .filter((field) => field.name === name && field.value !== '')
    .flatMap((field) => parseAddressList(field.value).addresses)
    .map(({ address, name }) => ({ emailAddress: { name: decodedWords(name ?? address), address } }));
}
