import { completeAddress, normalizeAddress, splitAddress } from './address.ts';

/** Addresses that complete a word without a domain: `root` means `root@contoso.com` if that is in the envelope. */
export class KnownAddresses {
  readonly #given: readonly string[];
  readonly #domain: string;
  /** Most messages name nobody without a domain. */
  #index: AddressIndex | undefined;

  /** @param domain that of the account's mailbox, with which SMTP completes addresses, too */
  constructor(addresses: readonly string[], domain: string) {
    this.#given = addresses;
    this.#domain = domain;
  }

  has(address: string): boolean {
    return this.#indexed().addresses.has(normalizeAddress(address));
  }

  /** Returns the address that a bare local part stands for; undefined if it is unknown or ambiguous. */
  complete(word: string): string | undefined {
    const { addresses, byLocalPart } = this.#indexed();
    const atDomain = addresses.get(normalizeAddress(completeAddress(word, this.#domain)));
    return atDomain ?? byLocalPart.get(localKey(word));
  }

  #indexed(): AddressIndex {
    this.#index ??= addressIndex(this.#given);
    return this.#index;
  }
}

interface AddressIndex {
  readonly addresses: ReadonlyMap<string, string>;
  /** Undefined: ambiguous. */
  readonly byLocalPart: ReadonlyMap<string, string | undefined>;
}

function addressIndex(given: readonly string[]): AddressIndex {
  const addresses = new Map<string, string>();
  const byLocalPart = new Map<string, string | undefined>();
  for (const address of given) {
    const key = normalizeAddress(address);
    if (addresses.has(key)) continue;
    addresses.set(key, address);
    const local = localKey(address);
    byLocalPart.set(local, byLocalPart.has(local) ? undefined : address);
  }
  return { addresses, byLocalPart };
}

function localKey(address: string): string {
  return splitAddress(address).local.toLowerCase().normalize('NFC');
}
