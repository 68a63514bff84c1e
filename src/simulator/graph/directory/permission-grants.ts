import { z } from 'zod';
import type { HttpAnswer } from '../../http/http-server.ts';
import type { PermissionGrant, Tenant } from '../../tenant/tenant.ts';
import { GraphFault } from '../graph-error.ts';
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
  findResourcePrincipal,
  findServicePrincipal,
  listServicePrincipals,
  relationId,
  type ServicePrincipalObject,
} from './objects.ts';
import { collection, entity } from './odata.ts';
import { readGrants, writeGrants } from './permission-names.ts';

type ClientPrincipal = Extract<ServicePrincipalObject, { kind: 'client' }>;

const newGrant = z.strictObject({
  clientId: z.guid(),
  consentType: z.enum(['AllPrincipals', 'Principal']),
  principalId: z.guid().nullish(),
  resourceId: z.guid(),
  scope: z.string(),
});
const changedGrant = z.strictObject({ scope: z.string() });

/** Delegated permissions with consent. Learn, "oAuth2PermissionGrant resource type". */
export const permissionGrantOperations: readonly DirectoryOperation[] = [
  { method: 'GET', path: '/oauth2PermissionGrants', permissions: readGrants, perform: list },
  { method: 'POST', path: '/oauth2PermissionGrants', permissions: writeGrants, perform: create },
  { method: 'GET', path: '/oauth2PermissionGrants/([^/]+)', permissions: readGrants, perform: show },
  { method: 'PATCH', path: '/oauth2PermissionGrants/([^/]+)', permissions: writeGrants, perform: update },
  { method: 'DELETE', path: '/oauth2PermissionGrants/([^/]+)', permissions: writeGrants, perform: remove },
  {
    method: 'GET',
    path: `/servicePrincipals${keyPattern}/oauth2PermissionGrants`,
    permissions: readGrants,
    perform: listOfClient,
  },
];

function allGrants(tenant: Tenant) {
  return listServicePrincipals(tenant)
    .filter((principal) => principal.kind === 'client')
    .flatMap((client) => client.app.delegatedGrants.map((grant) => ({ client, grant })));
}

function list({ tenant, http }: DirectoryRequest): HttpAnswer {
  const all = allGrants(tenant).map(({ client, grant }) => describe(tenant, client, grant));
  return collection(http, 'oauth2PermissionGrants', all);
}

function listOfClient({ tenant, http, captures }: DirectoryRequest): HttpAnswer {
  const { id } = findServicePrincipal(tenant, keyOf(captures[0]));
  const all = allGrants(tenant).filter(({ client }) => client.id === id);
  return collection(
    http,
    'oauth2PermissionGrants',
    all.map(({ client, grant }) => describe(tenant, client, grant)),
  );
}

function show({ tenant, http, captures }: DirectoryRequest): HttpAnswer {
  const { client, grant } = findGrant(tenant, captures[0] ?? '');
  return entity(http, 'oauth2PermissionGrants', describe(tenant, client, grant));
}

async function create(request: DirectoryRequest): Promise<HttpAnswer> {
  const { tenant, http } = request;
  const body = await readBody(request, newGrant, 'OAuth2PermissionGrant');
  const client = findClientPrincipal(tenant, body.clientId);
  const { resource, id: resourceId } = findResourcePrincipal(tenant, body.resourceId);
  const user = userOf(tenant, body);
  const { delegatedGrants } = client.app;
  if (delegatedGrants.some((grant) => grant.resource === resource.key && grant.principalId === user?.objectId)) {
    throw new GraphFault(409, 'Request_MultipleObjectsWithSameKeyValue', 'Permission entry already exists.');
  }
  const grant: PermissionGrant = {
    id: relationId(client.id, resourceId, user?.objectId ?? ''),
    resource: resource.key,
    ...(user ? { principalId: user.objectId } : {}),
    scopes: scopesOf(body.scope),
  };
  delegatedGrants.push(grant);
  return entity(http, 'oauth2PermissionGrants', describe(tenant, client, grant), 201);
}

/** The user a grant is for, unless it is for everybody. @throws GraphFault 400, 404 */
function userOf(tenant: Tenant, { consentType, principalId }: z.infer<typeof newGrant>) {
  if (consentType === 'AllPrincipals') {
    if (principalId) throw badRequest('The principalId must be null when consentType is AllPrincipals.');
    return undefined;
  }
  const found = [...tenant.users.values()].find(({ objectId }) => objectId === principalId?.toLowerCase());
  if (!found) throw notFound(principalId ?? '');
  return found;
}

async function update(request: DirectoryRequest): Promise<HttpAnswer> {
  const { grant } = findGrant(request.tenant, request.captures[0] ?? '');
  grant.scopes = scopesOf((await readBody(request, changedGrant, 'OAuth2PermissionGrant')).scope);
  return { status: 204 };
}

function remove({ tenant, captures }: DirectoryRequest): HttpAnswer {
  const { client, grant } = findGrant(tenant, captures[0] ?? '');
  client.app.delegatedGrants.splice(client.app.delegatedGrants.indexOf(grant), 1);
  return { status: 204 };
}

function findGrant(tenant: Tenant, id: string) {
  const found = allGrants(tenant).find(({ grant }) => grant.id === id);
  if (!found) throw notFound(id);
  return found;
}

function scopesOf(text: string): readonly string[] {
  return [...new Set(text.split(' ').filter((scope) => scope !== ''))];
}

function describe(tenant: Tenant, client: ClientPrincipal, grant: PermissionGrant) {
  return {
    id: grant.id,
    clientId: client.id,
    consentType: grant.principalId === undefined ? 'AllPrincipals' : 'Principal',
    principalId: grant.principalId ?? null,
    resourceId: tenant.resourcePrincipalIds[grant.resource],
    scope: grant.scopes.join(' '),
  };
}
