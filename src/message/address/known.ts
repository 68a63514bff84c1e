import { completeAddress, normalizeAddress, splitAddress } from './address.ts';

/** Addresses that complete a word without a domain: `root` means `root@contoso.com` if that is in the envelope. */
export class KnownAddresses {
  readonly #addresses = new Map<string, string>();
  readonly #byLocalPart = new Map<string, string | undefined>();
  readonly #domain: string;

  /** @param domain that of the account's mailbox, with which SMTP completes addresses, too */
  constructor(addresses: Iterable<string>, domain: string) {
    this.#domain = domain;
    for (const address of addresses) this.#note(address);
  }

  #note(address: string): void {
    const key = normalizeAddress(address);
    if (this.#addresses.has(key)) return;
    this.#addresses.set(key, address);
    const local = localKey(address);
    this.#byLocalPart.set(local, this.#byLocalPart.has(local) ? undefined : address);
  }

  has(address: string): boolean {
    return this.#addresses.has(normalizeAddress(address));
  }

  /** Returns the address that a bare local part stands for; undefined if it is unknown or ambiguous. */
  complete(word: string): string | undefined {
    const atDomain = this.#addresses.get(normalizeAddress(completeAddress(word, this.#domain)));
    return atDomain ?? this.#byLocalPart.get(localKey(word));
  }
}

function localKey(address: string): string {
  return splitAddress(address).local.toLowerCase().normalize('NFC');
}
