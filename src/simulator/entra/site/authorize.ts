import type { HttpAnswer, IncomingHttpRequest } from '../../http/http-server.ts';
import { tenantOf } from '../../tenant/tenant.ts';
import { AadstsError } from '../aadsts.ts';
import { consentNeeded } from '../consent.ts';
import { parseDelegatedScopes, scopeOfFirst } from '../delegated-scopes.ts';
import { requiredField } from '../grants/token-request.ts';
import { clientInfo } from '../people/user-tokens.ts';
import { type Platform, platformOf } from '../redirect-uris.ts';
import { findApp } from '../registered-app.ts';
import type { EntraServices } from '../services.ts';
import { assertAccountServed, assertTenant, assertUsersServed } from '../tenant-segment.ts';
import { errorPage } from './pages.ts';
import { errorParameters, redirectTo } from './redirect.ts';
import type { SignInGoal, SignInPages } from './sign-in.ts';

/** The app of an authorization request, and the redirect URI for the answer. */
interface Caller {
  readonly app: SignInGoal['app'];
  readonly redirectUri: string;
  readonly platform: Platform;
}

/**
 * `GET /{tenant}/oauth2/v2.0/authorize`. Learn, "Microsoft identity platform and OAuth 2.0 authorization code flow".
 * The scopes can belong to several resources; the code is for one of them.
 */
export function answerAuthorize(
  entra: EntraServices,
  pages: SignInPages,
  request: IncomingHttpRequest,
  tenantName: string,
): HttpAnswer {
  const query = request.url.searchParams;
  let caller: Caller;
  try {
    caller = callerOf(entra, query, tenantName);
  } catch (error) {
    if (error instanceof AadstsError) return errorPage(error);
    throw error;
  }
  const { redirectUri } = caller;
  const fail = (error: AadstsError) =>
    redirectTo(redirectUri, { ...errorParameters(error, entra.authority), state: query.get('state') ?? undefined });
  try {
    return pages.begin(request, goalOf(entra, query, { ...caller, tenantName }, fail));
  } catch (error) {
    if (error instanceof AadstsError) return fail(error);
    throw error;
  }
}

/** @throws AadstsError for any error that leaves no address to answer at */
function callerOf({ tenant }: EntraServices, query: URLSearchParams, tenantName: string): Caller {
  assertTenant(tenant, tenantName);
  const app = findApp(tenant, requiredField(query, 'client_id'));
  assertUsersServed(tenant, tenantName, app);
  const registered = [...app.webRedirectUris, ...app.publicRedirectUris];
  const redirectUri = query.get('redirect_uri') ?? (registered.length === 1 ? registered[0] : undefined);
  if (redirectUri === undefined) throw AadstsError.of('900971');
  const platform = platformOf(app, redirectUri);
  if (!platform) throw AadstsError.of('50011', redirectUri, app.clientId);
  return { app, redirectUri, platform };
}

/** @throws AadstsError for an invalid request */
function goalOf(
  entra: EntraServices,
  query: URLSearchParams,
  { app, redirectUri, platform, tenantName }: Caller & { readonly tenantName: string },
  fail: SignInGoal['fail'],
): SignInGoal {
  const { tenant, authorizationCodes } = entra;
  if (requiredField(query, 'response_type') !== 'code') throw AadstsError.of('70005');
  const mode = query.get('response_mode') ?? 'query';
  if (mode !== 'query') throw AadstsError.of('70007', mode);
  const scopes = parseDelegatedScopes(tenant, app, query.get('scope'), 'page');
  const prompt = promptOf(query);
  const loginHint = query.get('login_hint');
  const nonce = query.get('nonce');
  const challenge = query.get('code_challenge');
  const method = query.get('code_challenge_method') === 'S256' ? 'S256' : 'plain';
  return {
    app,
    ...(prompt ? { prompt } : {}),
    ...(loginHint ? { loginHint } : {}),
    consentFor: (user) => {
      assertAccountServed(tenantName, app, user);
      return consentNeeded(tenant, app, user, scopes, prompt === 'consent');
    },
    finish: (signedIn) =>
      redirectTo(redirectUri, {
        code: authorizationCodes.issue({
          app,
          platform,
          signedIn,
          redirectUri,
          scope: scopeOfFirst(scopes),
          ...(nonce ? { nonce } : {}),
          ...(challenge ? { challenge: { value: challenge, method } } : {}),
        }),
        client_info:
          query.get('client_info') === '1' ? clientInfo(signedIn.user, tenantOf(tenant, signedIn.user)) : undefined,
        state: query.get('state') ?? undefined,
      }),
    fail,
  };
}

function promptOf(query: URLSearchParams): SignInGoal['prompt'] {
  const value = query.get('prompt');
  if (value === null || value === '') return undefined;
  if (value === 'none' || value === 'login' || value === 'consent' || value === 'select_account') return value;
  throw AadstsError.of('90023', 'prompt');
}
