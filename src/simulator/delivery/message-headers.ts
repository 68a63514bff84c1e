import { parseAddressItems } from '../../message/address/list.ts';
import { HeaderBlock } from '../../message/header/fields.ts';

/** One header field of a message. */
export interface StampedField {
  /** In lower case. */
  readonly name: string;
  /** Unfolded (RFC 5322 section 2.2.3), still encoded. */
  readonly value: string;
  /** Offset of the first octet, and of the one after the field's last line end. */
  readonly start: number;
  readonly end: number;
}

/** The addresses of a field, and the entries that are not addresses. */
export interface AddressField {
  readonly addresses: readonly string[];
  readonly malformed: readonly string[];
}

/**
 * The header fields of a message, in order. Anything that is not a field ends the header, including the first line of
 * an mbox.
 */
export function headerFields(content: Buffer): readonly StampedField[] {
  const { fields, mboxLine } = HeaderBlock.parse(content, { maxHeaderBytes: content.length });
  if (mboxLine !== undefined) return [];
  return fields.map((field) => {
    const start = field.raw.byteOffset - content.byteOffset;
    return { name: field.name.toLowerCase(), value: field.value(), start, end: start + field.raw.length };
  });
}

/** The addresses of every field with this name. */
export function addressesIn(fields: readonly StampedField[], name: string): AddressField {
  const addresses: string[] = [];
  const malformed: string[] = [];
  for (const field of fields) {
    if (field.name !== name || field.value === '') continue;
    for (const item of parseAddressItems(field.value).items) {
      if (item.kind === 'group' || item.kind === 'group-end') continue;
      const text = item.kind === 'address' ? item.parsed.address : item.words;
      if (isAddress(text)) addresses.push(text);
      else malformed.push(text);
    }
  }
  return { addresses, malformed };
}

/** Whether a text looks like `local@domain` (RFC 5321 section 4.1.2, a quoted local part included). */
export function isAddress(text: string): boolean {
  return text.length <= 320 && /^(?:"(?:[^"\\]|\\.)+"|[^\s@<>()",;:[\]\\]+)@[^\s@<>()",;:\\]+$/.test(text);
}

/** The message without the fields of this name, every other octet unchanged. */
export function withoutField(content: Buffer, fields: readonly StampedField[], name: string): Buffer {
  const parts: Buffer[] = [];
  let position = 0;
  for (const field of fields) {
    if (field.name !== name) continue;
    parts.push(content.subarray(position, field.start));
    position = field.end;
  }
  return position === 0 ? content : Buffer.concat([...parts, content.subarray(position)]);
}
