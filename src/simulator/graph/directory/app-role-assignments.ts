import { z } from 'zod';
import type { HttpAnswer } from '../../http/http-server.ts';
import { findPermission, permissions, type ResourcePermission } from '../../tenant/permissions.ts';
import { type ApiResource, resources } from '../../tenant/resources.ts';
import type { AppRegistration, Tenant } from '../../tenant/tenant.ts';
import {
  badRequest,
  type DirectoryOperation,
  type DirectoryRequest,
  keyOf,
  keyPattern,
  notFound,
  readBody,
} from './directory-request.ts';
import {
  findClientPrincipal,
  findServicePrincipal,
  listServicePrincipals,
  relationId,
  type ServicePrincipalObject,
} from './objects.ts';
import { collection, entity } from './odata.ts';
import { readApplications, writeAssignments } from './permission-names.ts';

type ClientPrincipal = Extract<ServicePrincipalObject, { kind: 'client' }>;

const newAssignment = z.strictObject({ principalId: z.guid(), resourceId: z.guid(), appRoleId: z.guid() });
const readAssignments = [...readApplications, ...writeAssignments];
const granted = `/servicePrincipals${keyPattern}/appRoleAssignedTo`;
const held = `/servicePrincipals${keyPattern}/appRoleAssignments`;

/**
 * Granted application permissions ("admin consent"), as seen from the resource that gives them and from the client that
 * has them. Learn, "appRoleAssignment resource type".
 */
export const appRoleAssignmentOperations: readonly DirectoryOperation[] = [
  { method: 'GET', path: granted, permissions: readAssignments, perform: listGranted },
  { method: 'POST', path: granted, permissions: writeAssignments, perform: assign },
  { method: 'DELETE', path: `${granted}/([^/]+)`, permissions: writeAssignments, perform: withdraw },
  { method: 'GET', path: held, permissions: readAssignments, perform: listHeld },
  { method: 'POST', path: held, permissions: writeAssignments, perform: assign },
  { method: 'DELETE', path: `${held}/([^/]+)`, permissions: writeAssignments, perform: withdraw },
];

function listGranted({ tenant, http, captures }: DirectoryRequest): HttpAnswer {
  const resource = findServicePrincipal(tenant, keyOf(captures[0]));
  const clients = listServicePrincipals(tenant).filter((principal) => principal.kind === 'client');
  const all = clients
    .flatMap((client) => assignmentsOf(tenant, client))
    .filter(({ resourceId }) => resourceId === resource.id);
  return collection(http, `servicePrincipals('${resource.id}')/appRoleAssignedTo`, all);
}

function listHeld({ tenant, http, captures }: DirectoryRequest): HttpAnswer {
  const client = findServicePrincipal(tenant, keyOf(captures[0]));
  const all = client.kind === 'client' ? assignmentsOf(tenant, client) : [];
  return collection(http, `servicePrincipals('${client.id}')/appRoleAssignments`, all);
}

async function assign(request: DirectoryRequest): Promise<HttpAnswer> {
  const { tenant, http, captures } = request;
  const addressed = findServicePrincipal(tenant, keyOf(captures[0]));
  const { principalId, resourceId, appRoleId } = await readBody(request, newAssignment, 'AppRoleAssignment');
  if (![principalId, resourceId].some((id) => id.toLowerCase() === addressed.id)) {
    throw badRequest('Not a valid reference update.');
  }
  const client = findClientPrincipal(tenant, principalId);
  const resource = findServicePrincipal(tenant, { id: resourceId.toLowerCase() });
  const offered = permissions.find(
    (one) => one.type === 'Role' && one.id === appRoleId.toLowerCase() && isOf(one, resource),
  );
  if (!offered) throw badRequest('Permission being assigned was not found on application.');
  const { roles } = client.app;
  if (roles[offered.resource].includes(offered.value)) {
    throw badRequest('Permission being assigned already exists on the object');
  }
  roles[offered.resource] = [...roles[offered.resource], offered.value];
  return entity(http, 'appRoleAssignments', describe(tenant, client, offered), 201);
}

function isOf({ resource }: ResourcePermission, principal: ServicePrincipalObject): boolean {
  return principal.kind === 'resource' && principal.resource.key === resource;
}

function withdraw({ tenant, captures }: DirectoryRequest): HttpAnswer {
  const [key, id = ''] = captures;
  findServicePrincipal(tenant, keyOf(key));
  for (const client of listServicePrincipals(tenant)) {
    if (client.kind !== 'client') continue;
    const offered = rolesOf(client.app).find((one) => describe(tenant, client, one).id === id);
    if (!offered) continue;
    const { roles } = client.app;
    roles[offered.resource] = roles[offered.resource].filter((value) => value !== offered.value);
    return { status: 204 };
  }
  throw notFound(id);
}

/** The application permissions of an app; a permission in no table (set through the control endpoint) has no id. */
function rolesOf({ roles }: AppRegistration): readonly ResourcePermission[] {
  const ofResource = ({ key }: ApiResource) => roles[key].map((value) => findPermission(key, 'Role', value));
  return resources.flatMap(ofResource).filter((one) => one !== undefined);
}

function assignmentsOf(tenant: Tenant, client: ClientPrincipal) {
  return rolesOf(client.app).map((offered) => describe(tenant, client, offered));
}

function describe(tenant: Tenant, client: ClientPrincipal, offered: ResourcePermission) {
  const resourceId = tenant.resourcePrincipalIds[offered.resource];
  return {
    id: relationId(client.id, resourceId, offered.id),
    deletedDateTime: null,
    appRoleId: offered.id,
    principalDisplayName: client.app.displayName,
    principalId: client.id,
    principalType: 'ServicePrincipal',
    resourceDisplayName: resources.find(({ key }) => key === offered.resource)?.displayName ?? null,
    resourceId,
  };
}
