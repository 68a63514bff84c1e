import { randomBytes } from 'node:crypto';
import { tenantOf, type User } from '../../tenant/tenant.ts';
import type { TokenSigner } from '../access-token.ts';
import type { AuthenticatedClient } from '../client-authentication.ts';
import { assertConsented, grantedScopes } from '../consent.ts';
import { onlyResource, parseDelegatedScopes, type ResourceScopes } from '../delegated-scopes.ts';
import type { EntraServices } from '../services.ts';
import { assertMaySignIn, multiFactorRequired } from './sign-in-policies.ts';
import type { SignedInUser } from './signed-in.ts';

/** What to issue for a user's grant. */
export interface UserTokenIssue {
  readonly client: AuthenticatedClient;
  readonly signedIn: SignedInUser;
  readonly scope: string | null;
  readonly nonce?: string | undefined;
  /** `client_info=1`: also say, apart from the tokens, whom they are for. */
  readonly wantsClientInfo: boolean;
  /** Whether a refresh token existed before; it is renewed without being requested again. */
  readonly renews?: boolean;
}

/**
 * Tokens for a user, in the token endpoint's form (RFC 6749 section 5.1, OpenID Connect Core 1.0 section 3.1.3.3).
 * @throws EntraError if the scopes are wrong or not consented to, or a policy blocks the user
 */
export async function issueUserTokens(entra: EntraServices, request: UserTokenIssue): Promise<object> {
  const { tenant, signer, refreshTokens, authority } = entra;
  const { client, signedIn } = request;
  const { user } = signedIn;
  const scopes = parseDelegatedScopes(tenant, client.app, request.scope, 'token');
  const asked = onlyResource(scopes, '28000', request.scope ?? '');
  assertMaySignIn(tenant, user, client.app);
  if (user.multiFactor && !signedIn.multiFactor) throw multiFactorRequired(asked.resource.appId);
  assertConsented(client.app, user, asked);
  const granted = grantedScopes(client.app, user, asked.resource.key);
  const keepsRefreshing = request.renews === true || scopes.openId.includes('offline_access');
  const expiresIn = Math.max(0, tenant.tokenLifetimeSeconds - 1);
  return {
    token_type: 'Bearer',
    scope: scopeAnswer(asked, granted, scopes.openId),
    expires_in: expiresIn,
    ext_expires_in: expiresIn,
    access_token: await issueAccessToken(signer, tenant.tokenLifetimeSeconds, client, signedIn, asked, granted),
    ...(keepsRefreshing
      ? {
          refresh_token: refreshTokens.issue({
            app: client.app,
            signedIn,
            scope: request.scope ?? '',
            confidential: client.method !== '0',
          }),
        }
      : {}),
    ...(scopes.openId.includes('openid')
      ? { id_token: await issueIdToken(signer, authority, tenantOf(tenant, user), client, user, request.nonce) }
      : {}),
    ...(request.wantsClientInfo ? { client_info: clientInfo(user, tenantOf(tenant, user)) } : {}),
  };
}

/** Whom tokens are for, in MSAL's format. */
export function clientInfo(user: User, tenantId: string): string {
  return Buffer.from(JSON.stringify({ uid: user.objectId, utid: tenantId })).toString('base64url');
}

/** The granted scopes in the client's own spelling; OpenID Connect scopes belong to Graph. */
function scopeAnswer(
  { resource, prefix }: ResourceScopes,
  granted: readonly string[],
  openId: readonly string[],
): string {
  const identity = resource.key === 'graph' ? openId.filter((name) => name !== 'offline_access') : [];
  return [...granted.map((name) => `${prefix}${name}`), ...identity].join(' ');
}

function issueAccessToken(
  signer: TokenSigner,
  lifetimeSeconds: number,
  { app, method }: AuthenticatedClient,
  { user, multiFactor }: SignedInUser,
  { audience }: ResourceScopes,
  granted: readonly string[],
): Promise<string> {
  // Tokens of personal accounts are not JWTs: only the resource can read them.
  const issue = user.personal ? signer.issueOpaque.bind(signer) : signer.issue.bind(signer);
  return issue(
    {
      aud: audience,
      appid: app.clientId,
      app_displayname: app.displayName,
      appidacr: method,
      idtyp: 'user',
      oid: user.objectId,
      upn: user.upn,
      name: user.displayName,
      amr: multiFactor ? ['pwd', 'mfa'] : ['pwd'],
      scp: granted.join(' '),
    },
    lifetimeSeconds,
  );
}

/** Learn, "ID token claims reference". */
function issueIdToken(
  signer: TokenSigner,
  authority: string,
  tid: string,
  { app }: AuthenticatedClient,
  user: User,
  nonce: string | undefined,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return signer.sign({
    aud: app.clientId,
    iss: `${authority}/${tid}/v2.0`,
    iat: now,
    nbf: now,
    exp: now + 3600,
    name: user.displayName,
    ...(nonce === undefined ? {} : { nonce }),
    oid: user.objectId,
    preferred_username: user.upn,
    sub: user.objectId,
    tid,
    uti: randomBytes(16).toString('base64url'),
    ver: '2.0',
    ...groupClaims(app, user),
  });
}

/** Most groups listed in a JWT. */
const mostGroups = 200;

/** Learn, "Configure group claims and app roles in tokens", Group overages. */
function groupClaims({ groupMembershipClaims }: AuthenticatedClient['app'], { objectId, groups }: User): object {
  if (groupMembershipClaims === null || groupMembershipClaims === 'None' || groups.length === 0) return {};
  if (groups.length <= mostGroups) return { groups };
  const endpoint = `https://graph.microsoft.com/v1.0/users/${objectId}/getMemberObjects`;
  return { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint } } };
}
