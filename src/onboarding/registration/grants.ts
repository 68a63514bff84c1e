import { z } from 'zod';
import { appRoleAssignmentForm, type Directory, permissionGrantForm, resourceForm } from './directory.ts';
import { isNotFound } from './directory-error.ts';
import { type ReplicationOptions, untilReplicated } from './replication.ts';
import type { ResolvedPermission } from './resources.ts';

/** What was granted, and what had been granted beyond that before. */
export interface SettledGrants {
  readonly granted: readonly string[];
  readonly leftAlone: readonly string[];
}

/**
 * Grants application permissions for the whole tenant, like "Grant admin consent" (Learn, "Grant an appRoleAssignment
 * for a service principal").
 * @param servicePrincipalId object id of the app's service principal
 * @throws BridgeError `directory-refused`, `registration-not-visible`
 */
export async function grantRoles(
  directory: Directory,
  servicePrincipalId: string,
  roles: readonly ResolvedPermission[],
  replication: ReplicationOptions,
): Promise<SettledGrants> {
  const assigned = await untilReplicated(replication, 'the enterprise application', isNotFound, () =>
    directory.list(`/v1.0/servicePrincipals/${servicePrincipalId}/appRoleAssignments`, appRoleAssignmentForm),
  );
  const missing = roles.filter(({ id }) => !assigned.some(({ appRoleId }) => appRoleId === id));
  for (const { id, resourceId } of missing) {
    const body = { principalId: servicePrincipalId, resourceId, appRoleId: id };
    await untilReplicated(replication, 'the enterprise application', isNotFound, () =>
      directory.post(`/v1.0/servicePrincipals/${resourceId}/appRoleAssignedTo`, body, appRoleAssignmentForm),
    );
  }
  const others = assigned.filter(({ appRoleId }) => !roles.some(({ id }) => id === appRoleId));
  const names = await namesOf(directory, others);
  return { granted: missing.map(({ value }) => value), leftAlone: names.map(leftAloneText) };
}

/** The names of assigned roles, from the resources that offer them. */
async function namesOf(
  directory: Directory,
  assigned: readonly { readonly resourceId: string; readonly appRoleId: string }[],
): Promise<string[]> {
  const names: string[] = [];
  for (const resourceId of new Set(assigned.map((each) => each.resourceId))) {
    const path = `/v1.0/servicePrincipals/${resourceId}?$select=id,appId,displayName,appRoles`;
    const { appRoles } = await directory.get(path, resourceForm);
    const ids = assigned.filter((each) => each.resourceId === resourceId).map(({ appRoleId }) => appRoleId);
    names.push(...ids.map((id) => appRoles.find((role) => role.id === id)?.value ?? id));
  }
  return names;
}

function leftAloneText(name: string): string {
  const said = `the permission ${name}, granted in Entra ID`;
  if (/^Mail\./.test(name)) return `${said}: it reaches every mailbox, whatever the roles in Exchange say`;
  if (name === 'SMTP.SendAsApp') return `${said}: with it Exchange looks at mailbox permissions, not at roles`;
  return said;
}

/**
 * Grants delegated permissions for everybody (Learn, "Create oAuth2PermissionGrant"). If none is wanted it does not
 * even look: that would need a right which the administrator then need not give.
 * @throws BridgeError `directory-refused`, `registration-not-visible`
 */
export async function grantScopes(
  directory: Directory,
  servicePrincipalId: string,
  scopes: readonly ResolvedPermission[],
  replication: ReplicationOptions,
): Promise<SettledGrants> {
  if (scopes.length === 0) return { granted: [], leftAlone: [] };
  const grants = await untilReplicated(replication, 'the enterprise application', isNotFound, () =>
    directory.list(`/v1.0/servicePrincipals/${servicePrincipalId}/oauth2PermissionGrants`, permissionGrantForm),
  );
  const granted: string[] = [];
  const leftAlone: string[] = [];
  for (const resourceId of new Set(scopes.map((scope) => scope.resourceId))) {
    const wanted = scopes.filter((scope) => scope.resourceId === resourceId).map(({ value }) => value);
    const present = grants.find((grant) => grant.resourceId === resourceId && grant.consentType === 'AllPrincipals');
    const had = present?.scope?.split(' ').filter((each) => each !== '') ?? [];
    const missing = wanted.filter((value) => !had.includes(value));
    if (missing.length > 0) {
      const scope = [...had, ...missing].join(' ');
      const body = { clientId: servicePrincipalId, consentType: 'AllPrincipals', resourceId, scope };
      await untilReplicated(replication, 'the enterprise application', isNotFound, () =>
        present
          ? directory.patch(`/v1.0/oauth2PermissionGrants/${present.id}`, { scope })
          : directory.post('/v1.0/oauth2PermissionGrants', body, z.unknown()),
      );
    }
    granted.push(...missing);
    leftAlone.push(...had.filter((value) => !wanted.includes(value)));
  }
  return { granted, leftAlone: leftAlone.length === 0 ? [] : [`delegated permissions ${leftAlone.join(', ')}`] };
}
