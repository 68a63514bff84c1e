import { randomUUID } from 'node:crypto';
import { findPermission, type ResourcePermission, requiredPermission } from '../tenant/permissions.ts';
import type { ApiResource } from '../tenant/resources.ts';
import type { AppRegistration, Tenant, User } from '../tenant/tenant.ts';
import { AadstsError } from './aadsts.ts';
import { openIdScopes, type RequestedScopes, type ResourceScopes } from './delegated-scopes.ts';

/** Mail protocol scopes that a registration lists under Graph and a client requests from Exchange. */
const underGraph = ['IMAP.AccessAsUser.All', 'POP.AccessAsUser.All', 'SMTP.Send'];

/**
 * What the app may do on behalf of a user, besides identifying them: by the user's own consent, or an administrator's
 * for everybody.
 */
export function grantedScopes(app: AppRegistration, user: User, key: ApiResource['key']): readonly string[] {
  const granted = app.delegatedGrants
    .filter(({ principalId }) => principalId === undefined || principalId === user.objectId)
    .flatMap(({ resource, scopes }) =>
      resource === key ? scopes : key === 'exchange' ? scopes.filter((scope) => underGraph.includes(scope)) : [],
    );
  return [...new Set(granted)].filter((scope) => !openIdScopes.includes(scope));
}

/** @throws AadstsError 65001 unless everything requested of the resource has been consented to */
export function assertConsented(app: AppRegistration, user: User, asked: ResourceScopes): void {
  const granted = grantedScopes(app, user, asked.resource.key);
  const isMissing = asked.isDefault ? granted.length === 0 : asked.names.some((name) => !granted.includes(name));
  if (isMissing) throw AadstsError.of('65001', app.clientId, app.displayName);
}

/** What a consent page asks for. */
export interface ConsentParameters {
  readonly permissions: readonly ResourcePermission[];
  /** Whether it is for everybody in the tenant: the admin consent endpoint. */
  readonly forOrganization: boolean;
}

/**
 * What the user still has to consent to before the scopes can be granted; undefined if nothing.
 * @param everything ask again for what was already consented to (`prompt=consent`)
 * @throws AadstsError 90094 if this user's consent is not enough, 650056 if `.default` means nothing
 */
export function consentNeeded(
  tenant: Tenant,
  app: AppRegistration,
  user: User,
  scopes: RequestedScopes,
  everything: boolean,
): ConsentParameters | undefined {
  const asked = scopes.resources.flatMap((resource) => askedOf(app, user, resource, everything));
  const permissions = [...new Set(asked)];
  if (permissions.length === 0) return undefined;
  const needsAdmin = !tenant.policies.userConsent || permissions.some(({ adminOnly }) => adminOnly);
  if (needsAdmin && !user.administrator) throw AadstsError.of('90094');
  return { permissions: [...permissions, ...openIdPermissions(scopes)], forOrganization: false };
}

function askedOf(
  app: AppRegistration,
  user: User,
  { resource, names, isDefault }: ResourceScopes,
  everything: boolean,
): readonly ResourcePermission[] {
  const granted = everything ? [] : grantedScopes(app, user, resource.key);
  const named = names
    .filter((name) => !granted.includes(name))
    .flatMap((name) => findPermission(resource.key, 'Scope', name) ?? []);
  // `.default` asks for nothing new if anything has been granted, otherwise for the whole list, for all resources.
  if (!isDefault || granted.length > 0) return named;
  const listed = listedPermissions(app).filter(({ type }) => type === 'Scope');
  if (listed.length === 0) throw AadstsError.of('650056', resource.displayName, app.clientId);
  return [...named, ...listed];
}

/** The permissions that the registration lists. */
export function listedPermissions(app: AppRegistration): readonly ResourcePermission[] {
  return app.requiredPermissions.flatMap((entry) => requiredPermission(entry) ?? []);
}

function openIdPermissions(scopes: RequestedScopes): readonly ResourcePermission[] {
  return scopes.openId
    .filter((name) => name === 'profile' || name === 'offline_access')
    .flatMap((name) => findPermission('graph', 'Scope', name) ?? []);
}

/** Grants permissions: delegated ones to a user, or to everybody if no user is given; roles to the app itself. */
export function recordConsent(app: AppRegistration, permissions: readonly ResourcePermission[], user?: User): void {
  for (const key of ['graph', 'exchange'] as const) {
    const values = (type: ResourcePermission['type']) =>
      permissions.filter((one) => one.resource === key && one.type === type).map(({ value }) => value);
    app.roles[key] = [...new Set([...app.roles[key], ...values('Role')])];
    addDelegated(app, key, values('Scope'), user);
  }
}

function addDelegated(
  app: AppRegistration,
  resource: ApiResource['key'],
  scopes: readonly string[],
  user?: User,
): void {
  if (scopes.length === 0) return;
  const grant = app.delegatedGrants.find((one) => one.resource === resource && one.principalId === user?.objectId);
  if (grant) grant.scopes = [...new Set([...grant.scopes, ...scopes])];
  else {
    const principal = user ? { principalId: user.objectId } : {};
    app.delegatedGrants.push({ id: randomUUID(), resource, ...principal, scopes });
  }
}
