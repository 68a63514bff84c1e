import type { HttpAnswer } from '../../http/http-server.ts';
import { type AadstsError, describeError } from '../aadsts.ts';

/** Sends the browser back to the app with the parameters that have a value. */
export function redirectTo(redirectUri: string, parameters: Readonly<Record<string, string | undefined>>): HttpAnswer {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.append(name, value);
  }
  return {
    status: 302,
    headers: { Location: url.href, 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' },
  };
}

/** An error in a redirect's parameters (RFC 6749 section 4.1.2.1). */
export function errorParameters(error: AadstsError, authority: string): Record<string, string | undefined> {
  return {
    // `invalid_grant` is defined only for the token endpoint.
    error: error.error === 'invalid_grant' ? 'access_denied' : error.error,
    error_subcode: error.code === '65004' ? 'cancel' : undefined,
    error_description: describeError(error).text,
    error_uri: `${authority}/error?code=${error.code}`,
  };
}
