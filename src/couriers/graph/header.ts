import { domainOf, normalizeAddress, type ParsedAddress, parseAddressList } from '../../message/address/address.ts';
import { writtenAddresses } from '../../message/address/written.ts';
import type { EnvelopeRecipient } from '../../message/envelope.ts';
import type { HeaderBlock, HeaderField } from '../../message/header/fields.ts';
import { keptField } from '../../message/header/kept-field.ts';

/** Where recipients of a request stand. */
export interface VisibleRecipients {
  readonly to: readonly ParsedAddress[];
  readonly cc: readonly ParsedAddress[];
  readonly bcc: readonly ParsedAddress[];
}

/** What Graph has to be told so that it mails the recipients of one request, and nobody else. */
export interface HeaderPlan {
  /** Addresses of To and Cc that are no recipients: Graph would mail them. */
  readonly outside: readonly string[];
  /** Who is told where, once To and Cc are cut down to recipients. */
  readonly recipients: VisibleRecipients;
  /** The header with `prefix` before all its fields. */
  header(prefix: string): Buffer;
}

/**
 * Graph takes the recipients of a MIME message from To, Cc and Bcc. Recipients that To and Cc do not name go into one
 * Bcc field at the top; any Bcc that came with the message is dropped, for it says nothing of the envelope. Exchange
 * delivers Bcc recipients, and removes the field.
 *
 * A To or Cc that names anybody else, or that is not well formed, so that Graph may find others in it than we do, is
 * written anew with the recipients alone. What stood there is kept in `X-Mailbridge-To` and `X-Mailbridge-Cc`.
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

/** A field with these addresses; without any, no field. */
function addressField(name: string, addresses: readonly ParsedAddress[]): Buffer {
  return Buffer.from(addresses.length === 0 ? '' : `${name.trim()}: ${writtenAddresses(addresses)}\r\n`);
}
