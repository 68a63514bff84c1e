import { domainToASCII } from 'node:url';

const dotString = /^[^\s"(),:;<>@[\\\].]+(?:\.[^\s"(),:;<>@[\\\].]+)*$/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controlCharacter = /[\x00-\x1f\x7f]/;

/** The two sides of an address. */
export interface AddressParts {
  /** The local part, unquoted and unescaped. */
  readonly local: string;
  /** As written; empty if absent. */
  readonly domain: string;
}

/** Splits `local@domain`; an `@` inside a quoted local part does not count. */
export function splitAddress(address: string): AddressParts {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  if (at === -1 || domain.includes('"')) return { local: unquoted(address), domain: '' };
  return { local: unquoted(address.slice(0, at)), domain };
}

/** Reverses {@link splitAddress}: quotes the local part only if RFC 5321 section 4.1.2 requires it. */
export function joinAddress(local: string, domain: string): string {
  const written =
    dotString.test(local) && !controlCharacter.test(local) ? local : `"${local.replace(/["\\]/g, '\\$&')}"`;
  return domain === '' ? written : `${written}@${domain}`;
}

function unquoted(local: string): string {
  const quoted = local.length >= 2 && local.startsWith('"') && local.endsWith('"');
  return quoted ? local.slice(1, -1).replace(/\\(.)/gs, '$1') : local;
}

/**
 * Returns a domain in lower case and in its ASCII form; undefined if it cannot be a domain, or is an address literal.
 */
export function asciiDomain(domain: string): string | undefined {
  if (/^[a-z0-9._-]+$/i.test(domain)) return domain.toLowerCase();
  // The conversion is the URL parser's: it would cut `contoso.com/x` short and decode `%2e`. Plain letters are safe.
  if (!/^[\p{L}\p{N}\p{M}._-]+$/u.test(domain)) return undefined;
  return domainToASCII(domain) || undefined;
}
