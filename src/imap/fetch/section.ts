import type { HeaderBlock } from '../../message/header/fields.ts';
import type { MimePart } from '../../message/mime/part.ts';
import type { ParsedMessage } from './parsed-message.ts';

/** The part of a message, or of one of its parts, that FETCH requests (RFC 9051 section 6.4.5, `section`). */
export interface Section {
  /** `[1, 2]` for `BODY[1.2…]`; empty for the message itself. */
  readonly path: readonly number[];
  readonly what: 'ALL' | 'HEADER' | 'HEADER.FIELDS' | 'HEADER.FIELDS.NOT' | 'TEXT' | 'MIME';
  /** Upper case; for HEADER.FIELDS and HEADER.FIELDS.NOT. */
  readonly fields: readonly string[];
}

/** Returns the bytes of a section, or undefined if the message has no such part. */
export function sectionOctets(message: ParsedMessage, section: Section): Buffer | undefined {
  const { root, octets } = message;
  const { path, what } = section;
  if (path.length === 0) return what === 'ALL' ? octets : ofMessage(message, root, section);
  const part = partAt(root, path);
  if (part === undefined) return undefined;
  if (what === 'ALL') return message.body(part);
  if (what === 'MIME') return part.header.raw;
  // HEADER and TEXT of a part refer to the message in it.
  return part.message && ofMessage(message, part.message, section);
}

function ofMessage(message: ParsedMessage, part: MimePart, section: Section): Buffer {
  return section.what === 'TEXT' ? message.body(part) : headerOctets(part.header, section);
}

/** Returns the bytes of HEADER, HEADER.FIELDS or HEADER.FIELDS.NOT. */
export function headerOctets(header: HeaderBlock, { what, fields }: Section): Buffer {
  if (what !== 'HEADER.FIELDS' && what !== 'HEADER.FIELDS.NOT') return header.raw;
  const keep = what === 'HEADER.FIELDS';
  return header.edit({ drop: ({ name }) => fields.includes(name.toUpperCase()) !== keep });
}

/** Returns the part that the numbers name, or undefined if the message has none. */
export function partAt(root: MimePart, path: readonly number[]): MimePart | undefined {
  let part = root;
  for (const [depth, number] of path.entries()) {
    // Numbers below a message/rfc822 count the parts of the message in it.
    const inMessage = depth === 0 || part.message !== undefined;
    const container: MimePart = depth > 0 && part.message !== undefined ? part.message : part;
    const only = inMessage && container.parts.length === 0 && number === 1 ? container : undefined;
    const next: MimePart | undefined = container.parts[number - 1] ?? only;
    if (next === undefined) return undefined;
    part = next;
  }
  return part;
}
