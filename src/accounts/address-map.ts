import { asciiDomain, joinAddress, splitAddress } from '../message/address/parts.ts';
import { comparedAddress } from './sender-rules.ts';

/** What stands for the local part in a rule: any, and in the new address the one that was there. */
const anyLocalPart = '*';

/**
 * Addresses that stand for others. Compared as sender rules are: without case, domains in their ASCII form, quotes where
 * none are needed ignored.
 */
export class AddressMap {
  readonly #exact = new Map<string, string>();
  readonly #domains = new Map<string, string>();

  /** @param rules new address by old one; `*@domain` is every address of just that domain, and gives way to a whole address */
  constructor(rules: Readonly<Record<string, string>> = {}) {
    for (const [from, to] of Object.entries(rules)) {
      const key = comparedAddress(from);
      const anew = asciiAtDomain(to);
      if (key?.local === anyLocalPart) this.#domains.set(key.domain, anew);
      else if (key) this.#exact.set(keyOf(key), anew);
    }
  }

  /** The address in place of another, once: no rule is applied to what a rule has made. Undefined: it stays as it is. */
  replacement(address: string): string | undefined {
    const given = comparedAddress(address);
    const to = given && (this.#exact.get(keyOf(given)) ?? this.#domains.get(given.domain));
    if (to === undefined) return undefined;
    const { local, domain } = splitAddress(to);
    const anew = local === anyLocalPart ? joinAddress(splitAddress(address).local, domain) : to;
    return anew === address ? undefined : anew;
  }
}

/** In the form that needs no SMTPUTF8 for the domain alone. */
function asciiAtDomain(address: string): string {
  const { local, domain } = splitAddress(address);
  return joinAddress(local, asciiDomain(domain) ?? domain);
}

/** Behind the last `@` there is no other. */
function keyOf({ local, domain }: { readonly local: string; readonly domain: string }): string {
  return `${local}@${domain}`;
}
