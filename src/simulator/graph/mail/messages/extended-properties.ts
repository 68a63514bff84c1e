import type { StampedField } from '../../../delivery/message-headers.ts';
import type { StoredProperty } from '../../../mailboxes/stored-message.ts';

/** Properties that correspond to header fields ([MS-OXCMAIL] sections 2.1.3.2 and 2.2.3.2). */
const taggedFields: Readonly<Record<string, string>> = {
  '0x1035': 'Message-ID',
  '0x1039': 'References',
  '0x1042': 'In-Reply-To',
};

/** PS_INTERNET_HEADERS: header fields that have no property, by field name. */
const internetHeaders = /^string \{00020386-0000-0000-c000-000000000046\} name (\S+)$/i;

/** Fields made from a message's own properties, regardless of named properties. */
const modelled =
  /^(?:from|sender|reply-to|to|cc|bcc|subject|date|message-id|mime-version|content-.*|received|return-path)$/i;

/** Ids are compared case-insensitively, and their numbers without leading zeros. */
export function normalizedId(id: string): string {
  return id.trim().replace(/\s+/g, ' ').replace(/0x0*/i, '0x').toLowerCase();
}

/** The header field that a property stands for. */
export function fieldNameOf(id: string): string | undefined {
  const named = internetHeaders.exec(id.trim().replace(/\s+/g, ' '))?.[1];
  if (named !== undefined) return named;
  const tag = /^string (0x[\da-f]+)$/.exec(normalizedId(id))?.[1];
  return tag === undefined ? undefined : taggedFields[tag];
}

/** The fields that a message gets from its properties. */
export function fieldsFrom(properties: readonly StoredProperty[]): readonly (readonly [string, string])[] {
  return properties.flatMap(({ id, value }) => {
    const name = fieldNameOf(id);
    return name === undefined || modelled.test(name) ? [] : [[name, value] as const];
  });
}

/** A property's value: its own, or that of the corresponding header field. */
export function propertyValue(
  id: string,
  properties: readonly StoredProperty[],
  fields: () => readonly StampedField[],
): string | undefined {
  const own = properties.find((property) => normalizedId(property.id) === normalizedId(id));
  if (own !== undefined) return own.value;
  const name = fieldNameOf(id)?.toLowerCase();
  return name === undefined ? undefined : fields().find((field) => field.name === name)?.value;
}

/** Properties with some of them replaced. */
export function merged(before: readonly StoredProperty[], given: readonly StoredProperty[]): readonly StoredProperty[] {
  const set = new Set(given.map(({ id }) => normalizedId(id)));
  return [...before.filter(({ id }) => !set.has(normalizedId(id))), ...given];
}
