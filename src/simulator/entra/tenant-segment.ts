import type { AppRegistration, Tenant } from '../tenant/tenant.ts';
import { EntraError } from './aadsts.ts';

/** Names that stand for any tenant. */
const tenantIndependent = ['common', 'organizations', 'consumers'];

/** Checks the tenant segment of a URL: this tenant, or a name for any. @throws EntraError */
export function assertTenant(tenant: Tenant, name: string): void {
  if (tenant.isNamed(name) || tenantIndependent.includes(name.toLowerCase())) return;
  const isGuid = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(name);
  const isDomain = /^(?=.{1,253}$)(?:[a-z\d](?:[a-z\d-]*[a-z\d])?\.)+[a-z]{2,}$/i.test(name);
  throw EntraError.of(isGuid || isDomain ? '90002' : '900023', name);
}

/** Checks that a grant without a user names its tenant. @throws EntraError */
export function assertTenantNamed(tenant: Tenant, name: string, grant: string, app: AppRegistration): void {
  if (tenant.isNamed(name)) return;
  if (!app.multiTenant) throw EntraError.of('50194', app.clientId, app.displayName);
  throw name.toLowerCase() === 'organizations' ? EntraError.of('50059') : EntraError.of('9001023', grant);
}

/**
 * Checks that a user of this tenant may sign in to the app under the name that the URL gives the tenant.
 * @param grant the password grant is not for `/common`
 * @throws EntraError 50194, 9001023, 700016
 */
export function assertUsersServed(tenant: Tenant, name: string, app: AppRegistration, grant?: string): void {
  if (tenant.isNamed(name)) return;
  const segment = name.toLowerCase();
  if (grant === 'password' && segment !== 'organizations') throw EntraError.of('9001023', grant);
  if (!app.multiTenant && !app.firstParty) throw EntraError.of('50194', app.clientId, app.displayName);
  if (segment === 'consumers') throw EntraError.of('700016', app.clientId, 'Microsoft Accounts');
}

/** What the `aud` of a client assertion may be, in lower case: token endpoint or issuer, by id or by domain. */
export function assertionAudiences(authority: string, tenant: Tenant, name: string): readonly string[] {
  return [tenant.id, tenant.domain, name]
    .flatMap((one) => [`${authority}/${one}/oauth2/v2.0/token`, `${authority}/${one}/v2.0`])
    .map((url) => url.toLowerCase());
}
