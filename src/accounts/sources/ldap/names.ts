import { folded } from '../../account.ts';

/*
 * What a stranger typed as a login name, on its way into a filter or a DN: it stays a value there, whatever it holds.
 */

/**
 * A value for a filter, with octets that mean something there as `\xx` (RFC 4515 section 3).
 */
export function escapedForFilter(value: string): string {
  return value.replace(/[\0()*\\]/g, (octet) => `\\${octet.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/**
 * A value for an RDN (RFC 4514 section 2.4). `=` is escaped, too, which is allowed and leaves nothing to read twice.
 */
export function escapedForDn(value: string): string {
  return value
    .replace(/["+,;<>\\=]/g, '\\$&')
    .replace(/\0/g, '\\00')
    .replace(/^[ #]/, '\\$&')
    .replace(/ $/, '\\ ');
}

/** Whether a template has the form of a DN; else it makes a user principal name or `DOMAIN\user` (Active Directory). */
export function isDnTemplate(template: string): boolean {
  return template.includes('=');
}

/** The parts of a login name that templates may hold. */
function partsOf(person: string): Readonly<Record<string, string>> {
  const at = person.lastIndexOf('@');
  return {
    '{username}': person,
    '{local}': at === -1 ? person : person.slice(0, at),
    '{domain}': at === -1 ? '' : person.slice(at + 1),
  };
}

const placeholder = /\{(?:username|local|domain)\}/g;

/** Fills in a template. What is filled in is not looked at again. */
export function filled(template: string, person: string, escaped: (value: string) => string): string {
  const parts = partsOf(person);
  return template.replace(placeholder, (name) => escaped(parts[name] ?? ''));
}

/** Puts a login name into a template for a bind. */
export function boundName(template: string, person: string): string {
  return filled(template, person, isDnTemplate(template) ? escapedForDn : (value) => value);
}

/** Longer ones are nobody's: RFC 5321 section 4.5.3.1 gives addresses 256 octets. */
const longestName = 256;

/**
 * Whether a login name can be somebody's. The directory compares without regard to case, blanks, width, format
 * characters and more (RFC 4518): of the spellings that it takes for one name, only the plain one is let through, so
 * that each person is one person to the login throttle.
 * @param person as {@link folded}
 * @param template what it is put into; where that is no DN, Active Directory would take a DN, a display name or an
 *   object id in place of a user principal name: whatever that cannot hold is refused
 */
export function canBeSomebody(person: string, template: string): boolean {
  if (person === '' || person.length > longestName) return false;
  if (/[\p{C}\p{Zl}\p{Zp}]|^\s|\s$|\s\s/u.test(person) || person !== folded(person.normalize('NFKC'))) return false;
  return isDnTemplate(template) || !/["/\\[\]:;|=,+*?<>()\s]/.test(person);
}
