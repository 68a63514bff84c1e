import { parseAddressItems } from '../../message/address/list.ts';
import type { HeaderBlock } from '../../message/header/fields.ts';
import { decodedWords } from '../../message/mime/encodings.ts';

/** Text examined in all fields of one name, in UTF-16 code units. */
const maxText = 256 * 1024;

/** Tells whether the addresses of a field, as in ENVELOPE, contain a text: in their names, or in `mailbox@host`. */
export function addressesHold(header: HeaderBlock, name: string, holds: (text: string) => boolean): boolean {
  const { items } = parseAddressItems(header.getAll(name).join(', ').slice(0, maxText));
  return items.some((item) => {
    if (item.kind === 'group-end') return false;
    if (item.kind !== 'address') return holds(decodedWords(item.words));
    return holds(item.parsed.address) || holds(decodedWords(item.parsed.name ?? ''));
  });
}
