import { isPersonalTenant } from '../../base/personal-accounts.ts';
import type { UsePermission } from '../../couriers/descriptor.ts';
import { resourceNames, usePermissions } from '../permissions.ts';
import type { CheckedConnection, Use } from './subject.ts';
import type { TokenClaims } from './token-claims.ts';

/** What a use needs in the token. */
export function permissionFor({ actsAs }: Pick<CheckedConnection, 'actsAs'>, use: Use): UsePermission {
  const by = usePermissions[actsAs];
  return use.kind === 'send' ? by.send[use.by] : by.read[use.by];
}

type HeldClaims = Pick<TokenClaims, 'roles' | 'scopes'>;

/** The first sufficient permission in the token, or undefined. */
export function heldPermission(claims: HeldClaims, { anyOf }: Pick<UsePermission, 'anyOf'>): string | undefined {
  const held = [...claims.roles, ...claims.scopes];
  return anyOf.find((permission) => held.includes(permission));
}

/**
 * How the token relates to a permission. `in-exchange`: it is not in the token; a role in Exchange, which appears in no
 * token, may serve instead, and only trying shows that.
 */
export type PermissionStanding =
  | { readonly kind: 'held'; readonly permission: string }
  | { readonly kind: 'in-exchange'; readonly role: string }
  | { readonly kind: 'missing' };

/** @param claims of the token @param needed by a use */
export function permissionStanding(
  claims: HeldClaims,
  needed: Pick<UsePermission, 'anyOf' | 'rbacRole'>,
): PermissionStanding {
  const { rbacRole } = needed;
  const held = heldPermission(claims, needed);
  if (held !== undefined) return { kind: 'held', permission: held };
  return rbacRole === undefined ? { kind: 'missing' } : { kind: 'in-exchange', role: rbacRole };
}

/** How a person gets access to somebody else's mailbox through Graph. */
export function openingRemedy(mailbox: string, user: string): string {
  return `Add-MailboxPermission -Identity ${mailbox} -User ${user} -AccessRights FullAccess (and the delegated permission Mail.ReadWrite.Shared)`;
}

type GrantedConnection = Pick<CheckedConnection, 'name' | 'actsAs' | 'grant' | 'tenantId'>;

/** How to grant a permission, as an instruction: with the command if it can, and by hand. */
export function grantRemedy(connection: GrantedConnection, needed: UsePermission): string {
  const { name, actsAs } = connection;
  const [permission] = needed.anyOf;
  // The portal lists all delegated permissions under Microsoft Graph, including those for mail protocols.
  const api = resourceNames[actsAs === 'app' ? needed.resource : 'graph'];
  const kind = actsAs === 'app' ? 'application' : 'delegated';
  const then =
    actsAs === 'app'
      ? `Then let an administrator consent: mailbridge consent ${name}`
      : `Then sign in again: mailbridge login ${name}`;
  return `${registerRemedy(connection, needed)}Add the ${kind} permission ${permission} (${api}): Entra admin center > App registrations > the app > API permissions > Add a permission. ${then}`;
}

/** Neither a managed identity nor a personal account has an app that the command could register. */
function registerRemedy({ name, actsAs, grant, tenantId }: GrantedConnection, { resource, rbacRole }: UsePermission) {
  if (grant === 'managed-identity' || isPersonalTenant(tenantId)) return '';
  // Without this option the command leaves to an Exchange role what one can give.
  const reach = resource === 'graph' ? ' --tenant-wide' : ' --classic';
  const asked = actsAs === 'app' && rbacRole !== undefined ? reach : '';
  const then = actsAs === 'person' ? `, then mailbridge login ${name}` : '';
  return `Run mailbridge register-app --name ${name}${asked}${then}: it adds the permission and consents, and an administrator signs in for it once. Or by hand: `;
}
