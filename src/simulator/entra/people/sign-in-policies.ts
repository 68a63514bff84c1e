import type { AppRegistration, Tenant, User } from '../../tenant/tenant.ts';
import { AadstsError } from '../aadsts.ts';

/** Refuses people blocked by the account's state or a policy. @throws AadstsError 50057, 53003, 50105 */
export function assertMaySignIn(tenant: Tenant, user: User, app: AppRegistration): void {
  if (user.disabled) throw AadstsError.of('50057');
  if (tenant.policies.usersBlocked) throw AadstsError.of('53003');
  if (app.assignmentRequired && !app.assignedUsers.includes(user.objectId)) {
    throw AadstsError.of('50105', `'${app.clientId}'(${app.displayName})`);
  }
}

/**
 * Checks a password as the sign-in page and the password grant do.
 * @throws AadstsError 50034, 50053, 50126, 50055, 50057
 */
export function authenticateUser(tenant: Tenant, username: string, password: string): User {
  const user = tenant.users.get(username.trim().toLowerCase());
  if (!user) throw AadstsError.of('50034', tenant.displayName);
  if (user.locked) throw AadstsError.of('50053');
  if (user.password !== password) throw AadstsError.of('50126');
  if (user.disabled) throw AadstsError.of('50057');
  if (user.passwordExpired) throw AadstsError.of('50055');
  return user;
}

/** The refusal of a request that cannot provide a second factor. */
export function multiFactorRequired(resource: string): AadstsError {
  const claims = { access_token: { capolids: { essential: true, values: ['5b3f3c1e-0c0b-4b0e-9f0a-6a1d6c2b7e11'] } } };
  return AadstsError.of('50076', resource).withClaims(claims);
}
