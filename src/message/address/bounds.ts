import type { HeaderBlock } from '../header/fields.ts';
import { isAddressField } from './fields.ts';
import { parseAddressItems } from './list.ts';

/** Of one address field, folding included. Exchange Online takes 1,000 recipients; under names of 40 octets they have room. */
export const maxAddressFieldBytes = 64 * 1024;
/** Of all address fields of a header together. */
export const maxAddressBytes = 2 * maxAddressFieldBytes;
/** In all address fields of a header together. */
export const maxAddresses = 2000;

/** The address fields of a header hold more than is read. */
export class TooManyAddressesError extends Error {
  override readonly name = 'TooManyAddressesError';
}

/**
 * Addresses are read several times on the way, and everybody else waits meanwhile: a header of 1 MiB may not be one list.
 * @throws TooManyAddressesError
 */
export function assertAddressBounds(header: HeaderBlock): void {
  const fields = header.fields.filter(isAddressField);
  const long = fields.find(({ raw }) => raw.length > maxAddressFieldBytes);
  if (long) throw new TooManyAddressesError(`Field ${long.name} is larger than ${maxAddressFieldBytes} octets`);
  const bytes = fields.reduce((sum, { raw }) => sum + raw.length, 0);
  // Whatever is counted below takes an octet at least.
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
