import { domainOf, normalizeAddress, type ParsedAddress, parseAddressList } from '../../message/address/address.ts';
import { writtenAddresses } from '../../message/address/written.ts';
import type { EnvelopeRecipient } from '../../message/envelope.ts';
import type { HeaderBlock, HeaderField } from '../../message/header/fields.ts';
import { keptField } from '../../message/header/kept-field.ts';

/** Where the recipients of a request appear. */
export interface VisibleRecipients {
  readonly to: readonly ParsedAddress[];
  readonly cc: readonly ParsedAddress[];
  readonly bcc: readonly ParsedAddress[];
}

/** What Graph gets so that it mails exactly the recipients of one request. */
export interface HeaderPlan {
  /** Addresses in To and Cc that are not recipients: Graph would mail them. */
  readonly outside: readonly string[];
  /** Where each recipient appears once To and Cc are reduced to recipients. */
  readonly recipients: VisibleRecipients;
  /** The header with `prefix` before all its fields. */
  header(prefix: string): Buffer;
}

/**
 * Graph takes the recipients of a MIME message from To, Cc and Bcc. Recipients that To and Cc do not name go into one
 * Bcc field at the top; any Bcc of the original message is dropped, because it says nothing about the envelope.
 * Exchange delivers to Bcc recipients and removes the field.
 *
 * A To or Cc that names anybody else, or that is malformed so that Graph may find other addresses in it than we do, is
 * rewritten with only the recipients. The original content is kept in `X-Mailbridge-To` and `X-Mailbridge-Cc`.
 */
export function planHeader(header: HeaderBlock, recipients: readonly EnvelopeRecipient[]): HeaderPlan {
  const wanted = new Map(recipients.map(({ address }) => [normalizeAddress(address), address]));
  const named = new Set<string>();
  const outside: string[] = [];
  const kept = { to: [] as ParsedAddress[], cc: [] as ParsedAddress[] };
  const rewritten = new Map<HeaderField, Buffer>();
  for (const field of header.fields) {
    const list = field.is('To') ? kept.to : field.is('Cc') ? kept.cc : undefined;
    if (list === undefined) continue;
    const { addresses, problems } = parseAddressList(field.value());
    const inside = addresses.filter(({ address }) => wanted.has(normalizeAddress(address)));
    // A name without a domain reaches nobody.
    const others = addresses.filter(
      ({ address }) => !wanted.has(normalizeAddress(address)) && domainOf(address) !== '',
    );
    outside.push(...others.map(({ address }) => address));
    if (others.length > 0 || problems.length > 0) rewritten.set(field, addressField(field.name, inside));
    list.push(...inside);
    for (const { address } of inside) named.add(normalizeAddress(address));
  }
  const hidden = [...wanted].filter(([key]) => !named.has(key)).map(([, address]) => address);
  return {
    outside,
    recipients: { ...kept, bcc: hidden.map((address) => ({ address })) },
    header(prefix) {
      const bcc = hidden.length === 0 ? '' : `Bcc: ${hidden.join(',\r\n ')}\r\n`;
      return header.edit({
        prefix: prefix + bcc,
        suffix: Buffer.concat([...rewritten].flatMap(([field, anew]) => [keptField(field), anew])),
        drop: (field) => field.is('Bcc') || field.is('Resent-Bcc') || rewritten.has(field),
      });
    },
  };
}

/** A field with these addresses; no field if there are none. */
function addressField(name: string, addresses: readonly ParsedAddress[]): Buffer {
  return Buffer.from(addresses.length === 0 ? '' : `${name.trim()}: ${writtenAddresses(addresses)}\r\n`);
}
