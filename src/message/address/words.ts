import type { AddressToken } from './tokens.ts';

/** The `@` between local part and domain. */
export function isAt(token: AddressToken): boolean {
  return token.kind === 'special' && token.text === '@';
}

/** The dot between two words. */
export function isDot(token: AddressToken | undefined): boolean {
  return token?.kind === 'special' && token.text === '.';
}

/** Words with dots between them: no two words side by side. Dots side by side occur in the wild. */
export function isDotted(tokens: readonly AddressToken[]): boolean {
  return tokens.every((token, index) => index === 0 || isDot(token) || isDot(tokens[index - 1]));
}

/** RFC 5322 asks for one dot between two words; `first..last@` and `last.@` are in use nevertheless. */
export function hasOddDots(tokens: readonly AddressToken[]): boolean {
  return tokens.some((token, index) => isDot(token) && (index === 0 || !tokens[index + 1] || isDot(tokens[index + 1])));
}

/** Index of the next `@`, or -1. */
export function nextAt(tokens: readonly AddressToken[], from: number): number {
  for (let index = from; index < tokens.length; index++) {
    const token = tokens[index];
    if (token && isAt(token)) return index;
  }
  return -1;
}

/** Where the local part before the `@` at index `at` begins, `from` at the earliest. */
export function localPartStart(tokens: readonly AddressToken[], at: number, from: number): number {
  let start = Math.max(from, at - 1);
  while (start > from && (isDot(tokens[start]) || isDot(tokens[start - 1]))) start--;
  return start;
}

/** Where the domain behind the `@` at index `at` ends. */
export function domainEnd(tokens: readonly AddressToken[], at: number): number {
  let end = Math.min(at + 2, tokens.length);
  while (end < tokens.length && (isDot(tokens[end]) || isDot(tokens[end - 1]))) end++;
  return end;
}

/** Tokens side by side; white space in a domain literal does not count (RFC 5322 section 3.4.1). */
export function textOf(tokens: readonly AddressToken[]): string {
  return tokens.map(({ kind, text }) => (kind === 'literal' ? text.replace(/\s/g, '') : text)).join('');
}

/** An encoded-word is none in an address (RFC 2047 section 5), yet some readers decode it there. */
export function holdsEncodedWord(tokens: readonly AddressToken[]): boolean {
  return /=\?[^?]+\?[bq]\?[^?]*\?=/i.test(textOf(tokens));
}

/**
 * Whether tokens may stand before `<` or, in a group, before `:` (RFC 5322 sections 3.2.5 and 4.1): brackets have to be
 * quoted, `[HP Scanner]`, and a dot cannot come first.
 */
export function isPhrase(tokens: readonly AddressToken[]): boolean {
  return !isDot(tokens[0]) && !tokens.some(({ kind }) => kind === 'literal');
}

/** Tokens as a display name, one blank where white space stood. */
export function phrase(tokens: readonly AddressToken[]): string {
  return tokens
    .map((token) => (token.spaced ? ` ${token.text}` : token.text))
    .join('')
    .trim();
}
