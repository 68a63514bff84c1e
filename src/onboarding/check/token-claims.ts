/** The claims of an access token that the check compares (Microsoft: "Access token claims reference"). */
export interface TokenClaims {
  /** Identifier URI or app id of the resource. */
  readonly aud: string;
  /** Application permissions. */
  readonly roles: readonly string[];
  /** Delegated permissions. */
  readonly scopes: readonly string[];
  readonly tid?: string;
  /** Client id. */
  readonly appid?: string;
  /** Object id: of the app's service principal in a token for the app, otherwise of the person. */
  readonly oid?: string;
  /** User principal name of the person who signed in. */
  readonly upn?: string;
  /** Seconds since 1970. */
  readonly exp?: number;
}

/**
 * Reads a token's claims without verifying it, which is up to its audience.
 * @returns undefined if it is not a JWT; Microsoft guarantees no format
 */
export function readClaims(token: string): TokenClaims | undefined {
  const [, payload, signature] = token.split('.');
  if (payload === undefined || signature === undefined) return undefined;
  let claims: Record<string, unknown>;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    claims = parsed as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const text = (name: string) => (typeof claims[name] === 'string' ? (claims[name] as string) : undefined);
  const clientId = text('appid') ?? text('azp');
  const upn = text('upn') ?? text('unique_name') ?? text('preferred_username');
  const tid = text('tid');
  const oid = text('oid');
  return {
    aud: text('aud') ?? '',
    roles: Array.isArray(claims.roles) ? claims.roles.filter((role): role is string => typeof role === 'string') : [],
    scopes: (text('scp') ?? '').split(' ').filter((scope) => scope !== ''),
    ...(tid !== undefined && { tid }),
    ...(clientId !== undefined && { appid: clientId }),
    ...(oid !== undefined && { oid }),
    ...(upn !== undefined && { upn }),
    ...(typeof claims.exp === 'number' && { exp: claims.exp }),
  };
}
