import { domainOf, parseAddressList } from '../message/addresses.ts';
import { completedField } from '../message/complete-field.ts';
import { HeaderBlock, type HeaderField } from '../message/headers.ts';
import { mendHeader, receivedField } from '../message/mend.ts';
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
 * The header a message leaves with: a Received field before all others, Date and Message-ID where they are missing,
 * a From where there is no usable one, and no Bcc. Everything else stays as it came.
 * @throws SmtpReply where From or Sender is not the account's to use, or the message goes in circles
 */
export function acceptedHeader(header: HeaderBlock, options: AcceptedHeaderOptions): Buffer | undefined {
  if (header.getAll('Received').length > maxReceivedFields) {
    throw new SmtpReply(554, '5.4.6', `Message has passed more than ${maxReceivedFields} servers: a mail loop`);
  }
  const from = addressesOf(header, 'From');
  for (const address of [...from, ...addressesOf(header, 'Sender')]) {
    if (!options.account.maySendAs(address)) throw options.refuse(address);
  }
  // The envelope says who gets the message; a Bcc that went along would tell everybody. A From that names nobody
  // (`From: Scanner`) would be refused by Exchange with 5.7.512.
  const isDropped = (field: HeaderField) => field.is('Bcc') || (from.length === 0 && field.is('From'));
  const completed =
    options.account.send === 'graph'
      ? completedFields(header, domainOf(options.account.mailbox))
      : new Map<HeaderField, Buffer>();
  const drop = (field: HeaderField) => isDropped(field) || completed.has(field);
  const usable = header.fields.some(drop)
    ? HeaderBlock.parse(header.edit({ drop, suffix: Buffer.concat([...completed.values()]) }))
    : header;
  return mendHeader(usable, {
    date: new Date(options.receivedAtMs),
    domain: domainOf(options.account.mailbox),
    from: options.account.mailbox,
    prefix: receivedField({
      from: { helo: options.client.helo, address: options.client.remoteAddress },
      by: options.hostname,
      with: options.client.transmissionType,
      id: options.id,
      date: new Date(options.receivedAtMs),
    }),
  });
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

/** The complete addresses in all fields of a name. */
function addressesOf(header: HeaderBlock, name: string): string[] {
  return header
    .getAll(name)
    .flatMap((value) => parseAddressList(value).addresses)
    .map(({ address }) => address)
    .filter((address) => domainOf(address) !== '');
}
