import type { HttpAnswer, IncomingHttpRequest } from '../http/http-server.ts';
import type { Route } from '../http/routes.ts';
import { findResource } from '../tenant/resources.ts';
import type { Tenant } from '../tenant/tenant.ts';
import type { TokenSigner } from './access-token.ts';
import { issueAppToken } from './grants/client-credentials.ts';

/**
 * The managed identity endpoint of an App Service machine: `GET /msi/token`. The identity is the registration that the
 * simulator hands out. Learn, "How to use managed identities for App Service and Azure Functions", "REST endpoint
 * reference".
 */
export function managedIdentityRoutes(tenant: Tenant, signer: TokenSigner): readonly Route[] {
  const handle = (request: IncomingHttpRequest) => answer(tenant, signer, request);
  return [{ method: 'GET', path: /^\/msi\/token$/, handle }];
}

async function answer(tenant: Tenant, signer: TokenSigner, { headers, url }: IncomingHttpRequest): Promise<HttpAnswer> {
  if (headers['x-identity-header'] !== tenant.identityHeader) {
    return refusal(401, 'The X-IDENTITY-HEADER header is missing or wrong.');
  }
  const { app } = tenant;
  const query = url.searchParams;
  if (query.get('api-version') !== '2019-08-01') return refusal(400, 'The api-version is not supported.');
  const clientId = query.get('client_id');
  if (clientId !== null && clientId.toLowerCase() !== app.clientId.toLowerCase()) {
    return refusal(
      400,
      'No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.',
    );
  }
  const audience = query.get('resource') ?? '';
  const resource = findResource(audience);
  if (!resource) return refusal(400, `The resource principal named ${audience} was not found in the tenant.`);
  const accessToken = await issueAppToken(tenant, signer, { app, method: '2' }, resource.key, audience);
  const expiresOn = Math.floor(Date.now() / 1000) + tenant.tokenLifetimeSeconds;
  return {
    status: 200,
    body: {
      access_token: accessToken,
      // Seconds since 1970, as text.
      expires_on: String(expiresOn),
      resource: audience,
      token_type: 'Bearer',
      client_id: app.clientId,
    },
  };
}

function refusal(statusCode: number, message: string): HttpAnswer {
  return { status: statusCode, body: { statusCode, message } };
}
