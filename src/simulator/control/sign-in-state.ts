import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { ApiResource } from '../tenant/resources.ts';
import type { Tenant, User } from '../tenant/tenant.ts';

const userPatch = z.strictObject({
  upn: z.email(),
  password: z.string().min(1).optional(),
  administrator: z.boolean().optional(),
  disabled: z.boolean().optional(),
  locked: z.boolean().optional(),
  passwordExpired: z.boolean().optional(),
  multiFactor: z.boolean().optional(),
  personal: z.boolean().optional(),
  groups: z.array(z.guid()).optional(),
});

/** The part of `PATCH /state` that is about people's sign-ins. */
export const signInFields = {
  users: z.array(userPatch),
  policies: z
    .strictObject({
      deviceCodeBlocked: z.boolean(),
      userConsent: z.boolean(),
      usersBlocked: z.boolean(),
      signInFrequencySeconds: z.int().min(0),
    })
    .partial(),
  publicClientFlows: z.boolean(),
  publicRedirectUris: z.array(z.url()),
  webRedirectUris: z.array(z.url()),
  groupMembershipClaims: z.enum(['SecurityGroup', 'All', 'None']).nullable(),
  assignmentRequired: z.boolean(),
  assignedUsers: z.array(z.email()),
  graphScopes: z.array(z.string()),
  exchangeScopes: z.array(z.string()),
  revokeSignIns: z.literal(true),
  entraClockShiftSeconds: z.int(),
  deviceCodeLifetimeSeconds: z.int().min(0).max(86_400),
  deviceCodeIntervalSeconds: z.number().min(0).max(600),
  refreshTokenInactivityDays: z.int().min(1),
  refreshTokenReuse: z.enum(['allow', 'forbid']),
  replicationMs: z.int().min(0),
};

const signInPatch = z.object(signInFields).partial();

/** How people sign in, as `GET /state` shows it. Holds no password. */
export function readSignInState(tenant: Tenant) {
  const { app, policies, lifetimes } = tenant;
  const users = [...tenant.users.values()];
  return {
    users: users.map(({ upn, administrator, disabled, locked, passwordExpired, multiFactor, personal, groups }) => ({
      upn,
      personal,
      administrator,
      disabled,
      locked,
      passwordExpired,
      multiFactor,
      groups,
    })),
    policies,
    publicClientFlows: app.publicClientFlows,
    publicRedirectUris: app.publicRedirectUris,
    webRedirectUris: app.webRedirectUris,
    groupMembershipClaims: app.groupMembershipClaims,
    assignmentRequired: app.assignmentRequired,
    assignedUsers: users.filter(({ objectId }) => app.assignedUsers.includes(objectId)).map(({ upn }) => upn),
    graphScopes: scopesForAll(tenant, 'graph'),
    exchangeScopes: scopesForAll(tenant, 'exchange'),
    entraClockShiftSeconds: tenant.clockShiftSeconds,
    ...lifetimes,
    replicationMs: tenant.replicationMs,
  };
}

/** Changes how people sign in. */
export function patchSignInState(tenant: Tenant, patch: z.infer<typeof signInPatch>): void {
  const { app, policies, lifetimes } = tenant;
  // Without fields that do not belong here or were not given.
  const { users, assignedUsers, graphScopes, exchangeScopes, ...given } = signInPatch.parse(patch);
  if (given.entraClockShiftSeconds !== undefined) tenant.clockShiftSeconds = given.entraClockShiftSeconds;
  for (const user of users ?? []) patchUser(tenant, user);
  Object.assign(policies, given.policies);
  Object.assign(
    app,
    pick(given, [
      'publicClientFlows',
      'publicRedirectUris',
      'webRedirectUris',
      'assignmentRequired',
      'groupMembershipClaims',
    ]),
  );
  if (assignedUsers) app.assignedUsers = assignedUsers.map((upn) => userNamed(tenant, upn).objectId);
  if (graphScopes) setScopesForAll(tenant, 'graph', graphScopes);
  if (exchangeScopes) setScopesForAll(tenant, 'exchange', exchangeScopes);
  Object.assign(lifetimes, pick(given, Object.keys(lifetimes)));
  if (given.replicationMs !== undefined) tenant.replicationMs = given.replicationMs;
  if (given.revokeSignIns) for (const user of tenant.users.values()) tenant.endSignIns(user);
}

/** A new password ends the person's sign-ins, as it does in Entra. */
function patchUser(tenant: Tenant, { upn, ...changes }: z.infer<typeof userPatch>): void {
  const user = userNamed(tenant, upn);
  Object.assign(user, changes);
  if (changes.password !== undefined) tenant.endSignIns(user);
}

function userNamed(tenant: Tenant, upn: string): User {
  return tenant.users.get(upn.toLowerCase()) ?? tenant.addUser(upn);
}

function scopesForAll({ app }: Tenant, resource: ApiResource['key']): readonly string[] {
  return app.delegatedGrants
    .filter((grant) => grant.resource === resource && grant.principalId === undefined)
    .flatMap(({ scopes }) => scopes);
}

/** Replaces every consent for a resource, whoever gave it, with an administrator's consent for everybody. */
function setScopesForAll({ app }: Tenant, resource: ApiResource['key'], scopes: readonly string[]): void {
  const others = app.delegatedGrants.filter((grant) => grant.resource !== resource);
  const granted = scopes.length > 0 ? [{ id: randomUUID(), resource, scopes }] : [];
  app.delegatedGrants.splice(0, app.delegatedGrants.length, ...others, ...granted);
}

function pick(from: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(from).filter(([name, value]) => names.includes(name) && value !== undefined),
  );
}
