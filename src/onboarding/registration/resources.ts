import { BridgeError } from '../../base/errors.ts';
import type { TokenResource } from '../../tokens/token-source.ts';
import { type Permission, resourceAppIds, resourceNames } from '../permissions.ts';
import { type Directory, filterBy, type Resource, resourceForm } from './directory.ts';

/** A permission with its ids in this tenant. */
export interface ResolvedPermission extends Permission {
  /** `Role`: for the app itself. `Scope`: on behalf of a person. */
  readonly type: 'Role' | 'Scope';
  readonly id: string;
  /** Object id of the resource's service principal. */
  readonly resourceId: string;
}

/**
 * Looks permissions up by their values, because Microsoft chooses their ids.
 * @throws BridgeError `permission-unknown` if the tenant has no such resource or the resource no such permission
 */
export async function resolvePermissions(
  directory: Directory,
  permissions: readonly Permission[],
  type: 'Role' | 'Scope',
): Promise<ResolvedPermission[]> {
  const keys = [...new Set(permissions.map(({ resource }) => resource))];
  const resources = new Map<TokenResource, Resource>();
  for (const key of keys) resources.set(key, await readResource(directory, key));
  return permissions.map((permission) => {
    const resource = resources.get(permission.resource);
    const offered = type === 'Role' ? resource?.appRoles : resource?.oauth2PermissionScopes;
    const id = offered?.find(({ value }) => value === permission.value)?.id;
    if (resource === undefined || id === undefined) {
      const kind = type === 'Role' ? 'application' : 'delegated';
      throw new BridgeError(
        'permission-unknown',
        `${resourceNames[permission.resource]} offers no ${kind} permission ${permission.value} in this tenant.`,
      );
    }
    return { ...permission, type, id, resourceId: resource.id };
  });
}

async function readResource(directory: Directory, key: TokenResource): Promise<Resource> {
  const query = `${filterBy('appId', resourceAppIds[key])}&$select=id,appId,displayName,appRoles,oauth2PermissionScopes`;
  const [found] = await directory.list(`/v1.0/servicePrincipals?${query}`, resourceForm);
  if (found) return found;
  throw new BridgeError('permission-unknown', `The tenant has no service principal of ${resourceNames[key]}.`);
}
