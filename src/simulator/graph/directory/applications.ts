import { z } from 'zod';
import type { HttpAnswer } from '../../http/http-server.ts';
import type { RequiredPermission } from '../../tenant/required-permission.ts';
import type { AppRegistration } from '../../tenant/tenant.ts';
import { keyCredential, readKeyCredentials, showKeyCredential, showPasswordCredential } from './credentials.ts';
import {
  type DirectoryOperation,
  type DirectoryRequest,
  keyOf,
  keyPattern,
  readBody,
  requireOwner,
} from './directory-request.ts';
import { findApplication, listApplications } from './objects.ts';
import { collection, entity } from './odata.ts';
import { manageOwn, readApplications, writeApplications } from './permission-names.ts';

const singleTenant = 'AzureADMyOrg';
const redirectUris = z.strictObject({ redirectUris: z.array(z.url()) });
const resourceAccess = z.strictObject({
  resourceAppId: z.guid(),
  resourceAccess: z.array(z.strictObject({ id: z.guid(), type: z.enum(['Role', 'Scope']) })),
});

/** The writable properties of an application. Learn, "application resource type". */
const writable = z
  .strictObject({
    displayName: z.string().min(1).max(256),
    signInAudience: z.enum([singleTenant, 'AzureADMultipleOrgs', 'AzureADandPersonalMicrosoftAccount']),
    isFallbackPublicClient: z.boolean().nullable(),
    publicClient: redirectUris,
    web: redirectUris,
    requiredResourceAccess: z.array(resourceAccess),
    keyCredentials: z.array(keyCredential),
  })
  .partial();
const newApplication = writable.required({ displayName: true });

/** The operations on app registrations. */
export const applicationOperations: readonly DirectoryOperation[] = [
  { method: 'GET', path: '/applications', permissions: readApplications, perform: list },
  { method: 'POST', path: '/applications', permissions: writeApplications, perform: create },
  { method: 'GET', path: `/applications${keyPattern}`, permissions: readApplications, perform: show },
  { method: 'PATCH', path: `/applications${keyPattern}`, permissions: manageOwn, perform: update },
  { method: 'DELETE', path: `/applications${keyPattern}`, permissions: manageOwn, perform: remove },
];

function list({ tenant, http }: DirectoryRequest): HttpAnswer {
  return collection(
    http,
    'applications',
    listApplications(tenant).map((app) => describe(tenant.domain, app)),
  );
}

function show({ tenant, http, captures }: DirectoryRequest): HttpAnswer {
  return entity(http, 'applications', describe(tenant.domain, findApplication(tenant, keyOf(captures[0]))));
}

/** "Create application": without a service principal, which is a separate step. */
async function create(request: DirectoryRequest): Promise<HttpAnswer> {
  const { tenant, http } = request;
  const body = await readBody(request, newApplication, 'Application');
  // An invalid body leaves nothing behind.
  const certificates = readKeyCredentials(body.keyCredentials ?? [], []);
  const app = tenant.register(body.displayName);
  app.servicePrincipalId = undefined;
  apply(app, body);
  app.certificates.push(...certificates);
  return entity(http, 'applications', describe(tenant.domain, app), 201);
}

async function update(request: DirectoryRequest): Promise<HttpAnswer> {
  const app = findApplication(request.tenant, keyOf(request.captures[0]));
  requireOwner(request, app);
  const body = await readBody(request, writable, 'Application');
  if (body.keyCredentials) {
    const certificates = readKeyCredentials(body.keyCredentials, app.certificates);
    app.certificates.splice(0, Number.POSITIVE_INFINITY, ...certificates);
  }
  apply(app, body);
  return { status: 204 };
}

/** Also removes its service principal. */
function remove(request: DirectoryRequest): HttpAnswer {
  const app = findApplication(request.tenant, keyOf(request.captures[0]));
  requireOwner(request, app);
  request.tenant.apps.delete(app.clientId.toLowerCase());
  return { status: 204 };
}

function apply(app: AppRegistration, body: z.infer<typeof writable>): void {
  if (body.displayName !== undefined) app.displayName = body.displayName;
  if (body.signInAudience !== undefined) {
    app.multiTenant = body.signInAudience !== singleTenant;
    app.personalAccounts = personalOf[body.signInAudience] ?? 'none';
  }
  if (body.isFallbackPublicClient !== undefined) app.publicClientFlows = body.isFallbackPublicClient ?? false;
  if (body.publicClient) app.publicRedirectUris = body.publicClient.redirectUris;
  if (body.web) app.webRedirectUris = body.web.redirectUris;
  if (body.requiredResourceAccess) {
    app.requiredPermissions = body.requiredResourceAccess.flatMap(({ resourceAppId, resourceAccess: entries }) =>
      entries.map(({ id, type }): RequiredPermission => ({ resourceAppId, id, type })),
    );
  }
}

const personalOf: Readonly<Record<string, AppRegistration['personalAccounts']>> = {
  AzureADandPersonalMicrosoftAccount: 'too',
  PersonalMicrosoftAccount: 'only',
};

function audienceOf({ personalAccounts, multiTenant }: AppRegistration): string {
  const personal = Object.keys(personalOf).find((audience) => personalOf[audience] === personalAccounts);
  return personal ?? (multiTenant ? 'AzureADMultipleOrgs' : singleTenant);
}

function describe(publisherDomain: string, app: AppRegistration) {
  return {
    id: app.objectId,
    appId: app.clientId,
    displayName: app.displayName,
    createdDateTime: new Date(app.createdAtMs).toISOString(),
    publisherDomain,
    signInAudience: audienceOf(app),
    isFallbackPublicClient: app.publicClientFlows,
    identifierUris: [],
    publicClient: { redirectUris: app.publicRedirectUris },
    web: { redirectUris: app.webRedirectUris },
    requiredResourceAccess: requiredResourceAccess(app),
    keyCredentials: app.certificates.map(showKeyCredential),
    passwordCredentials: app.secrets.map(showPasswordCredential),
  };
}

function requiredResourceAccess({ requiredPermissions }: AppRegistration) {
  const byResource = Map.groupBy(requiredPermissions, ({ resourceAppId }) => resourceAppId);
  return [...byResource].map(([resourceAppId, entries]) => ({
    resourceAppId,
    resourceAccess: entries.map(({ id, type }) => ({ id, type })),
  }));
}
