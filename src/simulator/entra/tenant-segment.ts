import { type AppRegistration, personalTenantId, type Tenant, type User } from '../tenant/tenant.ts';
import { AadstsError } from './aadsts.ts';

/** Names that stand for any tenant. */
const tenantIndependent = ['common', 'organizations', 'consumers'];

/** Checks the tenant segment of a URL: this tenant, or a name for any. @throws AadstsError */
export function assertTenant(tenant: Tenant, name: string): void {
  if (tenant.isNamed(name) || tenantIndependent.includes(name.toLowerCase()) || isForConsumers(name)) return;
  const isGuid = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(name);
  const isDomain = /^(?=.{1,253}$)(?:[a-z\d](?:[a-z\d-]*[a-z\d])?\.)+[a-z]{2,}$/i.test(name);
  throw AadstsError.of(isGuid || isDomain ? '90002' : '900023', name);
}

/** Whether the segment means personal accounts. */
export function isForConsumers(name: string): boolean {
  return name.toLowerCase() === 'consumers' || name.toLowerCase() === personalTenantId;
}

/** Checks that a grant without a user names its tenant. @throws AadstsError */
export function assertTenantNamed(tenant: Tenant, name: string, grant: string, app: AppRegistration): void {
  if (tenant.isNamed(name)) return;
  if (!app.multiTenant) throw AadstsError.of('50194', app.clientId, app.displayName);
  throw name.toLowerCase() === 'organizations' ? AadstsError.of('50059') : AadstsError.of('9001023', grant);
}

/**
 * Checks that users of this tenant may sign in to the app under the URL's name for the tenant.
 * @param grant the password grant does not support `/common`
 * @throws AadstsError 50194, 9001023, 9002332, 9002346
 */
export function assertUsersServed(tenant: Tenant, name: string, app: AppRegistration, grant?: string): void {
  if (isForConsumers(name)) {
    if (grant === 'password') throw AadstsError.of('9001023', grant);
    if (app.personalAccounts === 'none') throw AadstsError.of('9002332', app.clientId, app.displayName);
    return;
  }
  if (app.personalAccounts === 'only') throw AadstsError.of('9002346', app.clientId, app.displayName);
  if (tenant.isNamed(name)) return;
  if (grant === 'password' && name.toLowerCase() !== 'organizations') throw AadstsError.of('9001023', grant);
  if (!app.multiTenant && !app.firstParty) throw AadstsError.of('50194', app.clientId, app.displayName);
}

/**
 * Checks that a signed-in person may sign in at the tenant that the URL names.
 * @throws AadstsError 50034, 500200
 */
export function assertAccountServed(name: string, app: AppRegistration, { personal }: User): void {
  if (isForConsumers(name)) {
    if (!personal) throw AadstsError.of('50034', 'Microsoft Accounts');
    return;
  }
  const isOpen = name.toLowerCase() === 'common' && app.personalAccounts !== 'none';
  if (personal && !isOpen) throw AadstsError.of('500200');
}

/** Valid `aud` values of a client assertion, in lower case: token endpoint or issuer, by id or by domain. */
export function assertionAudiences(authority: string, tenant: Tenant, name: string): readonly string[] {
  return [tenant.id, tenant.domain, name]
    .flatMap((one) => [`${authority}/${one}/oauth2/v2.0/token`, `${authority}/${one}/v2.0`])
    .map((url) => url.toLowerCase());
}
