import type { HeaderBlock } from '../header/fields.ts';
import { isAddressField } from './fields.ts';
import { parseAddressItems } from './list.ts';

/**
 * Maximum bytes of one address field, including folding. Exchange Online accepts 1,000 recipients; with names of 40
 * bytes, they fit.
 */
export const maxAddressFieldBytes = 64 * 1024;
/** Maximum bytes of all address fields of a header together. */
export const maxAddressBytes = 2 * maxAddressFieldBytes;
/** Maximum number of addresses in all address fields of a header together. */
export const maxAddresses = 2000;

/** The address fields of a header exceed the limits. */
export class TooManyAddressesError extends Error {
  override readonly name = 'TooManyAddressesError';
}

/**
 * Addresses are parsed several times on the way, and everything else waits meanwhile: a header of 1 MiB must not be one
 * list.
 * @throws TooManyAddressesError
 */
export function assertAddressBounds(header: HeaderBlock): void {
  const fields = header.fields.filter(isAddressField);
  const long = fields.find(({ raw }) => raw.length > maxAddressFieldBytes);
  if (long) throw new TooManyAddressesError(`Field ${long.name} is larger than ${maxAddressFieldBytes} octets`);
  const bytes = fields.reduce((sum, { raw }) => sum + raw.length, 0);
  // Everything counted below takes at least one byte.
  if (bytes <= maxAddresses) return;
  if (bytes > maxAddressBytes) {
    throw new TooManyAddressesError(`Address fields are larger than ${maxAddressBytes} octets in all`);
  }
  let addresses = 0;
  for (const field of fields) {
    addresses += parseAddressItems(field.value()).items.filter(({ kind }) => kind !== 'group-end').length;
    if (addresses > maxAddresses) throw new TooManyAddressesError(`Header holds more than ${maxAddresses} addresses`);
  }
}
