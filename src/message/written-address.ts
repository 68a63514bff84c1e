import type { ParsedAddress } from './address-list.ts';
import { encodedWords } from './mime-encodings.ts';
import { isAscii, oneLine } from './safe-text.ts';

/** An address as a field says it: `Ann Example <ann@contoso.com>`. The display name is cut after 200 characters. */
export function writtenAddress({ address, name }: ParsedAddress): string {
  const shown = oneLine(name ?? '', 200);
  return shown === '' ? address : `${phrase(shown)} <${address}>`;
}

/** The value of an address field, an address on each line. */
export function writtenAddresses(addresses: readonly ParsedAddress[]): string {
  return addresses.map(writtenAddress).join(',\r\n ');
}

/** A display name as RFC 5322 section 3.2.5 wants it: encoded-words and plain words bare, everything else quoted. */
export function phrase(name: string): string {
  if (!isAscii(name)) return encodedWords(name);
  if (/^[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]+$/.test(name)) return name;
  return `"${name.replace(/["\\]/g, '\\$&')}"`;
}
