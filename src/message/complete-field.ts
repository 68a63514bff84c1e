import { completeAddress, domainOf, parseAddressList } from './addresses.ts';
import type { HeaderField } from './headers.ts';

/**
 * An address field whose addresses all have a domain, as it should have been written: `To: root` becomes
 * `To: root@contoso.com`. Undefined where the field needs no such help.
 * @param domain for the addresses without one
 */
export function completedField(field: HeaderField, domain: string): Buffer | undefined {
  const { addresses, problems } = parseAddressList(field.value());
  if (!problems.includes('no-domain')) return undefined;
  const written = addresses.map(({ address, name }) => {
    const complete = domainOf(address) === '' ? completeAddress(address, domain) : address;
    return name === undefined ? complete : `${phrase(name)} <${complete}>`;
  });
  return Buffer.from(`${field.name}: ${written.join(',\r\n ')}\r\n`);
}

/** A display name as RFC 5322 section 3.2.5 wants it: encoded-words and plain words bare, everything else quoted. */
function phrase(name: string): string {
  if (/^[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]+$/.test(name)) return name;
  return `"${name.replace(/["\\]/g, '\\$&')}"`;
}
