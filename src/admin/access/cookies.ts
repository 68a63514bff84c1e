import type { FastifyReply, FastifyRequest } from 'fastify';

/** A cookie of the admin server. */
export interface CookieKind {
  /** Start of its name; the port of the server follows. */
  readonly name: string;
  /** Where the browser sends it; over https everywhere. */
  readonly path: string;
  /** `Lax`: it is also sent when another site sends the browser here. */
  readonly sameSite: 'Strict' | 'Lax';
  /** Default: until the browser exits. */
  readonly maxAgeSeconds?: number;
}

/** Contains the id of a session. */
export const sessionCookie: CookieKind = { name: 'mailbridge_session', path: '/', sameSite: 'Strict' };

/** How many cookies of one name are examined: another server on this host may have set some, too (RFC 6265, 8.5). */
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

/** Sets a cookie; no script can read it, and no request of another site's page carries it. */
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

/** Deletes a cookie. */
export function endCookie(reply: FastifyReply, kind: CookieKind, isSecure: boolean): void {
  setCookie(reply, { ...kind, maxAgeSeconds: 0 }, '', isSecure);
}

/**
 * Cookies belong to a host, whatever its port (RFC 6265, 8.5): with the port in their names, two bridges on one host do
 * not sign each other out.
 *
 * Over https, the name is one that browsers only accept from this very host, over https and with the path `/` (RFC
 * 6265bis, 4.1.3.2): neither a neighbour in the domain nor somebody who tampers with http on the way can set one.
 */
function nameOf({ name }: CookieKind, { socket }: FastifyRequest, isSecure: boolean): string {
  return `${isSecure ? '__Host-' : ''}${name}_${socket.localPort}`;
}
