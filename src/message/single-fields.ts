import { parseAddressList } from './addresses.ts';
import { HeaderBlock, type HeaderField } from './headers.ts';

/** Fields that may stand once in a message (RFC 5322 section 3.6; MIME's are of RFC 2045 section 3). */
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
];
/** Those that hold lists, which make one list. From is for whoever looks at the sender. */
const lists = ['To', 'Cc', 'Reply-To'];
const once = new Set([...single, ...lists].map((name) => name.toLowerCase()));

/**
 * The header with each field once that may stand only once: the first one counts, and several To, Cc or Reply-To make one
 * list, so that no recipient disappears from view. Different programs would otherwise read different messages out of
 * the same octets. The very same header where nothing stands twice.
 */
export function withSingleFields(header: HeaderBlock): HeaderBlock {
  if (!hasSurplus(header)) return header;
  const dropped = new Set<HeaderField>();
  const joined = new Map<HeaderField, Buffer>();
  for (const name of single) for (const surplus of named(header, name).slice(1)) dropped.add(surplus);
  for (const name of lists) {
    const fields = named(header, name);
    const [first] = fields;
    // What cannot be read cannot be joined either.
    if (first === undefined || fields.length === 1 || !fields.every(isReadable)) continue;
    joined.set(first, joinedList(fields));
    for (const surplus of fields.slice(1)) dropped.add(surplus);
  }
  if (dropped.size === 0 && joined.size === 0) return header;
  const pieces = header.fields
    .filter((field) => !dropped.has(field))
    .map((field) => joined.get(field) ?? field.wholeLine());
  return HeaderBlock.parse(Buffer.concat([...pieces, Buffer.from('\r\n')]));
}

/** Almost no message has any. */
function hasSurplus({ fields }: HeaderBlock): boolean {
  const seen = new Set<string>();
  return fields.some(({ name }) => {
    const key = name.toLowerCase();
    if (!once.has(key)) return false;
    const isSurplus = seen.has(key);
    seen.add(key);
    return isSurplus;
  });
}

function named(header: HeaderBlock, name: string): HeaderField[] {
  return header.fields.filter((field) => field.is(name));
}

function isReadable(field: HeaderField): boolean {
  return parseAddressList(field.value()).problems.every((problem) => problem === 'no-domain');
}

/** The octets of the values as they came, those that are empty left out. */
function joinedList(fields: readonly HeaderField[]): Buffer {
  const values = fields.filter((field) => field.value() !== '').map((field) => field.valueOctets());
  const separated = values.flatMap((value, index) => (index === 0 ? [value] : [Buffer.from(',\r\n'), value]));
  return Buffer.concat([Buffer.from(`${fields[0]?.name}:`), ...separated, Buffer.from('\r\n')]);
}
