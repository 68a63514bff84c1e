import type { BodyPart } from './part.ts';

/** What FETCH wants of a message or of one of its parts (RFC 9051 section 6.4.5, `section`). */
export interface Section {
  /** `[1, 2]` for `BODY[1.2…]`; empty for the message itself. */
  readonly path: readonly number[];
  readonly what: 'ALL' | 'HEADER' | 'HEADER.FIELDS' | 'HEADER.FIELDS.NOT' | 'TEXT' | 'MIME';
  /** Upper case; for HEADER.FIELDS and HEADER.FIELDS.NOT. */
  readonly fields: readonly string[];
}

/** The octets of a section, or undefined where the message has no such part. */
export function sectionOctets(message: BodyPart, section: Section): Buffer | undefined {
  if (section.path.length === 0) return ofMessage(message, section);
  const part = partAt(message, section.path);
  if (part === undefined) return undefined;
  if (section.what === 'ALL') return part.body;
  if (section.what === 'MIME') return part.header;
  // HEADER and TEXT of a part speak of the message in it.
  return part.message === undefined ? undefined : ofMessage(part.message, section);
}

function ofMessage(message: BodyPart, section: Section): Buffer | undefined {
  if (section.what === 'ALL') return Buffer.concat([message.header, message.body]);
  if (section.what === 'HEADER' || section.what === 'MIME') return message.header;
  if (section.what === 'TEXT') return message.body;
  const wanted = new Set(section.fields);
  const keep = section.what === 'HEADER.FIELDS';
  const fields = message.fields.filter((field) => wanted.has(field.name.toUpperCase()) === keep);
  const octets = fields.map((field) => (field.octets.endsWith('\n') ? field.octets : `${field.octets}\r\n`)).join('');
  return Buffer.from(`${octets}\r\n`, 'latin1');
}

function partAt(message: BodyPart, path: readonly number[]): BodyPart | undefined {
  let part = message;
  for (const [depth, number] of path.entries()) {
    // Numbers below a message/rfc822 count the parts of the message in it.
    const inMessage = depth === 0 || part.message !== undefined;
    const container: BodyPart = depth > 0 && part.message !== undefined ? part.message : part;
    const only = inMessage && container.parts.length === 0 && number === 1 ? container : undefined;
    const next: BodyPart | undefined = container.parts[number - 1] ?? only;
    if (next === undefined) return undefined;
    part = next;
  }
  return part;
}
