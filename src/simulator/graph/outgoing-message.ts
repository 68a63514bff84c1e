import { addressesIn, headerFields } from '../delivery/message-headers.ts';
import { GraphError } from './graph-error.ts';

/** A message that `sendMail` was given, in whichever form. */
export interface GraphMessage {
  /** MIME, Bcc included. */
  readonly content: Buffer;
  /** From To, Cc and Bcc. */
  readonly recipients: readonly string[];
  /** Addresses it claims to come from: From and Sender. */
  readonly senders: readonly string[];
  readonly saveToSentItems: boolean;
}

/**
 * Reads the MIME form: the message in base64, sent as text/plain. Learn, "user: sendMail".
 * @throws GraphError
 */
export function messageFromBase64(body: Buffer): GraphMessage {
  const text = body.toString('latin1').replace(/\s+/g, '');
  if (text === '' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) {
    throw new GraphError(400, 'ErrorMimeContentInvalidBase64String', 'Invalid base64 string for MIME content.');
  }
  return messageFromMime(Buffer.from(text, 'base64'), true);
}

/** Takes recipients and senders from the header. @throws GraphError for malformed addresses, or none at all */
export function messageFromMime(content: Buffer, saveToSentItems: boolean): GraphMessage {
  const fields = headerFields(content);
  const fieldsOfRecipients = ['to', 'cc', 'bcc'].map((name) => addressesIn(fields, name));
  const malformed = fieldsOfRecipients.flatMap((field) => field.malformed);
  if (malformed.length > 0) throw unresolved(malformed[0] ?? '');
  const recipients = fieldsOfRecipients.flatMap((field) => field.addresses);
  if (recipients.length === 0) {
    throw new GraphError(
      400,
      'ErrorInvalidRecipients',
      "At least one recipient isn't valid., A message can't be sent unless it contains at least one recipient.",
    );
  }
  const senders = ['from', 'sender'].flatMap((name) => addressesIn(fields, name).addresses);
  return { content, recipients, senders, saveToSentItems };
}

/** What Exchange says of a recipient that is no address. */
export function unresolved(recipient: string): GraphError {
  return new GraphError(
    400,
    'ErrorInvalidRecipients',
    `At least one recipient is not valid., Recipient '${recipient}' is not resolved. All recipients must be resolved before a message can be submitted.`,
  );
}
