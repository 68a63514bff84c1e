import { asciiDomain } from '../message/address/parts.ts';

/**
 * Whether one of the allowed senders covers an address. Domains are compared without case and in their ASCII form,
 * local parts without case too, as Exchange does. `*@domain` covers every address of just that domain.
 * @param senders addresses and `*@domain` patterns
 */
export function mayUseAddress(senders: readonly string[], address: string): boolean {
  const given = comparedAddress(address);
  if (!given) return false;
  return senders.some((sender) => {
    const allowed = comparedAddress(sender);
    return allowed?.domain === given.domain && (allowed.local === '*' || allowed.local === given.local);
  });
}

/** As {@link mayUseAddress}; the null reverse-path (``, of `MAIL FROM:<>`) is everybody's: reports need it. */
export function mayUseReversePath(senders: readonly string[], reversePath: string): boolean {
  return reversePath === '' || mayUseAddress(senders, reversePath);
}

/** The sides of an address as they are compared; undefined for what is no address. */
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
