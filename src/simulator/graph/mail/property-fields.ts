import type { GraphRecipient, MessageProperties } from './message-properties.ts';
import { fieldsFrom } from './messages/extended-properties.ts';
import type { FieldValue } from './mime-parts.ts';

type Fields = readonly (readonly [name: string, value: FieldValue])[];

/** The header fields that each message property makes. */
const writers: {
  readonly [name in keyof MessageProperties]?: {
    names: readonly string[];
    write(given: MessageProperties, author: GraphRecipient | undefined): Fields;
  };
} = {
  from: { names: ['from'], write: ({ from }) => people('From', from ? [from] : []) },
  sender: { names: ['sender'], write: ({ sender }) => people('Sender', sender ? [sender] : []) },
  toRecipients: { names: ['to'], write: ({ toRecipients }) => people('To', toRecipients) },
  ccRecipients: { names: ['cc'], write: ({ ccRecipients }) => people('Cc', ccRecipients) },
  bccRecipients: { names: ['bcc'], write: ({ bccRecipients }) => people('Bcc', bccRecipients) },
  replyTo: { names: ['reply-to'], write: ({ replyTo }) => people('Reply-To', replyTo) },
  subject: { names: ['subject'], write: ({ subject }) => [['Subject', subject ?? '']] },
  internetMessageId: { names: ['message-id'], write: ({ internetMessageId: id }) => (id ? [['Message-ID', id]] : []) },
  importance: {
    names: ['importance', 'x-priority'],
    write: ({ importance }) =>
      importance === 'high' || importance === 'low'
        ? [
            ['Importance', importance],
            ['X-Priority', importance === 'high' ? '1' : '5'],
          ]
        : [],
  },
  isReadReceiptRequested: {
    names: ['disposition-notification-to'],
    write: ({ isReadReceiptRequested, from }, author) =>
      receiptTo('Disposition-Notification-To', isReadReceiptRequested, from ?? author),
  },
  isDeliveryReceiptRequested: {
    names: ['return-receipt-to'],
    write: ({ isDeliveryReceiptRequested, from }, author) =>
      receiptTo('Return-Receipt-To', isDeliveryReceiptRequested, from ?? author),
  },
  internetMessageHeaders: {
    names: [],
    write: ({ internetMessageHeaders = [] }) => internetMessageHeaders.map(({ name, value }) => [name, value]),
  },
  singleValueExtendedProperties: {
    names: [],
    write: ({ singleValueExtendedProperties = [] }) => fieldsFrom(singleValueExtendedProperties),
  },
};

/**
 * The header fields that the properties given make, and the names of those they replace, in lower case.
 * @param author the sender if the properties name none: receipts go there
 */
export function propertyFields(
  given: MessageProperties,
  author?: GraphRecipient,
): {
  readonly fields: Fields;
  readonly replaced: readonly string[];
} {
  const used = Object.entries(writers).flatMap(([name, writer]) => (name in given ? [writer] : []));
  return { fields: used.flatMap(({ write }) => write(given, author)), replaced: used.flatMap(({ names }) => names) };
}

function people(name: string, list: readonly GraphRecipient[] = []): Fields {
  if (list.length === 0) return [];
  return [[name, list.map(({ emailAddress }) => ({ name: emailAddress.name ?? '', address: emailAddress.address }))]];
}

/** As text: the writer of fields does not treat these two as address lists, and would leave them empty. */
function receiptTo(name: string, wanted: boolean | null | undefined, to: GraphRecipient | undefined): Fields {
  return wanted && to ? [[name, to.emailAddress.address]] : [];
}
