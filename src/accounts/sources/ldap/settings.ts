import type { StoredPassword } from '../../account.ts';

/** A directory that checks passwords. */
export interface LdapSettings {
  /** `ldaps://host[:port]` or `ldap://host[:port]`. */
  readonly url: string;
  /** Starts TLS on an `ldap://` connection (RFC 4511 section 4.14). */
  readonly startTls: boolean;
  /** PEM of the authorities trusted for the server; undefined: the system's. */
  readonly ca?: string;
  /** How a person is found: by a constructed name, or by a search. */
  readonly person: DirectBind | PersonSearch;
  /** Timeout for each answer. */
  readonly timeoutMs: number;
  /** How long a right password is not checked again; 0: always checked. */
  readonly rememberMs: number;
}

/** Binds as a name made from a template. */
export interface DirectBind {
  /** A DN, or what Active Directory accepts in its place, with `{username}`, `{local}` or `{domain}`. */
  readonly bindDn: string;
}

/** Searches for the person, and binds as the DN found. */
export interface PersonSearch {
  /** Who searches; undefined: anonymous. */
  readonly searchBind?: { readonly dn: string; readonly password: StoredPassword };
  readonly baseDn: string;
  /** With `{username}`, `{local}` or `{domain}`. */
  readonly filter: string;
}
