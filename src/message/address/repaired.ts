import { decodedWords } from '../mime/encodings.ts';
import { isValidAddress, splitAddress } from './address.ts';
import type { KnownAddresses } from './known.ts';
import { type AddressItem, type ParsedAddress, parseAddressItems, parseAddressList } from './list.ts';

/** The meaning of an address field, as far as it can be determined. */
export interface RepairedAddresses {
  /** Addresses with a domain, valid in SMTP; each is in the field or a known one. */
  readonly addresses: readonly ParsedAddress[];
  /** The first words that are not an address, to show in its place; absent if they could be taken for one. */
  readonly label?: string;
}

/**
 * Parses an address field that is not well formed. `Smith, John <js@contoso.com>` is one address with a comma in its
 * name. A word without a domain, or an encoded-word that contains an address, counts only if it names a known address:
 * no address is made up from a display text.
 */
export function repairedAddresses(value: string, known?: KnownAddresses): RepairedAddresses {
  const repair = new Repair(known);
  for (const item of parseAddressItems(value).items) repair.take(item);
  const label = repair.words.find((words) => words !== '' && !looksLikeAddress(words));
  return { addresses: repair.addresses, ...(label !== undefined && { label }) };
}

class Repair {
  readonly addresses: ParsedAddress[] = [];
  /** Everything that was not an address. */
  readonly words: string[] = [];
  readonly #known: KnownAddresses | undefined;
  /** Words before a comma that may belong to the name after it. */
  #nameBegun: string[] = [];

  constructor(known: KnownAddresses | undefined) {
    this.#known = known;
  }

  take(item: AddressItem): void {
    if (item.kind === 'group-end') return;
    const isAddress = item.kind === 'address' && splitAddress(item.parsed.address).domain !== '';
    if (isAddress) this.#address(item.parsed, item.inBrackets);
    else if (item.kind === 'address') this.#bare(item.parsed, item.inBrackets, item.words);
    else {
      if (item.kind === 'group') this.#nameBegun = [];
      this.#other(item.words, item.kind === 'words');
    }
  }

  #address(parsed: ParsedAddress, inBrackets = false): void {
    const begun = inBrackets ? this.#nameBegun : [];
    this.#nameBegun = [];
    const name = [...begun, ...(parsed.name === undefined ? [] : [parsed.name])].join(', ');
    if (!isValidAddress(parsed.address, { smtpUtf8: true })) this.words.push(name);
    else this.addresses.push(name === '' ? { address: parsed.address } : { address: parsed.address, name });
  }

  #bare(parsed: ParsedAddress, inBrackets: boolean, words: string): void {
    const address = this.#known?.complete(parsed.address);
    if (address === undefined)
      this.#other(inBrackets ? (parsed.name ?? splitAddress(parsed.address).local) : words, !inBrackets);
    else this.#address({ ...parsed, address });
  }

  #other(words: string, mayBeName: boolean): void {
    const decoded = decodedWords(words);
    const inside = decoded === words ? [] : parseAddressList(decoded).addresses;
    if (inside.length > 0 && inside.every(({ address }) => this.#known?.has(address))) {
      for (const parsed of inside) this.#address(parsed);
      return;
    }
    this.words.push(words);
    if (mayBeName && !looksLikeAddress(words)) this.#nameBegun.push(words);
    else this.#nameBegun = [];
  }
}

/** As people see it: decoded, and whatever the width of the `@`. */
export function looksLikeAddress(name: string): boolean {
  return decodedWords(name).normalize('NFKC').includes('@');
}
