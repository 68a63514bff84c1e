import { domainOf, isValidAddress, type ParsedAddress, parseAddressList, sameAddress } from '../address/address.ts';
import { looksLikeAddress, repairedAddresses } from '../address/repaired.ts';
import { writtenAddress, writtenAddresses } from '../address/written.ts';
import type { HeaderBlock, HeaderField } from './fields.ts';

/** The changes that make a header name its sender. */
export interface SenderEdit {
  /** The message's own complete addresses in From and Sender that it is still sent as. */
  readonly addresses: readonly string[];
  readonly drop: ReadonlySet<HeaderField>;
  /** Whole fields to add in their place, with their line ends; may be empty. */
  readonly add: string;
}

/** A parsed address field. */
interface ReadField {
  readonly field: HeaderField;
  readonly addresses: readonly ParsedAddress[];
  /** Addresses that can be sent from. */
  readonly usable: readonly ParsedAddress[];
  /** The name or the word in place of a usable address. */
  readonly label: string | undefined;
  /** Every reader finds exactly the usable addresses in it. */
  readonly isSound: boolean;
}

/**
 * Ensures that there is one From with at least one valid address, and a Sender if From has several (RFC 5322 section
 * 3.6.2, which Exchange Online enforces with 5.7.512). Valid fields keep their bytes. A broken From keeps its usable
 * addresses; if it has none, the mailbox takes their place, with the name from the field. A Sender without a usable
 * address is removed.
 */
export function senderEdit(header: HeaderBlock, mailbox: string): SenderEdit {
  const drop = new Set<HeaderField>();
  const add: string[] = [];
  const fields = readFields(header, 'From');
  const from = fields.find(({ usable }) => usable.length > 0) ?? fields[0];
  for (const each of fields) if (each !== from || !each.isSound) drop.add(each.field);
  const authors = from && from.usable.length > 0 ? from.usable : [named(mailbox, from?.label)];
  if (!from?.isSound) add.push(`From: ${writtenAddresses(authors)}\r\n`);

  const senders = readFields(header, 'Sender');
  const [sender] = senders;
  if (sender && !(sender.isSound && sender.usable.length === 1)) {
    drop.add(sender.field);
    const [first] = sender.usable;
    if (first) add.push(`Sender: ${writtenAddress(first)}\r\n`);
  }
  if (authors.length > 1 && !sender?.usable.length) add.push(`Sender: ${mailbox}\r\n`);
  return { addresses: completeAddresses([...fields, ...senders]), drop, add: add.join('') };
}

/**
 * Makes the message come from one address, whatever it says itself: From becomes that address with the old name, the
 * old From goes into Reply-To unless there is one, and Sender is removed. A From that is already right stays unchanged.
 */
export function forcedSenderEdit(header: HeaderBlock, address: string): SenderEdit {
  const drop = new Set<HeaderField>(header.fields.filter((field) => field.is('Sender')));
  const fields = readFields(header, 'From');
  const from = fields.find(({ usable }) => usable.length > 0) ?? fields[0];
  const [author, ...others] = from?.usable ?? [];
  const isRight = from?.isSound && author && others.length === 0 && sameAddress(author.address, address);
  for (const each of fields) if (each !== from || !isRight) drop.add(each.field);
  if (isRight) return { addresses: [], drop, add: '' };

  const add = [`From: ${writtenAddress(named(address, author ? author.name : from?.label))}\r\n`];
  const replyTo = readFields(header, 'Reply-To');
  const old = (from?.usable ?? []).filter((each) => !sameAddress(each.address, address));
  if (!replyTo.some(({ usable }) => usable.length > 0) && old.length > 0) {
    for (const { field } of replyTo) drop.add(field);
    add.push(`Reply-To: ${writtenAddresses(old)}\r\n`);
  }
  return { addresses: [], drop, add: add.join('') };
}

/** Returns the usable addresses of the From that a message is left with; none if it has no valid address in one. */
export function authorsOf(header: HeaderBlock): string[] {
  const from = readFields(header, 'From').find(({ usable }) => usable.length > 0);
  return (from?.usable ?? []).map(({ address }) => address);
}

function readFields(header: HeaderBlock, name: string): ReadField[] {
  return header.fields.filter((field) => field.is(name)).map(readField);
}

function completeAddresses(fields: readonly ReadField[]): string[] {
  const addresses = fields.flatMap((each) => each.addresses.map(({ address }) => address));
  return addresses.filter((address) => domainOf(address) !== '');
}

function readField(field: HeaderField): ReadField {
  const { addresses, problems } = parseAddressList(field.value());
  const areUsable =
    addresses.length > 0 && addresses.every(({ address }) => isValidAddress(address, { smtpUtf8: true }));
  if (areUsable && problems.length === 0)
    return { field, addresses, usable: addresses, label: undefined, isSound: true };
  const { addresses: usable, label } = repairedAddresses(field.value());
  return { field, addresses, usable, label, isSound: false };
}

/**
 * Combines an address with a name, if that may be shown: one that looks like an address could be taken for the sender.
 */
function named(address: string, name: string | undefined): ParsedAddress {
  return name === undefined || looksLikeAddress(name) ? { address } : { address, name };
}
