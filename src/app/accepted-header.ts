import { domainOf } from '../message/addresses.ts';
import { completedField } from '../message/complete-field.ts';
import { HeaderBlock, type HeaderField } from '../message/headers.ts';
import { mendHeader, receivedField } from '../message/mend.ts';
import { forcedSenderEdit, senderEdit } from '../message/sender-fields.ts';
import { withSingleFields } from '../message/single-fields.ts';
import { type SmtpConnectionInfo, SmtpReply } from '../smtp/session.ts';
import type { SubmissionAccount } from './submission-session.ts';

export interface AcceptedHeaderOptions {
  readonly account: SubmissionAccount;
  readonly client: SmtpConnectionInfo;
  readonly hostname: string;
  readonly id: string;
  readonly receivedAtMs: number;
  /** Makes the reply to a From or Sender that the account may not use. */
  refuse(address: string): SmtpReply;
}

/** A message that has been through this many servers goes in circles (RFC 5321 section 6.3). */
const maxReceivedFields = 50;

/**
 * The header a message leaves with: a Received field before all others, one sound From, Date and Message-ID, each
 * field once that may stand once, and no Bcc. Everything else stays as it came.
 * @throws SmtpReply where From or Sender is not the account's to use, or the message goes in circles
 */
export function acceptedHeader(header: HeaderBlock, options: AcceptedHeaderOptions): Buffer | undefined {
  const { account, client, receivedAtMs } = options;
  if (header.count('Received') > maxReceivedFields) {
    throw new SmtpReply(554, '5.4.6', `Message has passed more than ${maxReceivedFields} servers: a mail loop`);
  }
  const date = new Date(receivedAtMs);
  return mendHeader(usableHeader(header, options), {
    date,
    domain: domainOf(account.mailbox),
    prefix: receivedField({
      from: { helo: client.helo, address: client.remoteAddress },
      by: options.hostname,
      with: client.transmissionType,
      id: options.id,
      date,
    }),
  });
}

/** The header as it came but for what would make Microsoft refuse the message, or show it otherwise than it is. */
function usableHeader(header: HeaderBlock, { account, refuse }: AcceptedHeaderOptions): HeaderBlock {
  const { forceFrom, mailbox } = account;
  const single = withSingleFields(header);
  const sender = forceFrom === undefined ? senderEdit(single, mailbox) : forcedSenderEdit(single, forceFrom);
  const foreign = sender.addresses.find((address) => !account.maySendAs(address));
  if (foreign !== undefined) throw refuse(foreign);
  const completed =
    account.send === 'graph' ? completedFields(single, domainOf(mailbox)) : new Map<HeaderField, Buffer>();
  // The envelope says who gets the message; a Bcc that went along would tell everybody.
  const isHidden = (field: HeaderField) => field.is('Bcc') || field.is('Resent-Bcc');
  const drop = (field: HeaderField) => isHidden(field) || sender.drop.has(field) || completed.has(field);
  if (sender.add === '' && !single.fields.some(drop)) return single;
  const suffix = Buffer.concat([...completed.values(), Buffer.from(sender.add)]);
  return HeaderBlock.parse(single.edit({ drop, suffix }));
}

/** Recipients without a domain (`To: root`, as cron writes it): Graph reads them from the header and would refuse all. */
function completedFields(header: HeaderBlock, domain: string): Map<HeaderField, Buffer> {
  const completed = new Map<HeaderField, Buffer>();
  for (const field of header.fields) {
    const isRecipients = field.is('To') || field.is('Cc') || field.is('Reply-To');
    const written = isRecipients ? completedField(field, domain) : undefined;
    if (written) completed.set(field, written);
  }
  return completed;
}
