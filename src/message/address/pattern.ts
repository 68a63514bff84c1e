import { asciiDomain } from './parts.ts';

const everybodyAt = '*@';

/** Returns the domain of `*@domain`; undefined if it is not such a pattern. */
export function patternDomain(text: string): string | undefined {
  return text.startsWith(everybodyAt) ? text.slice(everybodyAt.length) : undefined;
}

/** Tells whether a text stands for every address of a domain. */
export function isPattern(text: string): boolean {
  return text.startsWith(everybodyAt);
}

/** Returns the addresses among addresses and patterns. */
export function exactAddresses(texts: readonly string[]): string[] {
  return texts.filter((text) => !isPattern(text));
}

/** Characters allowed in a user principal name before its `@`: no separators, wildcards or quotes. */
const principalName = /^([A-Za-z0-9'._!#^~+&=-]{1,64})@([^@\s/\\]{1,253})$/;

/**
 * Returns the mailbox that an address names at the domain of a pattern, normalized. Undefined for another domain, and
 * for an address that cannot be a user principal name: `*@contoso.com` itself, or `"a/b"@contoso.com`.
 */
export function mailboxAt(pattern: string, address: string): string | undefined {
  const domain = patternDomain(pattern);
  const [, local, given] = principalName.exec(address.normalize('NFC').replace(/\.$/, '')) ?? [];
  if (domain === undefined || local === undefined || given === undefined) return undefined;
  const asked = asciiDomain(given);
  return asked !== undefined && asked === asciiDomain(domain) ? `${local}@${domain}`.toLowerCase() : undefined;
}
