import { type AddressItem, parseAddressItems } from '../../message/address/list.ts';
import { splitAddress } from '../../message/address/parts.ts';
import type { HeaderBlock } from '../../message/header/fields.ts';
import { formatNstring } from '../wire/format.ts';

/** Anything beyond is left out: UTF-16 code units of all fields of one name, and addresses in them. */
const maxText = 256 * 1024;
const maxAddresses = 5_000;

/** The ENVELOPE of FETCH (RFC 9051 section 7.5.2). Encoded words stay as they are; non-ASCII text is sent as UTF-8. */
export function formatEnvelope(header: HeaderBlock): string {
  // Tabs from folding are sent as spaces: a quoted string cannot contain them.
  const text = (name: string): string => formatNstring(header.get(name)?.replaceAll('\t', ' '));
  const from = addresses(header, 'From');
  const orFrom = (list: string): string => (list === 'NIL' ? from : list);
  return `(${[
    text('Date'),
    text('Subject'),
    from,
    orFrom(addresses(header, 'Sender')),
    orFrom(addresses(header, 'Reply-To')),
    addresses(header, 'To'),
    addresses(header, 'Cc'),
    addresses(header, 'Bcc'),
    text('In-Reply-To'),
    text('Message-ID'),
  ].join(' ')})`;
}

function addresses(header: HeaderBlock, name: string): string {
  const { items } = parseAddressItems(header.getAll(name).join(', ').slice(0, maxText));
  return items.length === 0 ? 'NIL' : `(${items.slice(0, maxAddresses).map(formatItem).join('')})`;
}

/** An address without a host starts a group; without a local part too, it ends one. */
function formatItem(item: AddressItem): string {
  switch (item.kind) {
    case 'group':
      return formatAddress(undefined, item.words, undefined);
    case 'group-end':
      return formatAddress(undefined, undefined, undefined);
    case 'words':
      return formatAddress(undefined, item.words, '');
    case 'address': {
      const { local, domain } = splitAddress(item.parsed.address);
      return formatAddress(item.parsed.name, local, domain, item.route);
    }
  }
}

function formatAddress(
  name: string | undefined,
  local: string | undefined,
  host: string | undefined,
  route?: string,
): string {
  return `(${formatNstring(name?.replaceAll('\t', ' '))} ${formatNstring(route)} ${formatNstring(local)} ${formatNstring(host)})`;
}
