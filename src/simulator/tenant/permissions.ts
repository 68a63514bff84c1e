import type { RequiredPermission } from './required-permission.ts';
import { type ApiResource, findResource, resources } from './resources.ts';

/** A permission that a resource offers. */
export interface ResourcePermission {
  readonly resource: ApiResource['key'];
  /** `Role`: for the app itself. `Scope`: on behalf of a user. */
  readonly type: RequiredPermission['type'];
  /** Its name in tokens. */
  readonly value: string;
  readonly id: string;
  /** Whether only an administrator can consent to it. Roles always need one. */
  readonly adminOnly: boolean;
  /** Its name on the consent page. */
  readonly displayName: string;
}

const role = (resource: ApiResource['key'], value: string, id: string, displayName: string): ResourcePermission => ({
  resource,
  type: 'Role',
  value,
  id,
  adminOnly: true,
  displayName,
});
const scope = (resource: ApiResource['key'], value: string, id: string, displayName: string): ResourcePermission => ({
  resource,
  type: 'Scope',
  value,
  id,
  adminOnly: false,
  displayName,
});
const adminScope = (value: string, id: string, displayName: string): ResourcePermission => ({
  ...scope('graph', value, id, displayName),
  adminOnly: true,
});

/**
 * The permissions of Graph and Exchange Online that have to do with mail or with setting an app up. Ids as Microsoft
 * publishes them (Learn, "Microsoft Graph permissions reference"), except that of `SMTP.SendAsApp`, which is not
 * published: like any id it must be looked up by its value.
 */
export const permissions: readonly ResourcePermission[] = [
  role('graph', 'Mail.Send', 'b633e1c5-b582-4048-a93e-9f11b44c7e96', 'Send mail as any user'),
  role('graph', 'Mail.ReadWrite', 'e2a3a72e-5f79-4c64-b1b1-878b674786c9', 'Read and write mail in all mailboxes'),
  role('graph', 'Mail.Read', '810c84a8-4a9e-49e6-bf7d-12d183f40d01', 'Read mail in all mailboxes'),
  role('graph', 'Mail.ReadBasic.All', '693c5e45-0940-467d-9b8a-1022fb9d42ef', 'Read basic mail in all mailboxes'),
  role('graph', 'User.Read.All', 'df021288-bdef-4463-88db-98f22de89214', "Read all users' full profiles"),
  role(
    'graph',
    'Application.ReadWrite.OwnedBy',
    '18a4783c-866b-4cc7-a460-3d5e5662c884',
    'Manage apps that this app creates or owns',
  ),
  role('graph', 'Application.Read.All', '9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30', 'Read all applications'),
  role('graph', 'Application.ReadWrite.All', '1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9', 'Read and write all applications'),
  role(
    'graph',
    'AppRoleAssignment.ReadWrite.All',
    '06b708a9-e830-4db3-a914-8e69da51d44f',
    'Manage app permission grants and app role assignments',
  ),
  role('exchange', 'IMAP.AccessAsApp', '5e5addcd-3e8d-4e90-baf5-964efab2b20a', 'IMAP.AccessAsApp'),
  role('exchange', 'POP.AccessAsApp', 'cb842b43-da6e-4506-86fe-bb12199c656d', 'POP.AccessAsApp'),
  role(
    'exchange',
    'SMTP.SendAsApp',
    '5d0c9f6e-1c52-4f3f-8a54-6d1f0d8b7a21',
    'Application access for sending emails via SMTP AUTH',
  ),
  role(
    'exchange',
    'full_access_as_app',
    'dc890d15-9560-4a4c-9b7f-a736ec74ec40',
    'Use Exchange Web Services with full access to all mailboxes',
  ),
  role('exchange', 'Exchange.ManageAsApp', 'dc50a0fb-09a3-484d-be87-e023b12c6440', 'Manage Exchange As Application'),
  scope('graph', 'User.Read', 'e1fe6dd8-ba31-4d61-89e7-88639da4683d', 'Sign you in and read your profile'),
  scope('graph', 'Mail.Send', 'e383f46e-2787-4529-855e-0e479a3ffac0', 'Send mail as you'),
  scope('graph', 'Mail.ReadWrite', '024d486e-b451-40bb-833d-3e66d98c5c73', 'Read and write access to your mail'),
  scope('graph', 'Mail.Read', '570282fd-fa5c-430d-a7fd-fc8dc98a9dca', 'Read your mail'),
  scope(
    'graph',
    'Mail.Send.Shared',
    'a367ab51-6b49-43bf-a716-a1fb06d2a174',
    'Send mail on behalf of others or yourself',
  ),
  scope('graph', 'Mail.ReadWrite.Shared', '5df07973-7d5d-46ed-9847-1271055cbd51', 'Read and write mail you can access'),
  scope('graph', 'Mail.Read.Shared', '7b9103a5-4610-446b-9670-80643382c1fa', 'Read mail you can access'),
  scope('graph', 'IMAP.AccessAsUser.All', '652390e4-393a-48de-9484-05f9b1212954', 'Read and write access to your mail'),
  scope('graph', 'POP.AccessAsUser.All', 'd7b7f2d9-0f45-4ea1-9d42-e50810c06991', 'Read and write access to your mail'),
  scope('graph', 'SMTP.Send', '258f6531-6087-4cc4-bb90-092c5fb3ed3f', 'Access to sending emails from your mailbox'),
  scope(
    'graph',
    'offline_access',
    '7427e0e9-2fba-42fe-b0c0-848c9e6a8182',
    'Maintain access to data you have given it access to',
  ),
  scope('graph', 'openid', '37f7f235-527c-4136-accd-4a02d197296e', 'Sign you in'),
  scope('graph', 'profile', '14dad69e-099b-42c9-810b-d002981feec1', 'View your basic profile'),
  scope('graph', 'email', '64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0', 'View your email address'),
  adminScope('Application.ReadWrite.All', 'bdfbf15f-ee85-4955-8675-146e8e5296b5', 'Read and write applications'),
  adminScope(
    'AppRoleAssignment.ReadWrite.All',
    '84bccea3-f856-4a8a-967b-dbe0a3d53a64',
    'Manage app permission grants and app role assignments',
  ),
  adminScope(
    'DelegatedPermissionGrant.ReadWrite.All',
    '41ce6ca6-6826-4807-84f1-1c82854f7ee5',
    'Manage all delegated permission grants',
  ),
  scope(
    'exchange',
    'IMAP.AccessAsUser.All',
    '195adc35-e27b-454b-a7ed-1ecdffa1c09f',
    'Read and write access to your mail',
  ),
  scope(
    'exchange',
    'POP.AccessAsUser.All',
    'fb698133-92fa-453e-a9ed-688e10f2e5ac',
    'Read and write access to your mail',
  ),
  scope('exchange', 'SMTP.Send', '76faac2a-0f20-42f1-928a-50de5b9dbe52', 'Access to sending emails from your mailbox'),
];

/** A permission by case-insensitive name. */
export function findPermission(
  resource: ApiResource['key'],
  type: ResourcePermission['type'],
  value: string,
): ResourcePermission | undefined {
  const wanted = value.toLowerCase();
  return permissions.find(
    (one) => one.resource === resource && one.type === type && one.value.toLowerCase() === wanted,
  );
}

/**
 * The permissions that a good registration of a mail bridge lists; the users' mail protocols are under Graph, as in the
 * portal.
 */
export const bridgePermissions: readonly RequiredPermission[] = (
  [
    ['graph', 'Role', 'Mail.Send'],
    ['graph', 'Role', 'Mail.ReadWrite'],
    ['exchange', 'Role', 'IMAP.AccessAsApp'],
    ['exchange', 'Role', 'POP.AccessAsApp'],
    ['exchange', 'Role', 'SMTP.SendAsApp'],
    ['graph', 'Scope', 'User.Read'],
    ['graph', 'Scope', 'Mail.Send'],
    ['graph', 'Scope', 'Mail.ReadWrite'],
    ['graph', 'Scope', 'IMAP.AccessAsUser.All'],
    ['graph', 'Scope', 'POP.AccessAsUser.All'],
    ['graph', 'Scope', 'SMTP.Send'],
  ] as const
).flatMap(([resource, type, value]) => {
  const id = findPermission(resource, type, value)?.id;
  const resourceAppId = resources.find(({ key }) => key === resource)?.appId;
  return id && resourceAppId ? { resourceAppId, id, type } : [];
});

/** The permission that a registration's list entry means. */
export function requiredPermission({ resourceAppId, id, type }: RequiredPermission): ResourcePermission | undefined {
  const resource = findResource(resourceAppId);
  return permissions.find((one) => one.resource === resource?.key && one.type === type && one.id === id.toLowerCase());
}
