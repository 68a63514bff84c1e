import { completeAddress, domainOf, parseAddressList } from './addresses.ts';
import type { HeaderField } from './headers.ts';
import { writtenAddresses } from './written-address.ts';

/**
 * An address field whose addresses all have a domain, as it should have been written: `To: root` becomes
 * `To: root@contoso.com`. Undefined where the field needs no such help.
 * @param domain for the addresses without one
 */
export function completedField(field: HeaderField, domain: string): Buffer | undefined {
  const { addresses, problems } = parseAddressList(field.value());
  if (!problems.includes('no-domain')) return undefined;
  const complete = addresses.map((each) =>
    domainOf(each.address) === '' ? { ...each, address: completeAddress(each.address, domain) } : each,
  );
  return Buffer.from(`${field.name}: ${writtenAddresses(complete)}\r\n`);
}
