import { parseAddressList } from '../address/address.ts';
import { writtenAddresses } from '../address/written.ts';
import type { HeaderBlock, HeaderField } from './fields.ts';

/** Fields allowed only once in a message (RFC 5322 section 3.6, RFC 2045 section 3, RFC 2183). */
const single = [
  'Date',
  'Sender',
  'Message-ID',
  'In-Reply-To',
  'References',
  'Subject',
  'MIME-Version',
  'Content-Type',
  'Content-Transfer-Encoding',
  'Content-Disposition',
  'Content-ID',
  'Content-Description',
];
/** Those that contain lists, which are merged. From is left to the code that checks the sender. */
const lists = ['To', 'Cc', 'Reply-To'];
const nothing = Buffer.alloc(0);
const once = new Set([...single, ...lists].map((name) => name.toLowerCase()));

/**
 * Returns the header with only one of each field that is allowed only once: the first one counts, and several To, Cc or
 * Reply-To are merged, so that no recipient disappears from view. Otherwise, different programs would read different
 * messages from the same bytes. Returns the same header if nothing is repeated.
 */
export function withSingleFields(header: HeaderBlock): HeaderBlock {
  if (!hasSurplus(header)) return header;
  const written = new Map<HeaderField, Buffer>();
  for (const name of single) for (const surplus of named(header, name).slice(1)) written.set(surplus, nothing);
  for (const name of lists) {
    const fields = named(header, name);
    const [first] = fields;
    if (first === undefined || fields.length === 1) continue;
    written.set(first, joinedList(name, fields));
    for (const surplus of fields.slice(1)) written.set(surplus, nothing);
  }
  return header.with(written);
}

/** Almost no message has any. */
function hasSurplus({ fields }: HeaderBlock): boolean {
  const seen = new Set<string>();
  return fields.some(({ key }) => {
    if (!once.has(key)) return false;
    const isSurplus = seen.has(key);
    seen.add(key);
    return isSurplus;
  });
}

function named(header: HeaderBlock, name: string): HeaderField[] {
  return header.fields.filter((field) => field.is(name));
}

function joinedList(name: string, fields: readonly HeaderField[]): Buffer {
  const naming = fields.filter((field) => parseAddressList(field.value()).addresses.length > 0);
  // A group without members says that nobody is named.
  const values = (naming.length > 0 ? naming : fields).map(listValue).filter((value) => value.length > 0);
  const separated = values.flatMap((value, index) => (index === 0 ? [value] : [Buffer.from(',\r\n '), value]));
  return Buffer.concat([Buffer.from(`${name}: `), ...separated, Buffer.from('\r\n')]);
}

/**
 * Returns the bytes of the value as received or, if that would break the list, the addresses that can be read from it.
 */
function listValue(field: HeaderField): Buffer {
  const { addresses, problems } = parseAddressList(field.value());
  const isSound = problems.every((problem) => problem === 'no-domain');
  return isSound ? fromFirstWord(field.valueOctets()) : Buffer.from(writtenAddresses(addresses));
}

/**
 * Drops the folding before the first word: after a comma, it would make a blank line, which some readers take for the
 * end of the header.
 */
function fromFirstWord(value: Buffer): Buffer {
  const first = value.findIndex((octet) => octet > 0x20);
  return first === -1 ? Buffer.alloc(0) : value.subarray(first);
}
