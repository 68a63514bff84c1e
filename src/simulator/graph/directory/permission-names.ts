/** Permissions that allow reading apps. Learn, "List applications" and "List servicePrincipals". */
export const readApplications = [
  'Application.Read.All',
  'Application.ReadWrite.OwnedBy',
  'Application.ReadWrite.All',
  'Directory.Read.All',
];

/** Permissions that allow creating and changing any app. */
export const writeApplications = ['Application.ReadWrite.All'];

/** Permissions that allow changing an app; `OwnedBy` covers only the caller's own. */
export const manageOwn = ['Application.ReadWrite.OwnedBy', ...writeApplications];

/**
 * Permission to grant and remove application permissions. Learn, "Grant an appRoleAssignment for a service principal".
 */
export const writeAssignments = ['AppRoleAssignment.ReadWrite.All'];

/** Permissions to see delegated grants. Learn, "List oauth2PermissionGrants". */
export const readGrants = ['Directory.Read.All', 'DelegatedPermissionGrant.ReadWrite.All'];

/** Permission to create and change delegated grants. */
export const writeGrants = ['DelegatedPermissionGrant.ReadWrite.All'];
