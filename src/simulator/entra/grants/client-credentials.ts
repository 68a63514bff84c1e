import { type ApiResource, findResource } from '../../tenant/resources.ts';
import type { Tenant } from '../../tenant/tenant.ts';
import { AadstsError } from '../aadsts.ts';
import type { TokenSigner } from '../access-token.ts';
import type { AuthenticatedClient } from '../client-authentication.ts';
import { assertTenantNamed } from '../tenant-segment.ts';
import type { TokenRequest } from './token-request.ts';

/**
 * The client credentials grant (RFC 6749 section 4.4). Learn, "OAuth 2.0 client credentials flow on the Microsoft
 * identity platform". A permission that is not granted is not an error: the token lacks the role.
 * @throws AadstsError
 */
export async function grantClientCredentials({ entra, form, client, tenantName }: TokenRequest): Promise<object> {
  const { tenant, signer } = entra;
  if (client.method === '0') throw AadstsError.of('7000216');
  assertTenantNamed(tenant, tenantName, 'client_credentials', client.app);
  const { resource, audience } = resourceOf(tenant, form.get('scope'));
  const accessToken = await issueAppToken(tenant, signer, client, resource.key, audience);
  // One second less than the token's lifetime, like Entra.
  const expiresIn = Math.max(0, tenant.tokenLifetimeSeconds - 1);
  return { token_type: 'Bearer', expires_in: expiresIn, ext_expires_in: expiresIn, access_token: accessToken };
}

/** A token for the app itself, with its granted roles. @throws AadstsError */
export function issueAppToken(
  tenant: Tenant,
  signer: TokenSigner,
  { app, method }: AuthenticatedClient,
  resource: ApiResource['key'],
  audience: string,
): Promise<string> {
  const { servicePrincipalId } = app;
  if (servicePrincipalId === undefined) throw AadstsError.of('7000229', app.clientId, tenant.id);
  const roles = app.roles[resource];
  return signer.issue(
    {
      aud: audience,
      appid: app.clientId,
      app_displayname: app.displayName,
      appidacr: method,
      idtyp: 'app',
      oid: servicePrincipalId,
      ...(roles.length > 0 ? { roles } : {}),
    },
    tenant.tokenLifetimeSeconds,
  );
}

/** The resource of a `.default` scope; the identifier as the client spelled it becomes the audience. */
function resourceOf(tenant: Tenant, scope: string | null): { resource: ApiResource; audience: string } {
  if (scope === null) throw AadstsError.of('900144', 'scope');
  const scopes = scope.split(' ').filter((one) => one !== '');
  const [only] = scopes;
  // OpenID Connect scopes mean nothing here, and a token cannot be for two resources.
  if (scopes.length !== 1 || only === undefined) throw AadstsError.of('70011', scope);
  const suffix = '/.default';
  if (!only.toLowerCase().endsWith(suffix)) throw AadstsError.of('1002012', scope);
  const audience = only.slice(0, -suffix.length);
  const resource = findResource(audience);
  if (!resource) throw AadstsError.of('500011', audience, tenant.displayName);
  return { resource, audience };
}
