import type { HeaderField } from './fields.ts';

/** A field of recipients as it came, under a name that nobody takes recipients from: `X-Mailbridge-To`. */
export function keptField(field: HeaderField): Buffer {
  const value = field.raw
    .subarray(field.raw.indexOf(':') + 1)
    .toString('latin1')
    .trimEnd();
  return Buffer.from(`X-Mailbridge-${field.name.trim()}:${value}\r\n`, 'latin1');
}
