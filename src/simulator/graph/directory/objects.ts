import { createHash } from 'node:crypto';
import type { ApiResource } from '../../tenant/resources.ts';
import { resources } from '../../tenant/resources.ts';
import type { AppRegistration, Tenant } from '../../tenant/tenant.ts';
import { notFound, type ObjectKey } from './directory-request.ts';

/** A service principal: of an app registration, or of a Microsoft resource. */
export type ServicePrincipalObject =
  | { readonly kind: 'client'; readonly id: string; readonly app: AppRegistration }
  | { readonly kind: 'resource'; readonly id: string; readonly resource: ApiResource };

/** Whether an object created at a time (milliseconds since 1970) has been replicated. */
export function isReplicated(tenant: Tenant, createdAtMs: number): boolean {
  return Date.now() >= createdAtMs + tenant.replicationMs;
}

/** The tenant's replicated registrations. Microsoft's own apps are registered elsewhere. */
export function listApplications(tenant: Tenant): readonly AppRegistration[] {
  return [...tenant.apps.values()].filter((app) => !app.firstParty && isReplicated(tenant, app.createdAtMs));
}

/** @throws GraphError 404 */
export function findApplication(tenant: Tenant, key: ObjectKey): AppRegistration {
  const found = listApplications(tenant).find((app) =>
    'id' in key ? app.objectId === key.id : app.clientId.toLowerCase() === key.appId,
  );
  if (!found) throw notFound('id' in key ? key.id : key.appId);
  return found;
}

/** The replicated service principals. */
export function listServicePrincipals(tenant: Tenant): readonly ServicePrincipalObject[] {
  const clients = [...tenant.apps.values()].flatMap((app): ServicePrincipalObject[] => {
    const { servicePrincipalId: id } = app;
    if (id === undefined || !isReplicated(tenant, app.servicePrincipalCreatedAtMs)) return [];
    return [{ kind: 'client', id, app }];
  });
  const ofResources = resources.map(
    (resource): ServicePrincipalObject => ({
      kind: 'resource',
      id: tenant.resourcePrincipalIds[resource.key],
      resource,
    }),
  );
  return [...clients, ...ofResources];
}

/** The app id of a service principal. */
export function appIdOf(principal: ServicePrincipalObject): string {
  return principal.kind === 'client' ? principal.app.clientId : principal.resource.appId;
}

/** Its name as people see it. */
export function displayNameOf(principal: ServicePrincipalObject): string {
  return principal.kind === 'client' ? principal.app.displayName : principal.resource.displayName;
}

/** @throws GraphError 404 */
export function findServicePrincipal(tenant: Tenant, key: ObjectKey): ServicePrincipalObject {
  const found = listServicePrincipals(tenant).find((principal) =>
    'id' in key ? principal.id === key.id : appIdOf(principal).toLowerCase() === key.appId,
  );
  if (!found) throw notFound('id' in key ? key.id : key.appId);
  return found;
}

/** The service principal of a resource. @throws GraphError 404 */
export function findResourcePrincipal(
  tenant: Tenant,
  id: string,
): Extract<ServicePrincipalObject, { kind: 'resource' }> {
  const found = findServicePrincipal(tenant, { id: id.toLowerCase() });
  if (found.kind !== 'resource') throw notFound(id);
  return found;
}

/** The service principal of an app. @throws GraphError 404 */
export function findClientPrincipal(tenant: Tenant, id: string): Extract<ServicePrincipalObject, { kind: 'client' }> {
  const found = findServicePrincipal(tenant, { id: id.toLowerCase() });
  if (found.kind !== 'client') throw notFound(id);
  return found;
}

/** An id of the kind that assignments and grants have: always the same for the same parts. */
export function relationId(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('/')).digest('base64url');
}
