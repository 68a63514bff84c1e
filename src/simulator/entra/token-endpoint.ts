import { randomUUID } from 'node:crypto';
import { type HttpAnswer, type IncomingHttpRequest, withFault } from '../http/http-server.ts';
import { AadstsError, errorAnswer } from './aadsts.ts';
import { authenticateClient } from './client-authentication.ts';
import { onlyResource, parseDelegatedScopes } from './delegated-scopes.ts';
import { grantAuthorizationCode } from './grants/authorization-code.ts';
import { grantClientCredentials } from './grants/client-credentials.ts';
import { grantDeviceCode } from './grants/device-code.ts';
import { grantPassword } from './grants/password.ts';
import { grantRefreshToken } from './grants/refresh-token.ts';
import { requiredField, type TokenRequest } from './grants/token-request.ts';
import { findApp } from './registered-app.ts';
import type { EntraServices } from './services.ts';
import { assertionAudiences, assertTenant, assertUsersServed, isForConsumers } from './tenant-segment.ts';

/** The largest form that any Entra endpoint reads. */
export const maxFormBytes = 64 * 1024;

const noStore = { 'Cache-Control': 'no-store, no-cache', Pragma: 'no-cache' };

const grants = new Map<string, (request: TokenRequest) => Promise<object>>([
  ['client_credentials', grantClientCredentials],
  ['authorization_code', grantAuthorizationCode],
  ['refresh_token', grantRefreshToken],
  ['password', grantPassword],
  ['device_code', grantDeviceCode],
  ['urn:ietf:params:oauth:grant-type:device_code', grantDeviceCode],
]);

/** `POST /{tenant}/oauth2/v2.0/token`. */
export function answerTokenRequest(
  entra: EntraServices,
  request: IncomingHttpRequest,
  tenant: string,
): Promise<HttpAnswer> {
  return answerForm(entra, request, (form) => grant(entra, request, form, tenant));
}

/**
 * `POST /{tenant}/oauth2/v2.0/devicecode` (RFC 8628 section 3.1). Whether the app allows public client flows matters
 * only when the code is redeemed.
 */
export function answerDeviceCodeRequest(
  entra: EntraServices,
  request: IncomingHttpRequest,
  tenantName: string,
): Promise<HttpAnswer> {
  return answerForm(entra, request, (form) => {
    const { tenant, authority, deviceCodes } = entra;
    assertTenant(tenant, tenantName);
    const app = findApp(tenant, requiredField(form, 'client_id'));
    assertUsersServed(tenant, tenantName, app);
    if (isForConsumers(tenantName) && !app.publicClientFlows) throw AadstsError.of('70002');
    const scope = requiredField(form, 'scope');
    onlyResource(parseDelegatedScopes(tenant, app, scope, 'token'), '70011', scope);
    const { userCode, deviceCode, intervalMs } = deviceCodes.issue(app, scope, tenantName);
    const page = `${authority}/deviceauth`;
    return {
      user_code: userCode,
      device_code: deviceCode,
      verification_uri: page,
      expires_in: tenant.lifetimes.deviceCodeLifetimeSeconds,
      interval: intervalMs / 1000,
      message: `To sign in, use a web browser to open the page ${page} and enter the code ${userCode} to authenticate.`,
    };
  });
}

/** Answers a form with JSON: the result of `serve`, or Entra's error. Faults apply here. */
function answerForm(
  entra: EntraServices,
  request: IncomingHttpRequest,
  serve: (form: URLSearchParams) => Promise<object> | object,
): Promise<HttpAnswer> {
  const correlationId = correlationIdOf(request);
  const answer = async (): Promise<HttpAnswer> => {
    try {
      const form = new URLSearchParams((await request.readBody(maxFormBytes)).toString());
      return { status: 200, headers: noStore, body: await serve(form) };
    } catch (error) {
      if (error instanceof AadstsError) return errorAnswer(error, correlationId, entra.authority);
      throw error;
    }
  };
  return withFault(entra.faults.take('entra'), answer, ({ code = '90033', status, text }) =>
    errorAnswer(AadstsError.staged(code, status, text), correlationId, entra.authority),
  );
}

async function grant(
  entra: EntraServices,
  request: IncomingHttpRequest,
  form: URLSearchParams,
  tenantName: string,
): Promise<object> {
  const { tenant, authority } = entra;
  const type = requiredField(form, 'grant_type');
  assertTenant(tenant, tenantName);
  const serve = grants.get(type);
  if (!serve) throw AadstsError.of('70003', type);
  const audiences = assertionAudiences(authority, tenant, tenantName);
  const client = await authenticateClient(tenant, form, request.headers.authorization, audiences);
  return serve({ entra, form, client, tenantName });
}

/** The client's own request id, or a new one. */
function correlationIdOf(request: IncomingHttpRequest): string {
  const given = request.url.searchParams.get('client-request-id') ?? request.headers['client-request-id'];
  return typeof given === 'string' && /^[\da-f-]{36}$/i.test(given) ? given : randomUUID();
}
