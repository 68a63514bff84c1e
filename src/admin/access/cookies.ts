/** A cookie of the admin server. */
export interface CookieKind {
  readonly name: string;
  /** Where the browser sends it; over https everywhere. */
  readonly path: string;
  /** `Lax`: it comes along also when another site sends the browser here. */
  readonly sameSite: 'Strict' | 'Lax';
  /** Default: until the browser ends. */
  readonly maxAgeSeconds?: number;
}

/** Holds the id of a session. */
export const sessionCookie: CookieKind = { name: 'mailbridge_session', path: '/', sameSite: 'Strict' };

/** Cookies of one name that are looked at: another server of this host may have set some, too (RFC 6265, 8.5). */
const maxLooked = 4;

/** The values of a cookie, as a browser sends them (RFC 6265, 5.4). */
export function cookieValues(header: string | undefined, kind: CookieKind, isSecure: boolean): string[] {
  const begin = `${nameOf(kind, isSecure)}=`;
  return (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(begin))
    .map((pair) => pair.slice(begin.length))
    .slice(0, maxLooked);
}

/** Sets a cookie; no script reads it, no request of another site's page bears it. */
export function setCookie(kind: CookieKind, value: string, isSecure: boolean): string {
  const { path, sameSite, maxAgeSeconds } = kind;
  return [
    `${nameOf(kind, isSecure)}=${value}`,
    `Path=${isSecure ? '/' : path}`,
    ...(maxAgeSeconds === undefined ? [] : [`Max-Age=${maxAgeSeconds}`]),
    'HttpOnly',
    `SameSite=${sameSite}`,
    ...(isSecure ? ['Secure'] : []),
  ].join('; ');
}

/** Takes a cookie back. */
export function endCookie(kind: CookieKind, isSecure: boolean): string {
  return setCookie({ ...kind, maxAgeSeconds: 0 }, '', isSecure);
}

/**
 * Over https a name that browsers take from this very host over https alone, with the path `/` (RFC 6265bis, 4.1.3.2):
 * neither a neighbour of the domain nor somebody who changes http on the way can set one.
 */
function nameOf({ name }: CookieKind, isSecure: boolean): string {
  return isSecure ? `__Host-${name}` : name;
}
