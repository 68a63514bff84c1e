import type { AppRegistration } from '../tenant/tenant.ts';

/** The registration's platform that a redirect URI belongs to: only web apps authenticate. */
export type Platform = 'web' | 'public';

/**
 * The platform a redirect URI is registered for, if any: an exact match, except that a loopback address may have any
 * port. Learn, "Redirect URI (reply URL) outline and restrictions", "Localhost exceptions".
 */
export function platformOf(app: AppRegistration, redirectUri: string): Platform | undefined {
  const isAmong = (registered: readonly string[]) => registered.some((one) => matches(one, redirectUri));
  if (isAmong(app.webRedirectUris)) return 'web';
  return isAmong(app.publicRedirectUris) ? 'public' : undefined;
}

function matches(registered: string, given: string): boolean {
  if (registered === given) return true;
  const wanted = loopback(registered);
  const asked = loopback(given);
  return wanted !== undefined && wanted === asked;
}

/** A loopback URI without its port, normalized; undefined for any other. */
function loopback(uri: string): string | undefined {
  if (!URL.canParse(uri)) return undefined;
  const url = new URL(uri);
  if (url.protocol !== 'http:' || !['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)) return undefined;
  return `${url.hostname}${url.pathname}${url.search}`;
}
