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
  const domain = at === -1 ? '' : address.slice(at + 1);
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
