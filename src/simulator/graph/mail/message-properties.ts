import { z } from 'zod';
import { isAddress } from '../../delivery/message-headers.ts';
import { GraphFault } from '../graph-error.ts';
import { unresolved } from './recipients.ts';

const recipient = z.object({ emailAddress: z.object({ name: z.string().nullish(), address: z.string() }) });
const recipients = z.array(recipient).optional();

const base64 = z
  .string()
  .refine((text) => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text), 'not a value of Edm.Binary');

const attachmentFields = {
  name: z.string(),
  contentType: z.string().nullish(),
  contentId: z.string().nullish(),
  isInline: z.boolean().nullish(),
};

const fileAttachment = z.strictObject({
  '@odata.type': z.literal('#microsoft.graph.fileAttachment'),
  ...attachmentFields,
  contentBytes: base64.default(''),
  contentLocation: z.string().nullish(),
  size: z.int().nullish(),
});

const itemAttachment = z.strictObject({
  '@odata.type': z.literal('#microsoft.graph.itemAttachment'),
  ...attachmentFields,
  item: z.looseObject({ '@odata.type': z.literal('#microsoft.graph.message') }),
});

/** A posted attachment. Learn, "fileAttachment resource type", "itemAttachment resource type". */
export const attachment = z.discriminatedUnion('@odata.type', [fileAttachment, itemAttachment]);

/** The message properties that a client can set. Learn, "message resource type". */
export const messageProperties = z.strictObject({
  '@odata.type': z.literal('#microsoft.graph.message').optional(),
  subject: z.string().nullish(),
  body: z.object({ contentType: z.string().default('text'), content: z.string().default('') }).optional(),
  from: recipient.nullish(),
  sender: recipient.nullish(),
  toRecipients: recipients,
  ccRecipients: recipients,
  bccRecipients: recipients,
  replyTo: recipients,
  attachments: z.array(attachment).optional(),
  internetMessageHeaders: z.array(z.object({ name: z.string(), value: z.string() })).optional(),
  internetMessageId: z.string().nullish(),
  importance: z.enum(['low', 'normal', 'high']).optional(),
  categories: z.array(z.string()).optional(),
  isRead: z.boolean().nullish(),
  flag: z.object({ flagStatus: z.enum(['notFlagged', 'flagged', 'complete']).optional() }).optional(),
  isReadReceiptRequested: z.boolean().nullish(),
  isDeliveryReceiptRequested: z.boolean().nullish(),
  singleValueExtendedProperties: z.array(z.object({ id: z.string(), value: z.string() })).optional(),
});

/** The draft properties that a client can change; those left out stay. Learn, "Update message". */
export const changedProperties = messageProperties.omit({ attachments: true, internetMessageHeaders: true });

export type MessageProperties = z.infer<typeof messageProperties>;
export type GraphRecipient = z.infer<typeof recipient>;
export type PostedAttachment = z.infer<typeof attachment>;

/** Most custom header fields in one message. */
const maxCustomHeaders = 5;

/** Checks what the schema cannot. @throws GraphFault */
export function checkProperties(given: MessageProperties): void {
  const { toRecipients = [], ccRecipients = [], bccRecipients = [], internetMessageHeaders = [] } = given;
  for (const { emailAddress } of [...toRecipients, ...ccRecipients, ...bccRecipients]) {
    if (!isAddress(emailAddress.address)) throw unresolved(emailAddress.address);
  }
  for (const { name } of internetMessageHeaders) {
    if (/^x-[!-9;-~]+$/i.test(name)) continue;
    const text = `The internet message header name '${name}' should start with 'x-' or 'X-'.`;
    throw new GraphFault(400, 'InvalidInternetMessageHeader', text);
  }
  if (internetMessageHeaders.length > maxCustomHeaders) {
    const text = 'Maximum number of headers in one message should be less than or equal to 5.';
    throw new GraphFault(400, 'InvalidInternetMessageHeaderCollection', text);
  }
}
