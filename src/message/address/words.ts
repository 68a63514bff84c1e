import type { AddressToken } from './tokens.ts';

/** The `@` between local part and domain. */
export function isAt(token: AddressToken): boolean {
  return token.kind === 'special' && token.text === '@';
}

/** The dot between two words. */
export function isDot(token: AddressToken | undefined): boolean {
  return token?.kind === 'special' && token.text === '.';
}

/** Tells whether words are separated by dots: no two words side by side. Consecutive dots occur in practice. */
export function isDotted(tokens: readonly AddressToken[]): boolean {
  return tokens.every((token, index) => index === 0 || isDot(token) || isDot(tokens[index - 1]));
}

/** RFC 5322 requires one dot between two words; `first..last@` and `last.@` are in use nevertheless. */
export function hasOddDots(tokens: readonly AddressToken[]): boolean {
  return tokens.some((token, index) => isDot(token) && (index === 0 || !tokens[index + 1] || isDot(tokens[index + 1])));
}

/** Returns the index of the next `@`, or -1. */
export function nextAt(tokens: readonly AddressToken[], from: number): number {
  for (let index = from; index < tokens.length; index++) {
    const token = tokens[index];
    if (token && isAt(token)) return index;
  }
  return -1;
}

/** Returns where the local part before the `@` at index `at` begins, `from` at the earliest. */
export function localPartStart(tokens: readonly AddressToken[], at: number, from: number): number {
  let start = Math.max(from, at - 1);
  while (start > from && (isDot(tokens[start]) || isDot(tokens[start - 1]))) start--;
  return start;
}

/** Returns where the domain after the `@` at index `at` ends. */
export function domainEnd(tokens: readonly AddressToken[], at: number): number {
  let end = Math.min(at + 2, tokens.length);
  while (end < tokens.length && (isDot(tokens[end]) || isDot(tokens[end - 1]))) end++;
  return end;
}

/** Joins tokens; white space in a domain literal does not count (RFC 5322 section 3.4.1). */
export function textOf(tokens: readonly AddressToken[]): string {
  return tokens.map(({ kind, text }) => (kind === 'literal' ? text.replace(/\s/g, '') : text)).join('');
}

/** There are no encoded-words in an address (RFC 2047 section 5), yet some readers decode them there. */
export function holdsEncodedWord(tokens: readonly AddressToken[]): boolean {
  return /=\?[^?]+\?[bq]\?[^?]*\?=/i.test(textOf(tokens));
}

/**
 * Tells whether tokens may precede `<` or, in a group, `:` (RFC 5322 sections 3.2.5 and 4.1): brackets must be quoted,
 * `[HP Scanner]`, and a dot cannot come first.
 */
export function isPhrase(tokens: readonly AddressToken[]): boolean {
  return !isDot(tokens[0]) && !tokens.some(({ kind }) => kind === 'literal');
}

/** Joins tokens to a display name, with one space for white space. */
export function phrase(tokens: readonly AddressToken[]): string {
  return tokens
    .map((token) => (token.spaced ? ` ${token.text}` : token.text))
    .join('')
    .trim();
}
