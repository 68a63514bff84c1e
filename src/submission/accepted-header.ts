import { domainOf } from '../message/address/address.ts';
import { assertAddressBounds } from '../message/address/bounds.ts';
import { withSoundAddressFields } from '../message/address/fields.ts';
import { KnownAddresses } from '../message/address/known.ts';
import type { Envelope } from '../message/envelope.ts';
import type { HeaderBlock, HeaderField } from '../message/header/fields.ts';
import { receivedField, repairHeader } from '../message/header/repair.ts';
import { forcedSenderEdit, senderEdit } from '../message/header/sender-fields.ts';
import { withSingleFields } from '../message/header/single-fields.ts';
import { type SmtpConnectionInfo, SmtpReply } from '../smtp/session.ts';
import type { SubmissionAccount } from './account.ts';

export interface AcceptedHeaderOptions {
  readonly account: SubmissionAccount;
  readonly envelope: Envelope;
  readonly client: SmtpConnectionInfo;
  readonly hostname: string;
  readonly id: string;
  readonly receivedAtMs: number;
  /** Makes the reply to a From or Sender that the account may not use. */
  refuse(address: string): SmtpReply;
}

const nothing = Buffer.alloc(0);

/** A message that has been through this many servers is in a mail loop (RFC 5321 section 6.3). */
const maxReceivedFields = 50;

/**
 * The header a message leaves with: a Received field before all others, one sound From, Date and Message-ID, each
 * field once that may stand once, and no Bcc. Everything else stays as it came.
 * @throws SmtpReply where From or Sender is not the account's to use, or the message is in a mail loop;
 *   TooManyAddressesError
 */
export function acceptedHeader(header: HeaderBlock, options: AcceptedHeaderOptions): Buffer | undefined {
  const { account, client, receivedAtMs } = options;
  if (header.count('Received') > maxReceivedFields) {
    throw new SmtpReply(554, '5.4.6', `Message has passed more than ${maxReceivedFields} servers: a mail loop`);
  }
  assertAddressBounds(header);
  const date = new Date(receivedAtMs);
  return repairHeader(usableHeader(header, options), {
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
function usableHeader(header: HeaderBlock, { account, envelope, refuse }: AcceptedHeaderOptions): HeaderBlock {
  const { forceFrom, mailbox } = account;
  const { reversePath, recipients } = envelope;
  const sound = withSoundAddressFields(withPlainNames(header), {
    recipients: new KnownAddresses(
      recipients.map(({ address }) => address),
      domainOf(mailbox),
    ),
    senders: new KnownAddresses([mailbox, reversePath].filter(Boolean), domainOf(mailbox)),
  });
  const single = withSingleFields(sound);
  const sender = forceFrom === undefined ? senderEdit(single, mailbox) : forcedSenderEdit(single, forceFrom);
  const foreign = sender.addresses.find((address) => !account.maySendAs(address));
  if (foreign !== undefined) throw refuse(foreign);
  // The envelope says who gets the message; a Bcc that went along would tell everybody.
  const isHidden = (field: HeaderField) => field.is('Bcc') || field.is('Resent-Bcc');
  const dropped = single.fields.filter((field) => isHidden(field) || sender.drop.has(field));
  return single.with(new Map(dropped.map((field) => [field, nothing])), sender.add);
}

/** `From : a@b.c` without its blank: not every reader takes it for a field. */
function withPlainNames(header: HeaderBlock): HeaderBlock {
  const isOdd = ({ name, raw }: HeaderField) => raw[name.length] !== 0x3a;
  return header.with(new Map(header.fields.filter(isOdd).map((field) => [field, field.plainLine()])));
}
