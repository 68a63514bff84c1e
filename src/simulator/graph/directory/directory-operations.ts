import { appRoleAssignmentOperations } from './app-role-assignments.ts';
import { applicationOperations } from './applications.ts';
import { credentialOperations } from './credentials.ts';
import type { DirectoryOperation } from './directory-request.ts';
import { keyOperations } from './keys.ts';
import { peopleOperations } from './people.ts';
import { permissionGrantOperations } from './permission-grants.ts';
import { servicePrincipalOperations } from './service-principals.ts';

/** Graph's directory operations: app registrations, their grants, and people. */
export const directoryOperations: readonly DirectoryOperation[] = [
  ...peopleOperations,
  ...applicationOperations,
  ...credentialOperations,
  ...keyOperations,
  ...servicePrincipalOperations,
  ...appRoleAssignmentOperations,
  ...permissionGrantOperations,
];
