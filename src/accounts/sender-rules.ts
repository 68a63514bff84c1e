import { asciiDomain } from '../message/address/parts.ts';

/**
 * Tells whether one of the allowed senders covers an address. Domains are compared ignoring case and in their ASCII
 * form; local parts ignoring case too, as Exchange does. `*@domain` covers every address of exactly that domain.
 * @param senders addresses and `*@domain` patterns
 */
export function mayUseAddress(senders: readonly string[], address: string): boolean {
  const given = comparedAddress(address);
  if (!given) return false;
  if (senders.includes(address)) return true;
  return senders.some((sender) => {
    const allowed = comparedAddress(sender);
    return allowed?.domain === given.domain && (allowed.local === '*' || allowed.local === given.local);
  });
}

/**
 * Like {@link mayUseAddress}; the null reverse-path (``, of `MAIL FROM:<>`) is allowed for everyone, because reports
 * need it.
 */
export function mayUseReversePath(senders: readonly string[], reversePath: string): boolean {
  return reversePath === '' || mayUseAddress(senders, reversePath);
}

/** Returns the parts of an address in comparable form; undefined if it is not an address. */
export function comparedAddress(address: string): { readonly local: string; readonly domain: string } | undefined {
  const at = address.lastIndexOf('@');
  if (at < 1) return undefined;
  const domain = asciiDomain(address.slice(at + 1).replace(/\.$/, ''));
  if (domain === undefined) return undefined;
  return { local: unquoted(address.slice(0, at)).normalize('NFC').toLowerCase(), domain };
}

/** `"scanner"@…` is the mailbox `scanner@…` (RFC 5321 section 4.1.2). */
function unquoted(local: string): string {
  return /^".*"$/s.test(local) ? local.slice(1, -1).replace(/\\(.)/gs, '$1') : local;
}
