import { completeAddress, normalizeAddress, splitAddress } from './address.ts';

/** Addresses by which a word without a domain can be understood: `root` is that of an envelope with `root@contoso.com`. */
export class KnownAddresses {
  readonly #addresses = new Map<string, string>();
  readonly #byLocalPart = new Map<string, string | undefined>();
  readonly #domain: string;

  /** @param domain that of the account's mailbox, which SMTP completes addresses with, too */
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

  /** The address that a bare local part stands for; undefined where it is nobody's, or may be that of several. */
  complete(word: string): string | undefined {
    const atDomain = this.#addresses.get(normalizeAddress(completeAddress(word, this.#domain)));
    return atDomain ?? this.#byLocalPart.get(localKey(word));
  }
}

function localKey(address: string): string {
  return splitAddress(address).local.toLowerCase().normalize('NFC');
}
