import type { FastifyReply, FastifyRequest } from 'fastify';

/** A cookie of the admin server. */
export interface CookieKind {
  /** Begins its name; the port of the server follows. */
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
export function cookieValues(request: FastifyRequest, kind: CookieKind, isSecure: boolean): string[] {
  const begin = `${nameOf(kind, request, isSecure)}=`;
  return (request.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(begin))
    .map((pair) => pair.slice(begin.length))
    .slice(0, maxLooked);
}

/** Sets a cookie; no script reads it, no request of another site's page bears it. */
export function setCookie(reply: FastifyReply, kind: CookieKind, value: string, isSecure: boolean): void {
  const { path, sameSite, maxAgeSeconds } = kind;
  const parts = [
    `${nameOf(kind, reply.request, isSecure)}=${value}`,
    `Path=${isSecure ? '/' : path}`,
    ...(maxAgeSeconds === undefined ? [] : [`Max-Age=${maxAgeSeconds}`]),
    'HttpOnly',
    `SameSite=${sameSite}`,
    ...(isSecure ? ['Secure'] : []),
  ];
  reply.header('Set-Cookie', parts.join('; '));
}

/** Takes a cookie back. */
export function endCookie(reply: FastifyReply, kind: CookieKind, isSecure: boolean): void {
  setCookie(reply, { ...kind, maxAgeSeconds: 0 }, '', isSecure);
}

/**
 * Cookies are of a host, whatever its port (RFC 6265, 8.5): with the port in their names, two bridges of one host do not
 * sign each other out.
 *
 * Over https a name that browsers take from this very host over https alone, with the path `/` (RFC 6265bis, 4.1.3.2):
 * neither a neighbour of the domain nor somebody who changes http on the way can set one.
 */
function nameOf({ name }: CookieKind, { socket }: FastifyRequest, isSecure: boolean): string {
  return `${isSecure ? '__Host-' : ''}${name}_${socket.localPort}`;
}
