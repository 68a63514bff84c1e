import { asciiDomain } from './parts.ts';

const everybodyAt = '*@';

/** The domain of `*@domain`; undefined for what is no such pattern. */
export function patternDomain(text: string): string | undefined {
  return text.startsWith(everybodyAt) ? text.slice(everybodyAt.length) : undefined;
}

/** Whether a text stands for every address of a domain. */
export function isPattern(text: string): boolean {
  return text.startsWith(everybodyAt);
}

/** Those of some addresses and patterns that are addresses. */
export function exactAddresses(texts: readonly string[]): string[] {
  return texts.filter((text) => !isPattern(text));
}

/** What a user principal name may hold before its `@`: nothing that is a separator, a wildcard or a quote anywhere. */
const principalName = /^([A-Za-z0-9'._!#^~+&=-]{1,64})@([^@\s/\\]{1,253})$/;

/**
 * The mailbox that an address names at the domain of a pattern, in one spelling; undefined for one of another domain,
 * and for what can be no user principal name, though it be an address: `*@contoso.com` itself, or `"a/b"@contoso.com`.
 */
export function mailboxAt(pattern: string, address: string): string | undefined {
  const domain = patternDomain(pattern);
  const [, local, given] = principalName.exec(address.normalize('NFC').replace(/\.$/, '')) ?? [];
  if (domain === undefined || local === undefined || given === undefined) return undefined;
  const asked = asciiDomain(given);
  return asked !== undefined && asked === asciiDomain(domain) ? `${local}@${domain}`.toLowerCase() : undefined;
}
