import { decodedWords, encodedWords } from '../mime/encodings.ts';
import { isAscii, oneLine } from '../safe-text.ts';
import type { ParsedAddress } from './list.ts';

/** An address as a field says it: `Ann Example <ann@contoso.com>`. The display name is cut after 200 characters. */
export function writtenAddress({ address, name = '' }: ParsedAddress): string {
  const shown = phrase(name);
  return shown === '' ? address : `${shown} <${address}>`;
}

/** The value of an address field, an address on each line. */
export function writtenAddresses(addresses: readonly ParsedAddress[]): string {
  return addresses.map(writtenAddress).join(',\r\n ');
}

const maxLength = 200;
const atoms = /^[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]+$/;
const encodedWord = /^=\?[^?]+\?[bq]\?[^?]+\?=$/i;

/**
 * A display name as RFC 5322 section 3.2.5 and RFC 2047 section 5(3) want it: plain words and well-formed encoded-words
 * bare, everything else quoted or encoded. Many programs write `=?utf-8?Q?Dr._M=C3=BCller?=`, whose dot may stand
 * neither bare nor, for then it is not decoded, in quotes. What takes several encoded-words has a line for each.
 * @param name encoded-words in it are read; it is cut after 200 characters
 * @returns nothing where the name holds nothing to see
 */
export function phrase(name: string): string {
  if (name.length <= maxLength && atoms.test(name) && name.split(' ').every(isWord)) return name.trim();
  const text = oneLine(decodedWords(name), maxLength);
  // What still looks encoded must not be decoded once more: it may read as anything then.
  if (!isAscii(text) || text.includes('=?')) return encodedWords(text).replaceAll(' ', '\r\n ');
  return text === '' || atoms.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function isWord(word: string): boolean {
  return !word.includes('=?') || (word.length <= 75 && encodedWord.test(word));
}
