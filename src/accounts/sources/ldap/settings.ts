import type { StoredPassword } from '../../account.ts';

/** A directory that is asked about passwords. */
export interface LdapSettings {
  /** `ldaps://host[:port]` or `ldap://host[:port]`. */
  readonly url: string;
  /** TLS is begun on the connection of `ldap://` (RFC 4511 section 4.14). */
  readonly startTls: boolean;
  /** PEM of the authorities that vouch for the server; undefined: those of the system. */
  readonly ca?: string;
  /** How somebody is found: by a name that is put together, or by a search. */
  readonly person: DirectBind | PersonSearch;
  /** For each answer that is waited for. */
  readonly timeoutMs: number;
  /** How long a password that was right is not asked about again; 0: it always is. */
  readonly rememberMs: number;
}

/** Whoever logs in is bound as by a template. */
export interface DirectBind {
  /** A DN, or what Active Directory takes in its place, with `{username}`, `{local}` or `{domain}`. */
  readonly bindDn: string;
}

/** Whoever logs in is looked for, and bound as by the DN that is found. */
export interface PersonSearch {
  /** Who searches; undefined: nobody in particular. */
  readonly searchBind?: { readonly dn: string; readonly password: StoredPassword };
  readonly baseDn: string;
  /** With `{username}`, `{local}` or `{domain}`. */
  readonly filter: string;
}
