import { randomBytes, timingSafeEqual } from 'node:crypto';
import { BridgeError } from '../../base/errors.ts';
import { entraErrorBody } from '../entra/msal-network.ts';
import { declined } from '../sign-ins/declined.ts';
import type { SignedIn, UserClientOptions } from '../sign-ins/user-sign-in.ts';
import { tokenError } from '../token-error.ts';
import { requestUserToken, withUserApp } from './user-token-request.ts';

/** What the sign-in page must insist on: OpenID Connect Core section 3.1.2.1. */
export type Prompt = 'none' | 'login' | 'consent' | 'select_account';

/** A sign-in in a browser. */
export interface AuthorizationOptions extends UserClientOptions {
  /** Scopes of one resource. */
  readonly scopes: readonly string[];
  /** As registered with the app. For `http://localhost`, Entra ID accepts any port. */
  readonly redirectUri: string;
  readonly prompt?: Prompt | undefined;
  /**
   * Fills in the user name, or picks the account. Omitted if `prompt` is `select_account`, because the page then asks.
   */
  readonly loginHint?: string | undefined;
}

/** A sign-in in progress. Its PKCE verifier is not in any printable property. */
export interface AuthorizationRequest {
  /** To open in the person's browser. */
  readonly url: string;
  /** Comes back with the redirect, and identifies the sign-in it belongs to. */
  readonly state: string;
  /**
   * Takes the address that the browser was redirected to, and gets the tokens.
   * @throws BridgeError `sign-in-redirect-invalid`, `sign-in-declined`, or see `tokenError`
   */
  redeem(redirect: URL): Promise<SignedIn>;
}

/**
 * Begins a sign-in in a browser, with PKCE (RFC 6749 section 4.1, RFC 7636; Microsoft identity platform documentation,
 * "OAuth 2.0 authorization code flow"). Requests only the endpoints from the authority.
 * @throws BridgeError `redirect-uri-invalid`, or see `tokenError`
 */
export async function beginAuthorization(options: AuthorizationOptions): Promise<AuthorizationRequest> {
  const { name, redirectUri, prompt, loginHint } = options;
  checkRedirectUri(name, redirectUri);
  const scopes = [...options.scopes];
  const state = randomBytes(32).toString('base64url');
  const { CryptoProvider } = await import('@azure/msal-node');
  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const url = await withUserApp(options, {}, (app) =>
    app.getAuthCodeUrl({
      scopes,
      redirectUri,
      state,
      codeChallenge: challenge,
      codeChallengeMethod: 'S256',
      responseMode: 'query',
      ...(prompt === undefined ? {} : { prompt }),
      ...(loginHint === undefined ? {} : { loginHint }),
    }),
  );
  return {
    url,
    state,
    async redeem(redirect) {
      const code = codeOf(options, redirect.searchParams, state);
      return await requestUserToken(options, { scopes, secrets: [code, verifier] }, (app) =>
        app.acquireTokenByCode({ scopes, redirectUri, code, codeVerifier: verifier }),
      );
    },
  };
}

/** Returns the authorization code of a redirect: RFC 6749 sections 4.1.2 and 4.1.2.1. */
function codeOf(options: UserClientOptions, redirect: URLSearchParams, state: string): string {
  const { name } = options;
  if (!sameText(redirect.get('state') ?? '', state)) {
    const message = `The browser came back with the answer to a different sign-in than the one started for connection "${name}".`;
    throw new BridgeError('sign-in-redirect-invalid', message);
  }
  if (redirect.has('error')) throw redirectError(options, redirect);
  const code = redirect.get('code');
  if (code) return code;
  const message = `The browser came back to connection "${name}" with neither an authorization code nor an error.`;
  throw new BridgeError('sign-in-redirect-invalid', message);
}

function redirectError({ name, authority, clock }: UserClientOptions, redirect: URLSearchParams): BridgeError {
  const body = entraErrorBody(Object.fromEntries(redirect), []);
  const error = tokenError({
    connection: name,
    thrown: undefined,
    failure: {
      kind: 'answer',
      host: new URL(authority).host,
      status: undefined,
      contentType: 'a redirect without a reason',
      retryAfter: undefined,
      requestId: undefined,
      body,
    },
    nowMs: clock.now(),
  });
  // Entra ID also answers access_denied if a policy or an administrator prevents the sign-in, but then with another
  // number.
  const byPerson = error.details.aadsts === undefined || error.details.aadsts === 'AADSTS65004';
  return body.error === 'access_denied' && byPerson ? declined(name, error) : error;
}

/** Compares without revealing through timing where two texts differ. */
function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Microsoft identity platform documentation, "Redirect URI (reply URL) restrictions and limitations". */
function checkRedirectUri(connection: string, redirectUri: string): void {
  const url = URL.canParse(redirectUri) ? new URL(redirectUri) : undefined;
  const local = url?.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url && !url.hash && (local || url.protocol === 'https:')) return;
  const message = `The redirectUri of connection "${connection}" is neither https:// nor an http:// address of this machine.`;
  throw new BridgeError('redirect-uri-invalid', message);
}
