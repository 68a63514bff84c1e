import { asciiDomain, joinAddress, splitAddress } from '../message/address/parts.ts';
import { comparedAddress } from './sender-rules.ts';

/** Stands for any local part in a rule, and for the original one in the new address. */
const anyLocalPart = '*';

/**
 * Replaces addresses by others. Compares like sender rules: ignoring case, domains in their ASCII form, and unnecessary
 * quotes ignored.
 */
export class AddressMap {
  readonly #exact = new Map<string, string>();
  readonly #domains = new Map<string, string>();

  /**
   * @param rules new address by old one; `*@domain` matches every address of exactly that domain, and a full address
   * takes precedence
   */
  constructor(rules: Readonly<Record<string, string>> = {}) {
    for (const [from, to] of Object.entries(rules)) {
      const key = comparedAddress(from);
      const anew = asciiAtDomain(to);
      if (key?.local === anyLocalPart) this.#domains.set(key.domain, anew);
      else if (key) this.#exact.set(keyOf(key), anew);
    }
  }

  /** Returns the replacement of an address, applying rules only once. Undefined: the address stays. */
  replacement(address: string): string | undefined {
    const given = comparedAddress(address);
    const to = given && (this.#exact.get(keyOf(given)) ?? this.#domains.get(given.domain));
    if (to === undefined) return undefined;
    const { local, domain } = splitAddress(to);
    const anew = local === anyLocalPart ? joinAddress(splitAddress(address).local, domain) : to;
    return anew === address ? undefined : anew;
  }
}

/** Only for the domain, the form that needs no SMTPUTF8. */
function asciiAtDomain(address: string): string {
  const { local, domain } = splitAddress(address);
  return joinAddress(local, asciiDomain(domain) ?? domain);
}

/** There is no other `@` after the last one. */
function keyOf({ local, domain }: { readonly local: string; readonly domain: string }): string {
  return `${local}@${domain}`;
}
