import type { HeaderBlock, HeaderField } from '../header/fields.ts';
import { isValidAddress } from './address.ts';
import type { KnownAddresses } from './known.ts';
import { parseAddressItems } from './list.ts';
import { repairedAddresses } from './repaired.ts';
import { phrase, writtenAddresses } from './written.ts';

/** Fields of senders; the address in them must be the sender's (RFC 5322 sections 3.6.2 and 3.6.6). */
const senders = ['from', 'sender', 'resent-from', 'resent-sender'];
/** Fields of recipients. They may contain an empty group: `To: undisclosed-recipients:;` (RFC 5322 section 3.4). */
const recipients = ['to', 'cc', 'bcc', 'resent-to', 'resent-cc', 'resent-bcc'];
/** Fields with the recipients of replies and reports (RFC 5322 section 3.6.2, RFC 8098, RFC 2076). */
const answered = [
  ...['reply-to', 'resent-reply-to', 'mail-reply-to', 'mail-followup-to', 'errors-to'],
  ...['disposition-notification-to', 'return-receipt-to', 'x-confirm-reading-to'],
];
const all = new Set([...senders, ...recipients, ...answered]);

/** Tells whether a field contains addresses. */
export function isAddressField(field: HeaderField): boolean {
  return all.has(field.key);
}

/**
 * Tells whose addresses a field contains: those of senders, including recipients of replies, or those of recipients;
 * undefined if it is not an address field.
 */
export function sideOf(name: string): 'senders' | 'recipients' | undefined {
  const key = name.toLowerCase();
  if (recipients.includes(key)) return 'recipients';
  return all.has(key) ? 'senders' : undefined;
}

/** The people known to be involved in a message. */
export interface AddressesAround {
  readonly recipients: KnownAddresses;
  /** The mailbox and the reverse-path. */
  readonly senders: KnownAddresses;
}

/**
 * Returns the header with well-formed address fields, except From and Sender. A well-formed or empty field keeps its
 * bytes. From any other, the addresses are kept, with their names. A recipient field that names none gets an empty
 * group, `To: Undisclosed:;`; any other field without an address is left out.
 */
export function withSoundAddressFields(header: HeaderBlock, around: AddressesAround): HeaderBlock {
  const written = new Map<HeaderField, Buffer>();
  for (const field of header.fields) {
    if (!isAddressField(field) || field.is('From') || field.is('Sender')) continue;
    const value = field.value();
    if (!isSoundAddressField(value)) written.set(field, Buffer.from(writtenField(field.name, value, around)));
  }
  return header.with(written);
}

/** Tells whether every reader finds the same addresses in the value of an address field, and all are valid in SMTP. */
function isSoundAddressField(value: string): boolean {
  if (value === '') return true;
  const { items, problems } = parseAddressItems(value);
  // Some readers make an address of a lone comment.
  if (problems.length > 0 || items.length === 0) return false;
  return items.every((item) => item.kind !== 'address' || isValidAddress(item.parsed.address, { smtpUtf8: true }));
}

function writtenField(name: string, value: string, around: AddressesAround): string {
  const key = name.toLowerCase();
  const known = recipients.includes(key) ? around.recipients : answered.includes(key) ? around.senders : undefined;
  const { addresses, label } = repairedAddresses(value, known);
  if (addresses.length > 0) return `${name}: ${writtenAddresses(addresses)}\r\n`;
  const group = recipients.includes(key) && label !== undefined ? phrase(label) : '';
  return group === '' ? '' : `${name}: ${group}:;\r\n`;
}
