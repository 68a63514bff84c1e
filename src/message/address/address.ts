import { isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { holdsUnseen } from '../../base/visible.ts';
import { asciiDomain, joinAddress, splitAddress } from './parts.ts';

export { type AddressList, type AddressProblem, type ParsedAddress, parseAddressList } from './list.ts';
export { type AddressParts, joinAddress, splitAddress } from './parts.ts';

/**
 * Returns one spelling for all addresses that name the same mailbox at Exchange: lower case on both sides (Exchange
 * ignores the case of the local part), the domain in its ASCII form, the local part quoted only if necessary. For
 * comparing and as a key, never for the wire. Anything that is not an address is returned in lower case.
 */
export function normalizeAddress(address: string): string {
  const { local, domain } = splitAddress(address.trim());
  if (local === '' && domain === '') return '';
  return joinAddress(local.toLowerCase().normalize('NFC'), asciiDomain(domain) ?? domain.toLowerCase());
}

/** Tells whether two addresses name the same mailbox according to {@link normalizeAddress}. */
export function sameAddress(one: string, other: string): boolean {
  return one === other || normalizeAddress(one) === normalizeAddress(other);
}

/** Returns the domain in lower case and in its ASCII form; empty if the address has none. */
export function domainOf(address: string): string {
  const { domain } = splitAddress(address.trim());
  return asciiDomain(domain) ?? domain.toLowerCase();
}

/**
 * Adds a domain to a bare local part: `scanner` becomes `scanner@contoso.com`, `front desk` becomes `"front
 * desk"@contoso.com`. An address with a domain, and the empty reverse-path, are returned unchanged.
 */
export function completeAddress(address: string, domain: string): string {
  const bare = address.endsWith('@') ? address.slice(0, -1) : address;
  if (bare === '' || splitAddress(bare).domain !== '') return address;
  return joinAddress(splitAddress(bare).local, domain);
}

/**
 * Tells whether an address may be between the angle brackets of MAIL FROM and RCPT TO (RFC 5321 sections 4.1.2, 4.1.3
 * and 4.5.3.1): local part up to 64 octets, domain up to 255, both up to 254.
 * @param options.smtpUtf8 also accept UTF-8 on both sides (RFC 6531 section 3.3), except invisible characters
 */
export function isValidAddress(address: string, options: { readonly smtpUtf8?: boolean } = {}): boolean {
  const utf8 = options.smtpUtf8 === true;
  if (Buffer.byteLength(address) > 254 || holdsUnseen(address)) return false;
  const at = address.lastIndexOf('@');
  if (at < 1) return false;
  return isLocalPart(address.slice(0, at), utf8) && isMailDomain(address.slice(at + 1), utf8);
}

const atext = "A-Za-z0-9!#$%&'*+\\-/=?^_`{|}~";
const beyondAscii = '\\u{a0}-\\u{d7ff}\\u{e000}-\\u{fffd}\\u{10000}-\\u{10ffff}';
const dotString = new RegExp(`^[${atext}]+(?:\\.[${atext}]+)*$`, 'u');
const dotStringUtf8 = new RegExp(`^[${atext}${beyondAscii}]+(?:\\.[${atext}${beyondAscii}]+)*$`, 'u');
const quotedString = /^"(?:[ !#-[\]-~]|\\[ -~])*"$/u;
const quotedStringUtf8 = new RegExp(`^"(?:[ !#-[\\]-~${beyondAscii}]|\\\\[ -~])*"$`, 'u');
const label = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/;

function isLocalPart(local: string, utf8: boolean): boolean {
  if (Buffer.byteLength(local) > 64) return false;
  return (utf8 ? dotStringUtf8 : dotString).test(local) || (utf8 ? quotedStringUtf8 : quotedString).test(local);
}

/** domainToASCII would ignore everything after another character, such as `?`. */
const hostCharacters = /^[A-Za-z0-9.\-\u{80}-\u{10ffff}]+$/u;

/** Labels that the conversion leaves as they are; the last one begins with a letter, as in no IP address. */
const plainDomain = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

function isMailDomain(domain: string, utf8: boolean): boolean {
  if (domain.startsWith('[') && domain.endsWith(']')) return isAddressLiteral(domain.slice(1, -1));
  if (!hostCharacters.test(domain)) return false;
  if (plainDomain.test(domain)) return true;
  const ascii = utf8 ? domainToASCII(domain) : domain;
  // domainToASCII also turns `0x7f.1` into an IP address, which must not pass for a name.
  if (ascii.length > 255 || (ascii !== domain && isIPv4(ascii))) return false;
  return ascii.split('.').every((part) => part.length <= 63 && label.test(part));
}

function isAddressLiteral(literal: string): boolean {
  return /^IPv6:/i.test(literal) ? isIPv6(literal.slice(5)) && !literal.includes('%') : isIPv4(literal);
}
