import { parseAddressItems } from '../../message/address/list.ts';
import type { HeaderBlock } from '../../message/header/fields.ts';
import { decodedWords } from '../../message/mime/encodings.ts';

/** What is looked at of all fields of one name, in UTF-16 code units. */
const maxText = 256 * 1024;

/** Whether the addresses of a field, as ENVELOPE tells them, hold a text: their names, or `mailbox@host`. */
export function addressesHold(header: HeaderBlock, name: string, holds: (text: string) => boolean): boolean {
  const { items } = parseAddressItems(header.getAll(name).join(', ').slice(0, maxText));
  return items.some((item) => {
    if (item.kind === 'group-end') return false;
    if (item.kind !== 'address') return holds(decodedWords(item.words));
    return holds(item.parsed.address) || holds(decodedWords(item.parsed.name ?? ''));
  });
}
