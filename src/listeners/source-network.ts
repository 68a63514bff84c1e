import { canonicalAddress } from '../accounts/networks.ts';

/**
 * What counts as one client when connections are counted: an IPv4 address, also one that is mapped into IPv6, or the
 * /64 network of an IPv6 address, which is what one customer has.
 * @param address as the socket tells it
 */
export function sourceNetwork(address: string): string {
  const canonical = canonicalAddress(address) ?? address;
  if (!canonical.includes(':')) return canonical;
  const [head = '', tail] = canonical.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
