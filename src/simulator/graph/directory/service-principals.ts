import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { HttpAnswer } from '../../http/http-server.ts';
import { permissions, type ResourcePermission } from '../../tenant/permissions.ts';
import { findResource } from '../../tenant/resources.ts';
import type { Tenant } from '../../tenant/tenant.ts';
import { GraphFault } from '../graph-error.ts';
import {
  badRequest,
  type DirectoryOperation,
  type DirectoryRequest,
  keyOf,
  keyPattern,
  readBody,
} from './directory-request.ts';
import {
  appIdOf,
  displayNameOf,
  findServicePrincipal,
  isReplicated,
  listServicePrincipals,
  type ServicePrincipalObject,
} from './objects.ts';
import { collection, entity } from './odata.ts';
import { readApplications, writeApplications } from './permission-names.ts';

/** The tenant in which Microsoft registers its own apps. */
const microsoftTenantId = 'f8cdef31-a31e-4b4a-93e4-5f571e91255a';

/** Tags control the admin center's lists, which are not simulated. */
const newServicePrincipal = z.strictObject({ appId: z.guid(), tags: z.array(z.string()).optional() });

/** The operations on service principals ("enterprise applications"). */
export const servicePrincipalOperations: readonly DirectoryOperation[] = [
  { method: 'GET', path: '/servicePrincipals', permissions: readApplications, perform: list },
  { method: 'POST', path: '/servicePrincipals', permissions: writeApplications, perform: create },
  { method: 'GET', path: `/servicePrincipals${keyPattern}`, permissions: readApplications, perform: show },
];

function list({ tenant, http }: DirectoryRequest): HttpAnswer {
  const all = listServicePrincipals(tenant).map((principal) => describe(tenant, principal));
  return collection(http, 'servicePrincipals', all);
}

function show({ tenant, http, captures }: DirectoryRequest): HttpAnswer {
  return entity(http, 'servicePrincipals', describe(tenant, findServicePrincipal(tenant, keyOf(captures[0]))));
}

async function create(request: DirectoryRequest): Promise<HttpAnswer> {
  const { tenant, http } = request;
  const { appId } = await readBody(request, newServicePrincipal, 'ServicePrincipal');
  const app = tenant.apps.get(appId.toLowerCase());
  if (app?.servicePrincipalId !== undefined || findResource(appId)) {
    const text = `The service principal cannot be created, updated, or restored because the service principal name ${appId} is already in use.`;
    throw new GraphFault(409, 'Request_MultipleObjectsWithSameKeyValue', text);
  }
  if (!app || !isReplicated(tenant, app.createdAtMs)) {
    throw badRequest(`The appId '${appId}' of the service principal does not reference a valid application object.`);
  }
  const id = randomUUID();
  app.servicePrincipalId = id;
  app.servicePrincipalCreatedAtMs = Date.now();
  return entity(http, 'servicePrincipals', describe(tenant, { kind: 'client', id, app }), 201);
}

function describe(tenant: Tenant, principal: ServicePrincipalObject) {
  const microsofts = principal.kind === 'resource' || principal.app.firstParty;
  const offered = permissions.filter(
    ({ resource }) => principal.kind === 'resource' && principal.resource.key === resource,
  );
  return {
    id: principal.id,
    appId: appIdOf(principal),
    displayName: displayNameOf(principal),
    servicePrincipalType: 'Application',
    accountEnabled: principal.kind === 'resource' || !principal.app.disabled,
    appOwnerOrganizationId: microsofts ? microsoftTenantId : tenant.id,
    appRoleAssignmentRequired: principal.kind === 'client' && principal.app.assignmentRequired,
    servicePrincipalNames: [
      appIdOf(principal),
      ...(principal.kind === 'resource' ? principal.resource.identifierUris : []),
    ],
    appRoles: offered.filter(({ type }) => type === 'Role').map(appRole),
    oauth2PermissionScopes: offered.filter(({ type }) => type === 'Scope').map(permissionScope),
  };
}

function appRole({ id, value, displayName }: ResourcePermission) {
  return {
    allowedMemberTypes: ['Application'],
    description: displayName,
    displayName,
    id,
    isEnabled: true,
    origin: 'Application',
    value,
  };
}

function permissionScope({ id, value, displayName, adminOnly }: ResourcePermission) {
  return {
    adminConsentDescription: displayName,
    adminConsentDisplayName: displayName,
    id,
    isEnabled: true,
    type: adminOnly ? 'Admin' : 'User',
    userConsentDescription: displayName,
    userConsentDisplayName: displayName,
    value,
  };
}
