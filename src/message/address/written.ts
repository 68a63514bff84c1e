import { decodedWords, encodedWords } from '../mime/encodings.ts';
import { isAscii, oneLine } from '../safe-text.ts';
import type { ParsedAddress } from './list.ts';

/** Formats an address for a field: `Ann Example <ann@contoso.com>`. The display name is cut after 200 characters. */
export function writtenAddress({ address, name = '' }: ParsedAddress): string {
  const shown = phrase(name);
  return shown === '' ? address : `${shown} <${address}>`;
}

/** Formats the value of an address field, one address per line. */
export function writtenAddresses(addresses: readonly ParsedAddress[]): string {
  return addresses.map(writtenAddress).join(',\r\n ');
}

const maxLength = 200;
const atoms = /^[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]+$/;
const encodedWord = /^=\?[^?]+\?[bq]\?[^?]+\?=$/i;

/**
 * Formats a display name as RFC 5322 section 3.2.5 and RFC 2047 section 5(3) require: plain words and well-formed
 * encoded-words bare, everything else quoted or encoded. Many programs write `=?utf-8?Q?Dr._M=C3=BCller?=`, whose dot
 * is not allowed bare, and which is not decoded in quotes. Each of several encoded-words is on its own line.
 * @param name encoded-words in it are decoded; it is cut after 200 characters
 * @returns an empty string if the name contains nothing visible
 */
export function phrase(name: string): string {
  if (name.length <= maxLength && atoms.test(name) && name.split(' ').every(isWord)) return name.trim();
  const text = oneLine(decodedWords(name), maxLength);
  // Text that still looks encoded must not be decoded again: it could then become anything.
  if (!isAscii(text) || text.includes('=?')) return encodedWords(text).replaceAll(' ', '\r\n ');
  return text === '' || atoms.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function isWord(word: string): boolean {
  return !word.includes('=?') || (word.length <= 75 && encodedWord.test(word));
}
