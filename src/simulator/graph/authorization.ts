import type { AccessTokenClaims, TokenFault, TokenSigner } from '../entra/access-token.ts';
import type { MailboxDirectory } from '../mailboxes/mailbox-directory.ts';
import { mayOpen, maySendAs } from '../tenant/exchange-permissions.ts';
import { isAudienceOf } from '../tenant/resources.ts';
import { reaches, type Tenant, userObjectId } from '../tenant/tenant.ts';
import { GraphError } from './graph-error.ts';

const tokenFaultText: Record<TokenFault, string> = {
  malformed: 'IDX14100: JWT is not well formed, there are no dots (.).',
  signature: 'Access token validation failure. Invalid signature.',
  expired: 'Lifetime validation failed, the token is expired.',
  'not-yet-valid': 'Lifetime validation failed, the token is not yet valid.',
};

/** Checks the bearer token of a request. @throws GraphError 401 */
export function authenticate(signer: TokenSigner, authorization: string | undefined): AccessTokenClaims {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (!token) throw unauthorized('Access token is empty.');
  const claims = signer.verify(token);
  if (typeof claims === 'string') throw unauthorized(tokenFaultText[claims]);
  if (!isAudienceOf('graph', claims.aud)) throw unauthorized('Access token validation failure. Invalid audience.');
  return claims;
}

function unauthorized(message: string): GraphError {
  return new GraphError(401, 'InvalidAuthenticationToken', message, { 'WWW-Authenticate': 'Bearer realm=""' });
}

/** Checks that the token holds one of the permissions, as a role or as a delegated scope. @throws GraphError 403 */
export function requirePermission(claims: AccessTokenClaims, permissions: readonly string[]): void {
  const held = claims.scp === undefined ? (claims.roles ?? []) : claims.scp.split(' ');
  if (permissions.some((permission) => held.includes(permission))) return;
  // Mail is refused by Exchange, the directory by Graph itself; each has its own words.
  throw permissions.some((permission) => permission.startsWith('Mail.'))
    ? accessDenied()
    : new GraphError(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');
}

function accessDenied(): GraphError {
  return new GraphError(403, 'ErrorAccessDenied', 'Access is denied. Check credentials and try again.');
}

/**
 * The mailbox that `/users/{id | userPrincipalName}` or `/me` means.
 * @param name the path's segment, or undefined for `/me`
 * @throws GraphError 400 for `/me` without a user, 404 for a mailbox that is not there
 */
export function resolveMailbox(
  directory: MailboxDirectory,
  claims: AccessTokenClaims,
  name: string | undefined,
): string {
  if (name === undefined && claims.upn === undefined) {
    throw new GraphError(400, 'BadRequest', '/me request is only valid with delegated authentication flow.');
  }
  const wanted = (name ?? claims.upn ?? '').toLowerCase();
  const found = directory
    .addresses()
    .find((address) => address.toLowerCase() === wanted || userObjectId(address) === wanted);
  if (!found) throw new GraphError(404, 'ErrorInvalidUser', `The requested user '${name}' is invalid.`);
  return found;
}

/** Checks that the permission reaches this mailbox. @throws GraphError 403 */
export function requireMailbox(tenant: Tenant, claims: AccessTokenClaims, mailbox: string): void {
  const allowed =
    claims.scp === undefined
      ? reaches(tenant.exchangeApp(claims.appid).graphMailboxes, mailbox)
      : mayOpen(tenant, claims.upn ?? '', mailbox) || maySendAs(tenant, claims.upn ?? '', mailbox);
  if (!allowed) throw accessDenied();
}
