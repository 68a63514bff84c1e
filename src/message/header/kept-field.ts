import type { HeaderField } from './fields.ts';

/** Returns a recipient field as received, under a name that no program takes recipients from: `X-Mailbridge-To`. */
export function keptField(field: HeaderField): Buffer {
  const value = field.raw
    .subarray(field.raw.indexOf(':') + 1)
    .toString('latin1')
    .trimEnd();
  return Buffer.from(`X-Mailbridge-${field.name.trim()}:${value}\r\n`, 'latin1');
}
