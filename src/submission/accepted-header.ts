import { domainOf, parseAddressList, sameAddress } from '../message/address/address.ts';
import { assertAddressBounds } from '../message/address/bounds.ts';
import { withSoundAddressFields } from '../message/address/fields.ts';
import { KnownAddresses } from '../message/address/known.ts';
import type { Envelope } from '../message/envelope.ts';
import type { HeaderBlock, HeaderField } from '../message/header/fields.ts';
import { type ListedHeader, listedHeader, shownMessageId } from '../message/header/listed.ts';
import { receivedField, repairHeader, soundMessageId } from '../message/header/repair.ts';
import { authorsOf, forcedSenderEdit, senderEdit } from '../message/header/sender-fields.ts';
import { withSingleFields } from '../message/header/single-fields.ts';
import { type SmtpConnectionInfo, SmtpReply } from '../smtp/session.ts';
import type { SubmissionAccount } from './account.ts';
import { rewrittenRecipients, rewrittenSender } from './rewrite/envelope.ts';
import { withChangedFields, withRedirection, withRewrittenAddresses } from './rewrite/header.ts';

export interface AcceptedHeaderOptions {
  readonly account: SubmissionAccount;
  /** As given by the client: account rewrites are not yet applied. */
  readonly envelope: Envelope;
  readonly client: SmtpConnectionInfo;
  readonly hostname: string;
  readonly id: string;
  readonly receivedAtMs: number;
  /** The reply to a From or Sender that the account may not use. */
  refuse(address: string): SmtpReply;
}

/** The header that a message leaves with, and facts from it. */
export interface AcceptedHeader {
  /** Undefined: unchanged. */
  readonly octets: Buffer | undefined;
  /** The mailbox that the message is sent as. */
  readonly mailbox: string;
  /** What message lists show. */
  readonly listed: ListedHeader;
}

const nothing = Buffer.alloc(0);

/** A message that has passed this many servers is in a mail loop (RFC 5321 section 6.3). */
const maxReceivedFields = 50;

/**
 * Makes the header a message leaves with: a Received field before all others, one valid From, Date and Message-ID, one
 * of each field that may occur once, no Bcc, and the account's changes. Everything else stays as it came.
 * @throws SmtpReply if the account may not use From or Sender, or the message is in a mail loop; TooManyAddressesError
 */
export function acceptedHeader(header: HeaderBlock, options: AcceptedHeaderOptions): AcceptedHeader {
  const { client, receivedAtMs } = options;
  if (header.count('Received') > maxReceivedFields) {
    throw new SmtpReply(554, '5.4.6', `Message has passed more than ${maxReceivedFields} servers: a mail loop`);
  }
  assertAddressBounds(header);
  const date = new Date(receivedAtMs);
  const { usable, mailbox } = usableHeader(header, options);
  const messageId = soundMessageId(usable, domainOf(mailbox));
  const octets = repairHeader(usable, {
    date,
    messageId,
    domain: domainOf(mailbox),
    prefix: receivedField({
      from: { helo: client.helo, address: client.remoteAddress },
      by: options.hostname,
      with: client.transmissionType,
      id: options.id,
      date,
    }),
  });
  return { octets, mailbox, listed: { ...listedHeader(usable), messageId: shownMessageId(messageId) } };
}

/** The header without what would make Microsoft refuse the message or misrepresent it. */
function usableHeader(
  header: HeaderBlock,
  { account, envelope, refuse }: AcceptedHeaderOptions,
): { readonly usable: HeaderBlock; readonly mailbox: string } {
  const { forceFrom, changes } = account;
  const { recipients } = envelope;
  const reversePath = rewrittenSender(account, envelope.reversePath);
  // Names in From may have to be completed before From says anything.
  const likely = account.mailboxFor(reversePath, []);
  const plain = withPlainNames(header);
  const sound = withSoundAddressFields(changes ? withChangedFields(plain, changes.fields) : plain, {
    recipients: new KnownAddresses(
      recipients.map(({ address }) => address),
      domainOf(likely),
    ),
    senders: new KnownAddresses([likely, reversePath].filter(Boolean), domainOf(likely)),
  });
  const single = withSingleFields(sound);
  const authors = authorsOf(single).map((address) => changes?.senders.replacement(address) ?? address);
  const mailbox = account.mailboxFor(reversePath, forceFrom === undefined ? authors : [forceFrom]);
  const sender = forceFrom === undefined ? senderEdit(single, mailbox) : forcedSenderEdit(single, forceFrom);
  // The envelope says who gets the message; a Bcc left in would tell everybody.
  const isHidden = (field: HeaderField) => field.is('Bcc') || field.is('Resent-Bcc');
  const dropped = single.fields.filter((field) => isHidden(field) || sender.drop.has(field));
  const usable = single.with(new Map(dropped.map((field) => [field, nothing])), sender.add);
  const rewritten = changes ? withRewrittenAddresses(usable, changes) : usable;
  const senders = changes ? rewrittenSenders(sender.addresses, rewritten, mailbox, account) : sender.addresses;
  const foreign = senders.find((address) => !account.maySendAs(address));
  if (foreign !== undefined) throw refuse(foreign);
  const shown = withSenderOnBehalf(rewritten, mailbox, account);
  const { redirectAllTo } = changes ?? {};
  if (redirectAllTo === undefined) return { usable: shown, mailbox };
  return { usable: withRedirection(shown, redirectAllTo, rewrittenRecipients(account, recipients)), mailbox };
}

/** `Sender` is the mailbox that sends on behalf of From (RFC 5322 section 3.6.2), unless the message names it. */
function withSenderOnBehalf(header: HeaderBlock, mailbox: string, { isOnBehalf }: SubmissionAccount): HeaderBlock {
  if (!isOnBehalf || header.field('Sender')) return header;
  const [from] = parseAddressList(header.get('From') ?? '').addresses;
  // One of several mailboxes may send on behalf of another, and as itself.
  const isOther = from !== undefined && !sameAddress(from.address, mailbox);
  return isOther && isOnBehalf(from.address) ? header.with(new Map(), `Sender: ${mailbox}\r\n`) : header;
}

/** The senders in the message, rewritten, and replaced by the mailbox if a rule changed it. */
function rewrittenSenders(
  said: readonly string[],
  rewritten: HeaderBlock,
  mailbox: string,
  { forceFrom, changes }: SubmissionAccount,
): readonly string[] {
  if (forceFrom !== undefined) return [];
  const says = ['From', 'Sender'].flatMap((name) => parseAddressList(rewritten.get(name) ?? '').addresses);
  const others = says.map(({ address }) => address).filter((address) => address !== mailbox);
  return [...said.map((address) => changes?.senders.replacement(address) ?? address), ...others];
}

/** Turns `From : a@b.c` into a field without the space: not every reader takes it for a field. */
function withPlainNames(header: HeaderBlock): HeaderBlock {
  const isOdd = ({ name, raw }: HeaderField) => raw[name.length] !== 0x3a;
  return header.with(new Map(header.fields.filter(isOdd).map((field) => [field, field.plainLine()])));
}
