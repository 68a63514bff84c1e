import { personalTenantId, type Tenant } from '../tenant/tenant.ts';
import { isForConsumers } from './tenant-segment.ts';

/** The document at `/{tenant}/v2.0/.well-known/openid-configuration` (OpenID Connect Discovery 1.0 section 3). */
export function openidConfiguration(authority: string, tenant: Tenant, name: string): object {
  const base = `${authority}/${name}`;
  // Tenant-independent documents leave the id open.
  const id = tenant.isNamed(name) ? tenant.id : isForConsumers(name) ? personalTenantId : '{tenantid}';
  return {
    token_endpoint: `${base}/oauth2/v2.0/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
    jwks_uri: `${base}/discovery/v2.0/keys`,
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    issuer: `${authority}/${id}/v2.0`,
    request_uri_parameter_supported: false,
    userinfo_endpoint: 'https://graph.microsoft.com/oidc/userinfo',
    authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    device_authorization_endpoint: `${base}/oauth2/v2.0/devicecode`,
    introspection_endpoint: `${authority}/introspect`,
    http_logout_supported: true,
    frontchannel_logout_supported: true,
    end_session_endpoint: `${base}/oauth2/v2.0/logout`,
    claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'nonce', 'preferred_username', 'name', 'tid', 'ver'],
    tenant_region_scope: 'EU',
    cloud_instance_name: new URL(authority).host,
    cloud_graph_host_name: 'graph.windows.net',
    msgraph_host: 'graph.microsoft.com',
    rbac_url: 'https://pas.windows.net',
  };
}

/** The answer of `/common/discovery/instance`: there is one cloud. */
export function instanceDiscovery(authority: string, tenant: Tenant): object {
  const { host } = new URL(authority);
  return {
    tenant_discovery_endpoint: `${authority}/${tenant.id}/v2.0/.well-known/openid-configuration`,
    'api-version': '1.1',
    metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
  };
}
