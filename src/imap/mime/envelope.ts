import { formatNstring } from '../wire/format.ts';
import { type HeaderAddress, parseAddresses } from './addresses.ts';
import { fieldValue, type MimeField } from './header.ts';

/** The ENVELOPE of FETCH (RFC 9051 section 7.5.2), octets one per character. */
export function formatEnvelope(fields: readonly MimeField[]): string {
  const text = (name: string): string => formatNstring(fieldValue(fields, name));
  const from = addresses(fields, 'from');
  const orFrom = (list: string): string => (list === 'NIL' ? from : list);
  return `(${[
    text('date'),
    text('subject'),
    from,
    orFrom(addresses(fields, 'sender')),
    orFrom(addresses(fields, 'reply-to')),
    addresses(fields, 'to'),
    addresses(fields, 'cc'),
    addresses(fields, 'bcc'),
    text('in-reply-to'),
    text('message-id'),
  ].join(' ')})`;
}

function addresses(fields: readonly MimeField[], name: string): string {
  const values = fields.filter((field) => field.name.toLowerCase() === name).map((field) => field.value);
  const list = parseAddresses(values.join(', '));
  return list.length === 0 ? 'NIL' : `(${list.map(formatAddress).join('')})`;
}

function formatAddress({ name, local, host }: HeaderAddress): string {
  return `(${formatNstring(name)} NIL ${formatNstring(local)} ${formatNstring(host)})`;
}
