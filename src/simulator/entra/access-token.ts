import { createHash, randomBytes } from 'node:crypto';
import {
  compactVerify,
  decodeJwt,
  exportJWK,
  type GenerateKeyPairResult,
  generateKeyPair,
  type JWTPayload,
  SignJWT,
} from 'jose';

/** The claims of a verified access token. Learn, "Access token claims reference". */
export interface AccessTokenClaims {
  /** Identifier URI of the resource. */
  readonly aud: string;
  readonly iss: string;
  /** Seconds since 1970, like all times in a token. */
  readonly iat: number;
  readonly nbf: number;
  readonly exp: number;
  readonly appid: string;
  readonly app_displayname?: string;
  /** How the client authenticated: `0` not at all, `1` a secret, `2` a certificate. */
  readonly appidacr?: string;
  readonly idtyp?: 'app' | 'user';
  readonly oid: string;
  readonly sub: string;
  readonly tid: string;
  readonly uti: string;
  readonly ver: '1.0';
  /** Application permissions. */
  readonly roles?: readonly string[];
  /** Delegated permissions, separated by spaces. */
  readonly scp?: string;
  /** The signed-in user; only with `scp`. */
  readonly upn?: string;
  readonly name?: string;
  /** How the user signed in. */
  readonly amr?: readonly string[];
}

/** Why a token was not accepted. */
export type TokenFault = 'malformed' | 'signature' | 'expired' | 'not-yet-valid';

/** A public key as the JWKS document lists it (RFC 7517). */
export interface PublicJwk {
  readonly kty: string;
  readonly use: 'sig';
  readonly alg: 'RS256';
  readonly kid: string;
  readonly x5t: string;
  readonly n: string;
  readonly e: string;
  readonly issuer: string;
}

const alg = 'RS256';
const clockSkewSeconds = 300;

/** Signs tokens (RS256) and verifies access tokens. */
export class TokenSigner {
  readonly tenantId: string;
  readonly #keys: Promise<GenerateKeyPairResult>;
  readonly #opaque = new Map<string, AccessTokenClaims>();
  readonly #kid = createHash('sha1').update(randomBytes(20)).digest('base64url');

  constructor(tenantId: string) {
    this.tenantId = tenantId;
    // Takes a while: the first token waits for it, the start does not.
    this.#keys = generateKeyPair('RS256');
    this.#keys.catch(() => {});
  }

  get issuer(): string {
    return `https://sts.windows.net/${this.tenantId}/`;
  }

  /** Issues a token. @param lifetimeSeconds from now; negative for an expired one */
  async issue(
    claims: Pick<AccessTokenClaims, 'aud' | 'appid' | 'oid'> & Partial<AccessTokenClaims>,
    lifetimeSeconds: number,
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const payload: AccessTokenClaims = {
      iss: this.issuer,
      // Entra dates tokens back five minutes in case clocks are behind.
      iat: now - clockSkewSeconds,
      nbf: now - clockSkewSeconds,
      exp: now + lifetimeSeconds,
      sub: claims.oid,
      tid: this.tenantId,
      uti: randomBytes(16).toString('base64url'),
      ver: '1.0',
      ...claims,
    };
    return this.sign(payload);
  }

  /** Issues a token that only {@link verify} can read, like those of personal accounts. */
  async issueOpaque(...[claims, lifetimeSeconds]: Parameters<TokenSigner['issue']>): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    for (const [token, { exp }] of this.#opaque) if (exp <= now) this.#opaque.delete(token);
    const handle = `EwB${randomBytes(400).toString('base64').replaceAll('=', '')}`;
    const times = { iat: now, nbf: now, exp: now + lifetimeSeconds };
    const ids = {
      iss: this.issuer,
      sub: claims.oid,
      tid: this.tenantId,
      uti: handle.slice(0, 24),
      ver: '1.0' as const,
    };
    this.#opaque.set(handle, { ...times, ...ids, ...claims });
    return handle;
  }

  /** Signs a token with any content. */
  async sign(payload: object): Promise<string> {
    const { privateKey } = await this.#keys;
    return new SignJWT(payload as JWTPayload)
      .setProtectedHeader({ typ: 'JWT', alg, x5t: this.#kid, kid: this.#kid })
      .sign(privateKey);
  }

  /** Checks signature and time; the caller checks the audience. */
  async verify(token: string): Promise<AccessTokenClaims | TokenFault> {
    const known = this.#opaque.get(token);
    if (known !== undefined) return known.exp <= Date.now() / 1000 ? 'expired' : known;
    const claims = claimsIn(token);
    if (claims === undefined) return 'malformed';
    const { publicKey } = await this.#keys;
    try {
      await compactVerify(token, publicKey, { algorithms: [alg] });
    } catch {
      return 'signature';
    }
    const now = Date.now() / 1000;
    if (claims.exp <= now) return 'expired';
    if (claims.nbf > now + clockSkewSeconds) return 'not-yet-valid';
    return claims;
  }

  /** The public key, for servers that verify tokens themselves. */
  async jwk(): Promise<PublicJwk> {
    const { n = '', e = '' } = await exportJWK((await this.#keys).publicKey);
    return { kty: 'RSA', use: 'sig', alg, kid: this.#kid, x5t: this.#kid, n, e, issuer: this.issuer };
  }
}

/** The token's claims, unverified. */
function claimsIn(token: string): AccessTokenClaims | undefined {
  try {
    const claims = decodeJwt<AccessTokenClaims>(token);
    return typeof claims.exp === 'number' && typeof claims.aud === 'string' ? claims : undefined;
  } catch {
    return undefined;
  }
}
