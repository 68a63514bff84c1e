/** Name of the cookie that holds the id of a session. */
export const sessionCookie = 'mailbridge_session';

/** Cookies of one name that are looked at: another server of this host may have set some, too (RFC 6265, 8.5). */
const maxLooked = 4;

/** The values of a cookie, as a browser sends them (RFC 6265, 5.4). */
export function cookieValues(header: string | undefined, name: string): string[] {
  return (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))
    .slice(0, maxLooked);
}

/** Sets a cookie until the browser ends; no script reads it, no other site sends it. */
export function setCookie(name: string, value: string, isSecure: boolean, path = '/'): string {
  return `${name}=${value}; Path=${path}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
}

/** Takes a cookie back. */
export function endCookie(name: string, isSecure: boolean, path = '/'): string {
  return `${setCookie(name, '', isSecure, path)}; Max-Age=0`;
}
