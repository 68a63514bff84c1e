import type { AccessTokenClaims, TokenFault, TokenSigner } from '../entra/access-token.ts';
import type { MailboxDirectory } from '../mailboxes/mailbox-directory.ts';
import { graphPermissionReaches, holdsGraphRole, mayOpen, maySendAs } from '../tenant/exchange-permissions.ts';
import { isAudienceOf } from '../tenant/resources.ts';
import { type Tenant, userObjectId } from '../tenant/tenant.ts';
import { GraphFault } from './graph-error.ts';

const tokenFaultText: Record<TokenFault, string> = {
  malformed: 'IDX14100: JWT is not well formed, there are no dots (.).',
  signature: 'Access token validation failure. Invalid signature.',
  expired: 'Lifetime validation failed, the token is expired.',
  'not-yet-valid': 'Lifetime validation failed, the token is not yet valid.',
};

/** Checks the bearer token of a request. @throws GraphFault 401 */
export async function authenticate(signer: TokenSigner, authorization: string | undefined): Promise<AccessTokenClaims> {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (!token) throw unauthorized('Access token is empty.');
  const claims = await signer.verify(token);
  if (typeof claims === 'string') throw unauthorized(tokenFaultText[claims]);
  if (!isAudienceOf('graph', claims.aud)) throw unauthorized('Access token validation failure. Invalid audience.');
  return claims;
}

function unauthorized(message: string): GraphFault {
  return new GraphFault(401, 'InvalidAuthenticationToken', message, { 'WWW-Authenticate': 'Bearer realm=""' });
}

/** What the token itself allows: an app's roles, or the scopes a user granted. */
export function heldPermissions(claims: AccessTokenClaims): readonly string[] {
  return claims.scp === undefined ? (claims.roles ?? []) : claims.scp.split(' ');
}

/**
 * Checks that one of the permissions is held for some mailbox: in the token, or by an RBAC role that Exchange has
 * assigned to the app, which the token does not contain.
 * @throws GraphFault 403
 */
export function requireMailPermission(tenant: Tenant, claims: AccessTokenClaims, permissions: readonly string[]): void {
  const held = heldPermissions(claims);
  if (permissions.some((permission) => held.includes(permission))) return;
  if (claims.scp === undefined && holdsGraphRole(tenant, claims.appid, permissions)) return;
  throw accessDenied();
}

function accessDenied(): GraphFault {
  return new GraphFault(403, 'ErrorAccessDenied', 'Access is denied. Check credentials and try again.');
}

/**
 * The mailbox that `/users/{id | userPrincipalName}` or `/me` means.
 * @param name the path's segment, or undefined for `/me`
 * @throws GraphFault 400 for `/me` without a user, 404 for an unknown mailbox
 */
export function resolveMailbox(
  directory: MailboxDirectory,
  claims: AccessTokenClaims,
  name: string | undefined,
): string {
  const wanted = (name ?? signedInUser(claims)).toLowerCase();
  const found = directory
    .addresses()
    .find((address) => address.toLowerCase() === wanted || userObjectId(address) === wanted);
  if (!found) throw new GraphFault(404, 'ErrorInvalidUser', `The requested user '${name}' is invalid.`);
  return found;
}

/** The user principal name that `/me` means. @throws GraphFault 400 for a token without a user */
export function signedInUser(claims: AccessTokenClaims): string {
  if (claims.upn !== undefined) return claims.upn;
  throw new GraphFault(400, 'BadRequest', '/me request is only valid with delegated authentication flow.');
}

/** Checks that one of the permissions reaches this mailbox. @throws GraphFault 403 */
export function requireMailbox(
  tenant: Tenant,
  claims: AccessTokenClaims,
  permissions: readonly string[],
  mailbox: string,
): void {
  const user = claims.upn ?? '';
  // The right to send as somebody does not open their mailbox.
  const forSending = permissions.includes('Mail.Send');
  const allowed =
    claims.scp === undefined
      ? graphPermissionReaches(tenant, claims, permissions, mailbox)
      : mayOpen(tenant, user, mailbox) || (forSending && maySendAs(tenant, user, mailbox));
  if (!allowed) throw accessDenied();
}
