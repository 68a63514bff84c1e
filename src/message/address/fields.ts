import type { HeaderBlock, HeaderField } from '../header/fields.ts';
import { isValidAddress } from './address.ts';
import type { KnownAddresses } from './known.ts';
import { parseAddressItems } from './list.ts';
import { repairedAddresses } from './repaired.ts';
import { phrase, writtenAddresses } from './written.ts';

/** Fields of those who send; the address that stands there has to be theirs (RFC 5322 sections 3.6.2 and 3.6.6). */
const senders = ['from', 'sender', 'resent-from', 'resent-sender'];
/** Fields of those who receive. An empty group may stand there: `To: undisclosed-recipients:;` (RFC 5322 section 3.4). */
const recipients = ['to', 'cc', 'bcc', 'resent-to', 'resent-cc', 'resent-bcc'];
/** Fields of those who get what comes back (RFC 5322 section 3.6.2, RFC 8098, RFC 2076). */
const answered = [
  ...['reply-to', 'resent-reply-to', 'mail-reply-to', 'mail-followup-to', 'errors-to'],
  ...['disposition-notification-to', 'return-receipt-to', 'x-confirm-reading-to'],
];
const all = new Set([...senders, ...recipients, ...answered]);

/** Whether a field holds addresses. */
export function isAddressField(field: HeaderField): boolean {
  return all.has(field.name.toLowerCase());
}

/** Whose addresses a field holds: theirs who send, or who get what comes back, or theirs who receive; undefined: it is no address field. */
export function sideOf(name: string): 'senders' | 'recipients' | undefined {
  const key = name.toLowerCase();
  if (recipients.includes(key)) return 'recipients';
  return all.has(key) ? 'senders' : undefined;
}

/** Whom a message is known to be about. */
export interface AddressesAround {
  readonly recipients: KnownAddresses;
  /** The mailbox and the reverse-path. */
  readonly senders: KnownAddresses;
}

/**
 * The header with its address fields well formed, From and Sender aside. A field that is well formed, and one that is empty,
 * keeps its octets. From any other the addresses are kept, under their names. A field of recipients that names none says
 * so with an empty group, `To: Undisclosed:;`; any other field without an address is left out.
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

/** Whether every reader finds the same addresses in the value of an address field, and all are fit for SMTP. */
function isSoundAddressField(value: string): boolean {
  if (value === '') return true;
  const { items, problems } = parseAddressItems(value);
  // Of a comment alone some readers make an address.
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
