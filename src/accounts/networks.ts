import { BlockList, isIP } from 'node:net';

/** An IPv4 or IPv6 network, or a single address. */
export interface Network {
  readonly family: 'ipv4' | 'ipv6';
  readonly address: string;
  /** Length of the mask in bits, 0 to 32 or 128. */
  readonly prefix: number;
}

/**
 * Returns an address in canonical form: without a zone, an IPv4 address inside IPv6 (RFC 4291 section 2.5.5.2) as IPv4,
 * IPv6 shortened as in RFC 5952. Undefined if it is not an IP address.
 */
export function canonicalAddress(text: string): string | undefined {
  const bare = text.replace(/%.*$/, '');
  if (isIP(bare) === 4) return bare;
  if (isIP(bare) !== 6) return undefined;
  const canonical = URL.parse(`http://[${bare}]`)?.hostname.slice(1, -1) ?? bare;
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (!mapped) return canonical;
  const [high = 0, low = 0] = mapped.slice(1).map((group) => Number.parseInt(group, 16));
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** Parses `192.168.10.0/24`, `2001:db8::/48` or a single address. Undefined if invalid. */
export function parseNetwork(text: string): Network | undefined {
  const [given = '', length, rest] = text.split('/');
  const address = given.includes('%') ? undefined : canonicalAddress(given);
  if (address === undefined || rest !== undefined || (length !== undefined && !/^\d{1,3}$/.test(length)))
    return undefined;
  const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
  const bits = family === 'ipv4' ? 32 : 128;
  // The mask of a mapped network counts from the start of the IPv6 address.
  const offset = family === 'ipv4' && given.includes(':') ? 96 : 0;
  const prefix = length === undefined ? bits : Number(length) - offset;
  return prefix >= 0 && prefix <= bits ? { family, address, prefix } : undefined;
}

/**
 * Returns the network that an address is counted under: for IPv4 the address itself, for IPv6 its /64, which is what
 * one customer has.
 */
export function sourceNetwork(address: string): string {
  const canonical = canonicalAddress(address) ?? address;
  if (!canonical.includes(':')) return canonical;
  const [head = '', tail] = canonical.split('::');
  const groups = head === '' ? [] : head.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  const all = [...groups, ...Array<string>(missing).fill('0'), ...(tail ? tail.split(':') : [])];
  return `${all.slice(0, 4).join(':')}::/64`;
}

/** Finds the value of the narrowest network that contains an address. */
export class NetworkTable<T> {
  readonly #rows: { readonly list: BlockList; readonly network: Network; readonly value: T }[] = [];

  /** @throws RangeError for an invalid network */
  add(network: string, value: T): void {
    const parsed = parseNetwork(network);
    if (!parsed) throw new RangeError(`not a network: ${network}`);
    const list = new BlockList();
    list.addSubnet(parsed.address, parsed.prefix, parsed.family);
    const row = { list, network: parsed, value };
    // Longest prefix first; equal ones in order of insertion.
    const at = this.#rows.findIndex((other) => other.network.prefix < parsed.prefix);
    this.#rows.splice(at === -1 ? this.#rows.length : at, 0, row);
  }

  /** @param address as the socket reports it; an IPv4 address inside IPv6 counts as IPv4 */
  find(address: string): T | undefined {
    const canonical = canonicalAddress(address);
    if (canonical === undefined) return undefined;
    const family = isIP(canonical) === 4 ? 'ipv4' : 'ipv6';
    // BlockList itself would find every IPv4 address in `::/8`, by its mapped form.
    return this.#rows.find((row) => row.network.family === family && row.list.check(canonical, family))?.value;
  }
}
