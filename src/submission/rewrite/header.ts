import type { FieldChanges, MailChanges } from '../../accounts/mail-changes.ts';
import { type ParsedAddress, parseAddressList } from '../../message/address/address.ts';
import { sideOf } from '../../message/address/fields.ts';
import { withReplacedAddresses } from '../../message/address/replaced.ts';
import { writtenAddresses } from '../../message/address/written.ts';
import type { EnvelopeRecipient } from '../../message/envelope.ts';
import type { HeaderBlock, HeaderField } from '../../message/header/fields.ts';
import { keptField } from '../../message/header/kept-field.ts';
import { encodedWords } from '../../message/mime/encodings.ts';
import { foldedField, isAscii } from '../../message/safe-text.ts';

const nothing = Buffer.alloc(0);

/** Removes and adds header fields as the account demands; fields to add that already exist are left alone. */
export function withChangedFields(header: HeaderBlock, { add, remove }: FieldChanges): HeaderBlock {
  const removed = header.fields.filter((field) => remove.has(field.name.toLowerCase()));
  const kept = header.with(new Map(removed.map((field) => [field, nothing])));
  const missing = add.filter(([name]) => kept.field(name) === undefined);
  return kept.with(new Map(), missing.map(([name, value]) => addedField(name, value)).join(''));
}

function addedField(name: string, value: string): string {
  if (sideOf(name) !== undefined) return `${name}: ${writtenAddresses(parseAddressList(value).addresses)}\r\n`;
  return foldedField(name, isAscii(value) ? value : encodedWords(value));
}

/** The header with its addresses rewritten; everything else keeps its octets. Its address fields are well formed. */
export function withRewrittenAddresses(header: HeaderBlock, changes: MailChanges): HeaderBlock {
  const written = new Map<HeaderField, Buffer>();
  for (const field of header.fields) {
    const side = sideOf(field.name);
    const anew = side && withReplacedAddresses(field, (address) => changes[side].replacement(address));
    if (anew !== undefined) written.set(field, anew);
  }
  return header.with(written);
}

/** Recipient fields from which Graph or a mail program could take recipients. */
const named = new Set(['to', 'cc', 'resent-to', 'resent-cc']);

/**
 * The header of a message redirected from all its recipients to one address: To names only that. The contents of To and
 * Cc are kept in X-Mailbridge-To and X-Mailbridge-Cc, and the original recipients in X-Mailbridge-Recipients.
 */
export function withRedirection(
  header: HeaderBlock,
  to: string,
  recipients: readonly EnvelopeRecipient[],
): HeaderBlock {
  const fields = header.fields.filter(({ name }) => named.has(name.toLowerCase()));
  const list = recipientsField(recipients.map(({ address }) => ({ address })));
  return header.with(new Map(fields.map((field) => [field, keptField(field)])), `To: ${to}\r\n${list}`);
}

const listedRecipients = 200;

function recipientsField(recipients: readonly ParsedAddress[]): string {
  const more = recipients.length - listedRecipients;
  const listed = writtenAddresses(recipients.slice(0, listedRecipients));
  return `X-Mailbridge-Recipients: ${listed}${more > 0 ? `\r\n (and ${more} more)` : ''}\r\n`;
}
