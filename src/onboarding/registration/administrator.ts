import type { Registration } from './register-app.ts';

/** Microsoft Graph Command Line Tools: the public client that Microsoft's own tools use to sign administrators in. */
export const graphCommandLineTools = '14d82eec-204b-4c2f-b7e8-296a70dab67e';

/**
 * What an administrator permits for a registration, and no more.
 * @param graphScope `.default` of Graph in the cloud of the tenant
 */
export function administratorScopes({ roles, scopes }: Registration, graphScope: string): string[] {
  return [
    'Application.ReadWrite.All',
    ...(roles.length > 0 ? ['AppRoleAssignment.ReadWrite.All'] : []),
    ...(scopes.length > 0 ? ['DelegatedPermissionGrant.ReadWrite.All'] : []),
  ].map((name) => `${new URL(graphScope).origin}/${name}`);
}
