import type { HeaderField } from '../header/fields.ts';
import { type ParsedAddress, parseAddressItems, parseAddressList } from './list.ts';
import { writtenAddresses } from './written.ts';

/** Returns the replacement of an address; undefined: it stays. */
export type ReplaceAddress = (address: string) => string | undefined;

/**
 * Replaces addresses in an address field. Names, groups, comments, encoded-words, folding and the remaining addresses
 * keep their bytes.
 * @returns the whole field, with its line end; undefined if every address stays
 */
export function withReplacedAddresses(field: HeaderField, replace: ReplaceAddress): Buffer | undefined {
  // One character is one byte: what the parser finds can be cut out of the field.
  const value = field.valueOctets().toString('latin1');
  const wanted: ParsedAddress[] = [];
  let written = '';
  let copied = 0;
  for (const item of parseAddressItems(value).items) {
    if (item.kind !== 'address') continue;
    const parsed = inUtf8(item.parsed);
    const anew = replace(parsed.address);
    wanted.push(anew === undefined ? parsed : { ...parsed, address: anew });
    if (anew === undefined) continue;
    const octets = Buffer.from(anew).toString('latin1');
    written += value.slice(copied, item.start) + octets + comments(value.slice(item.start, item.end));
    copied = item.end;
  }
  if (copied === 0) return undefined;
  written += value.slice(copied);
  return isSafe(written, wanted)
    ? Buffer.concat([nameOf(field), Buffer.from(`${written}\r\n`, 'latin1')])
    : Buffer.from(`${field.name}: ${writtenAddresses(wanted)}\r\n`);
}

/**
 * Tells whether the value has exactly these addresses. Bytes that parse differently on their own than in UTF-8 are
 * rare, as are long lines.
 */
function isSafe(value: string, wanted: readonly ParsedAddress[]): boolean {
  const found = parseAddressList(value).addresses.map((each) => inUtf8(each).address);
  const isRight = found.length === wanted.length && wanted.every(({ address }, index) => address === found[index]);
  return isRight && value.split('\r\n').every((line) => line.length <= maxLineOctets);
}

/** RFC 5322 section 2.1.1 allows 998, including the field's name. */
const maxLineOctets = 998 - 80;

function nameOf({ raw }: HeaderField): Buffer {
  return raw.subarray(0, raw.indexOf(':') + 1);
}

function inUtf8({ address, name }: ParsedAddress): ParsedAddress {
  const decoded = (text: string) => Buffer.from(text, 'latin1').toString();
  return name === undefined ? { address: decoded(address) } : { address: decoded(address), name: decoded(name) };
}

/** Returns the comments within an address (`ann (Ann) @contoso.com`), to put after its replacement. */
function comments(address: string): string {
  if (!address.includes('(')) return '';
  const quotedOrComment = /"(?:[^"\\]|\\.)*"|\((?:[^()\\]|\\.)*\)/gs;
  const found = [...address.matchAll(quotedOrComment)].map(([text]) => text).filter((text) => text.startsWith('('));
  return found.map((text) => ` ${text}`).join('');
}
