import MailComposer from 'nodemailer/lib/mail-composer';
import { z } from 'zod';
import { isAddress } from '../delivery/message-headers.ts';
import { GraphError } from './graph-error.ts';
import { type GraphMessage, messageFromMime, unresolved } from './outgoing-message.ts';

const recipient = z.object({ emailAddress: z.object({ name: z.string().optional(), address: z.string() }) });

const attachment = z.object({
  '@odata.type': z.literal('#microsoft.graph.fileAttachment').optional(),
  name: z.string(),
  contentType: z.string().nullish(),
  contentBytes: z.string().default(''),
  contentId: z.string().nullish(),
  isInline: z.boolean().nullish(),
});

const message = z.strictObject({
  subject: z.string().nullish(),
  body: z.object({ contentType: z.string().default('text'), content: z.string().default('') }).optional(),
  from: recipient.optional(),
  sender: recipient.optional(),
  toRecipients: z.array(recipient).default([]),
  ccRecipients: z.array(recipient).default([]),
  bccRecipients: z.array(recipient).default([]),
  replyTo: z.array(recipient).default([]),
  attachments: z.array(attachment).default([]),
  internetMessageHeaders: z.array(z.object({ name: z.string(), value: z.string() })).default([]),
  internetMessageId: z.string().optional(),
  importance: z.enum(['low', 'normal', 'high']).optional(),
  categories: z.array(z.string()).optional(),
  isReadReceiptRequested: z.boolean().nullish(),
  isDeliveryReceiptRequested: z.boolean().nullish(),
});

// Parameter names of an action are matched without case: Microsoft's own examples write both.
const sendMailBody = z.strictObject({ message, saveToSentItems: z.union([z.boolean(), z.stringbool()]).default(true) });

type Recipient = z.infer<typeof recipient>;

/** Reads the JSON form of `sendMail` and makes the MIME message that Exchange would. @throws GraphError */
export async function messageFromJson(body: Buffer, mailbox: string): Promise<GraphMessage> {
  const { message: given, saveToSentItems } = parse(body);
  for (const { emailAddress } of [...given.toRecipients, ...given.ccRecipients, ...given.bccRecipients]) {
    if (!isAddress(emailAddress.address)) throw unresolved(emailAddress.address);
  }
  for (const { name } of given.internetMessageHeaders) {
    if (/^x-[!-9;-~]+$/i.test(name)) continue;
    const text = `The internet message header name '${name}' should start with 'x-' or 'X-'.`;
    throw new GraphError(400, 'InvalidInternetMessageHeader', text);
  }
  const isHtml = given.body?.contentType.toLowerCase() === 'html';
  const composer = new MailComposer({
    from: given.from ? toMailbox(given.from) : mailbox,
    ...(given.sender ? { sender: toMailbox(given.sender) } : {}),
    to: given.toRecipients.map(toMailbox),
    cc: given.ccRecipients.map(toMailbox),
    bcc: given.bccRecipients.map(toMailbox),
    replyTo: given.replyTo.map(toMailbox),
    subject: given.subject ?? '',
    ...(isHtml ? { html: given.body?.content ?? '' } : { text: given.body?.content ?? '' }),
    ...(given.internetMessageId === undefined ? {} : { messageId: given.internetMessageId }),
    ...(given.importance === undefined ? {} : { priority: given.importance }),
    headers: given.internetMessageHeaders.map(({ name, value }) => ({ key: name, value })),
    attachments: given.attachments.map((file) => ({
      filename: file.name,
      content: Buffer.from(file.contentBytes, 'base64'),
      contentType: file.contentType ?? 'application/octet-stream',
      ...(file.contentId ? { cid: file.contentId } : {}),
      ...(file.isInline ? { contentDisposition: 'inline' } : {}),
    })),
    newline: '\r\n',
  });
  const node = composer.compile();
  node.keepBcc = true;
  return messageFromMime(await node.build(), saveToSentItems);
}

function parse(body: Buffer): z.infer<typeof sendMailBody> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    const text =
      'Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.';
    throw new GraphError(400, 'BadRequest', text);
  }
  const read = sendMailBody.safeParse(withParameterNames(value));
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  throw new GraphError(
    400,
    'RequestBodyRead',
    `${issue?.path.join('.') || 'The request body'}: ${issue?.message ?? 'invalid'}`,
  );
}

/** The action's two parameters in their usual spelling. */
function withParameterNames(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const usual = ['message', 'saveToSentItems'];
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [
      usual.find((name) => name.toLowerCase() === key.toLowerCase()) ?? key,
      part,
    ]),
  );
}

function toMailbox({ emailAddress }: Recipient): { name: string; address: string } {
  return { name: emailAddress.name ?? '', address: emailAddress.address };
}
