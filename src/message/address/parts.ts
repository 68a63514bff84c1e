import { domainToASCII } from 'node:url';

const dotString = /^[^\s"(),:;<>@[\\\].]+(?:\.[^\s"(),:;<>@[\\\].]+)*$/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controlCharacter = /[\x00-\x1f\x7f]/;

/** The two sides of an address. */
export interface AddressParts {
  /** The local part, unquoted and unescaped. */
  readonly local: string;
  /** As written; empty where none stands. */
  readonly domain: string;
}

/** Cuts `local@domain`; an `@` inside a quoted local part does not count. */
export function splitAddress(address: string): AddressParts {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  if (at === -1 || domain.includes('"')) return { local: unquoted(address), domain: '' };
  return { local: unquoted(address.slice(0, at)), domain };
}

/** The reverse of {@link splitAddress}: quotes the local part only where RFC 5321 section 4.1.2 asks for it. */
export function joinAddress(local: string, domain: string): string {
  const written =
    dotString.test(local) && !controlCharacter.test(local) ? local : `"${local.replace(/["\\]/g, '\\$&')}"`;
  return domain === '' ? written : `${written}@${domain}`;
}

function unquoted(local: string): string {
  const quoted = local.length >= 2 && local.startsWith('"') && local.endsWith('"');
  return quoted ? local.slice(1, -1).replace(/\\(.)/gs, '$1') : local;
}

/** A domain in lower case and in its ASCII form; undefined for what can be no domain. An address literal is none. */
export function asciiDomain(domain: string): string | undefined {
  if (/^[a-z0-9._-]+$/i.test(domain)) return domain.toLowerCase();
  // The conversion is the URL parser's: it would cut `contoso.com/x` short and decode `%2e`. Letters alone are safe.
  if (!/^[\p{L}\p{N}\p{M}._-]+$/u.test(domain)) return undefined;
  return domainToASCII(domain) || undefined;
}
