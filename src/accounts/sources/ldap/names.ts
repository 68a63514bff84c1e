import { folded } from '../../account.ts';

/*
 * Inserts a login name typed by a stranger into a filter or a DN, where it remains a value whatever it contains.
 */

/** Escapes a value for a filter: bytes with a meaning there become `\xx` (RFC 4515 section 3). */
export function escapedForFilter(value: string): string {
  return value.replace(/[\0()*\\]/g, (octet) => `\\${octet.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** Escapes a value for an RDN (RFC 4514 section 2.4). `=` is escaped, too, which is allowed and leaves no ambiguity. */
export function escapedForDn(value: string): string {
  return value
    .replace(/["+,;<>\\=]/g, '\\$&')
    .replace(/\0/g, '\\00')
    .replace(/^[ #]/, '\\$&')
    .replace(/ $/, '\\ ');
}

/**
 * Tells whether a template has the form of a DN; otherwise, it makes a user principal name or `DOMAIN\user` (Active
 * Directory).
 */
export function isDnTemplate(template: string): boolean {
  return template.includes('=');
}

/** Returns the parts of a login name for use in templates. */
function partsOf(person: string): Readonly<Record<string, string>> {
  const at = person.lastIndexOf('@');
  return {
    '{username}': person,
    '{local}': at === -1 ? person : person.slice(0, at),
    '{domain}': at === -1 ? '' : person.slice(at + 1),
  };
}

const placeholder = /\{(?:username|local|domain)\}/g;

/** Fills in a template. Inserted values are not expanded again. */
export function filled(template: string, person: string, escaped: (value: string) => string): string {
  const parts = partsOf(person);
  return template.replace(placeholder, (name) => escaped(parts[name] ?? ''));
}

/** Fills a login name into a template for a bind. */
export function boundName(template: string, person: string): string {
  return filled(template, person, isDnTemplate(template) ? escapedForDn : (value) => value);
}

/** No valid name is longer: RFC 5321 section 4.5.3.1 gives addresses 256 octets. */
const longestName = 256;

/**
 * Tells whether a login name can be valid. The directory's comparison ignores case, spaces, width, format characters
 * and more (RFC 4518): of the spellings it treats as one name, only the plain one is let through, so that each person
 * is one person to the login throttle.
 * @param person as {@link folded}
 * @param template what it is filled into; if that is not a DN, Active Directory would accept a DN, a display name or an
 * object ID in place of a user principal name, so characters that cannot be in one are refused
 */
export function canBeSomebody(person: string, template: string): boolean {
  if (person === '' || person.length > longestName) return false;
  if (/[\p{C}\p{Zl}\p{Zp}]|^\s|\s$|\s\s/u.test(person) || person !== folded(person.normalize('NFKC'))) return false;
  return isDnTemplate(template) || !/["/\\[\]:;|=,+*?<>()\s]/.test(person);
}
