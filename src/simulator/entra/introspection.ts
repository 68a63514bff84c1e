import type { AccessTokenClaims, TokenSigner } from './access-token.ts';

/**
 * Answers a token introspection request (RFC 7662). Entra ID has no such endpoint; it is for servers that cannot verify
 * tokens themselves.
 * @param username whom the token is for if it names nobody, as app-only tokens do
 */
export async function introspect(signer: TokenSigner, token: string | null, username?: string): Promise<object> {
  const claims = await signer.verify(token ?? '');
  if (typeof claims === 'string') return { active: false };
  return {
    active: true,
    token_type: 'Bearer',
    client_id: claims.appid,
    sub: claims.sub,
    aud: claims.aud,
    iss: claims.iss,
    exp: claims.exp,
    iat: claims.iat,
    nbf: claims.nbf,
    jti: claims.uti,
    tid: claims.tid,
    scope: scopeOf(claims),
    username: claims.upn ?? username ?? claims.oid,
  };
}

function scopeOf(claims: AccessTokenClaims): string {
  return claims.scp ?? (claims.roles ?? []).join(' ');
}
