import type { UsePermission } from '../../couriers/descriptor.ts';
import { resourceNames, usePermissions } from '../permissions.ts';
import type { CheckedConnection, Use } from './subject.ts';
import type { TokenClaims } from './token-claims.ts';

/** What a use needs in the token. */
export function permissionFor({ actsAs }: Pick<CheckedConnection, 'actsAs'>, use: Use): UsePermission {
  const by = usePermissions[actsAs];
  return use.kind === 'send' ? by.send[use.by] : by.read[use.by];
}

/** The permission that the token holds of those that serve, or undefined. */
export function heldPermission(claims: TokenClaims, { anyOf }: UsePermission): string | undefined {
  const held = [...claims.roles, ...claims.scopes];
  return anyOf.find((permission) => held.includes(permission));
}

/** How a person gets a mailbox of somebody else open through Graph. */
export function openingRemedy(mailbox: string, user: string): string {
  return `Add-MailboxPermission -Identity ${mailbox} -User ${user} -AccessRights FullAccess (and the delegated permission Mail.ReadWrite.Shared)`;
}

/** How to grant a permission, as an instruction. */
export function grantRemedy({ name, actsAs }: Pick<CheckedConnection, 'name' | 'actsAs'>, needed: UsePermission) {
  const [permission] = needed.anyOf;
  // In the portal all that is delegated stands under Microsoft Graph, the permissions of the mail protocols too.
  const api = resourceNames[actsAs === 'app' ? needed.resource : 'graph'];
  const kind = actsAs === 'app' ? 'application' : 'delegated';
  const then =
    actsAs === 'app'
      ? `Then let an administrator consent: mailbridge consent ${name}`
      : `Then sign in again: mailbridge login ${name}`;
  return `Add the ${kind} permission ${permission} (${api}): Entra admin center > App registrations > the app > API permissions > Add a permission. ${then}`;
}
