import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sourceNetwork } from '../../../accounts/networks.ts';
import { BridgeError } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import { logRepeated } from '../../../base/repeated-lines.ts';
import type { AdminAccess } from '../access.ts';
import type { AuditLog } from '../audit-log.ts';
import { type CookieKind, cookieValues, endCookie, setCookie } from '../cookies.ts';
import type { OidcSignIn } from './sign-in.ts';

const path = '/api/v1/session/oidc';
/** The browser returns from another site, and would not send a strict cookie. */
const cookie: CookieKind = { name: 'mailbridge_oidc', path, sameSite: 'Lax', maxAgeSeconds: 600 };

/** What the routes need. */
export interface OidcRouteParts {
  readonly signIn: OidcSignIn;
  readonly access: AdminAccess;
  readonly audit: AuditLog;
  readonly log: Log;
  readonly isSecure: boolean;
  /** Origin of the redirect URI that is registered in Entra ID. */
  readonly origin: () => string;
}

/** Sends a browser to Entra ID to sign in, and receives it when it returns. */
export function addOidcRoutes(app: FastifyInstance, parts: OidcRouteParts): void {
  app.get(path, async (request, reply) => {
    const origin = parts.origin();
    // The cookie has to return to the host that the redirect URI names.
    if (`http://${request.headers.host}` !== origin.replace(/^https:/, 'http:'))
      return reply.redirect(`${origin}${path}`, 302);
    try {
      const { url, sealed } = await parts.signIn.begin(`${origin}${path}/callback`);
      setCookie(reply, cookie, sealed, parts.isSecure);
      return reply.redirect(url, 302);
    } catch (error) {
      return failed(request, reply, error, parts);
    }
  });
  app.get(`${path}/callback`, async (request, reply) => {
    const sealed = cookieValues(request, cookie, parts.isSecure);
    endCookie(reply, cookie, parts.isSecure);
    try {
      const caller = await parts.signIn.end(request.query as Record<string, unknown>, sealed);
      const { user, role, by } = parts.access.beginSession(caller, reply);
      parts.audit.record({ user, by, address: request.ip, action: 'sign-in', details: { role }, outcome: 'done' });
      return reply.redirect('/ui/', 302);
    } catch (error) {
      return failed(request, reply, error, parts);
    }
  });
}

/** The browser is navigating between pages, so it gets a page. */
function failed(request: FastifyRequest, reply: FastifyReply, error: unknown, { audit, log }: OidcRouteParts): unknown {
  const told = error instanceof BridgeError ? error : undefined;
  const code = told?.code ?? 'admin-failed';
  logRepeated(
    log,
    'warn',
    `admin oidc ${sourceNetwork(request.ip)} ${code}`,
    { error, client: request.ip },
    'sign-in by Entra ID failed',
  );
  // Only somebody known to Entra ID gets this far; others could fill the audit log.
  if (code === 'admin-oidc-no-role')
    audit.record({ user: null, by: 'oidc', address: request.ip, action: 'sign-in', details: {}, outcome: code });
  const text = told?.message ?? 'The bridge failed to answer; its log says why.';
  reply.code(told?.code === 'admin-oidc-no-role' ? 403 : 400).type('text/html; charset=utf-8');
  return reply.send(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>mailbridge: not signed in</title>
<h1>Not signed in</h1>
<p>${escaped(text)}</p>
<p>${escaped(told?.remedy ?? '')}</p>
<p><a href="/ui/">Back</a> (${code})</p>
</html>
`);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
