import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../../../base/clock.ts';
import { BridgeError, errorText } from '../../../base/errors.ts';
import type { HttpClient } from '../../../base/http/client.ts';

/** Settings for signing in through Entra ID. */
export interface OidcSettings {
  /** `https://login.microsoftonline.com`, or another cloud's. */
  readonly authority: string;
  /** GUID or domain of the one tenant whose people may sign in. */
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Object id of the group whose members get the role operate. */
  readonly operateGroup: string;
  /** The same for the role view. */
  readonly viewGroup?: string | undefined;
  readonly http: HttpClient;
}

/** The required parts of the discovery document (OpenID Connect Discovery 1.0, section 3). */
interface Metadata {
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  readonly jwks_uri: string;
}

/** What a browser was sent away with; its answer has to match. */
export interface OidcRequest {
  readonly state: string;
  readonly nonce: string;
  /** PKCE (RFC 7636). */
  readonly verifier: string;
  readonly redirectUri: string;
}

const timeoutMs = 15_000;
const metadataStandsMs = 24 * 3_600_000;
/** Least time between two searches for unknown keys. */
const keysAgainMs = 60_000;
const clockTolerance = '60s';

/** Entra ID as an OpenID provider: metadata, keys, the code flow. */
export class OidcProvider {
  readonly #settings: OidcSettings;
  readonly #clock: Clock;
  #metadata: { readonly value: Metadata; readonly atMs: number } | undefined;
  #keys: { readonly value: JSONWebKeySet; readonly atMs: number } | undefined;

  constructor(settings: OidcSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /**
   * The URL to send the browser to (Learn, "Microsoft identity platform and OAuth 2.0 authorization code flow").
   * @throws BridgeError `admin-oidc-failed`
   */
  async authorizeUrl({ state, nonce, redirectUri }: OidcRequest, challenge: string): Promise<string> {
    const url = new URL((await this.#discovered()).authorization_endpoint);
    url.search = new URLSearchParams({
      client_id: this.#settings.clientId,
      response_type: 'code',
      response_mode: 'query',
      redirect_uri: redirectUri,
      scope: 'openid profile',
      state,
      nonce,
      code_challenge: challenge,
      code_challenge_method: 'S256',
      prompt: 'select_account',
    }).toString();
    return url.href;
  }

  /**
   * Redeems a code. @returns the claims of an id token for us, from our tenant, and for this request
   * @throws BridgeError `admin-oidc-failed`
   */
  async redeem(code: string, { redirectUri, verifier, nonce }: OidcRequest): Promise<JWTPayload> {
    const { clientId, clientSecret, http } = this.#settings;
    const answer = await failing('Entra ID cannot be reached', async () => {
      const response = await http.request({
        method: 'POST',
        url: (await this.#discovered()).token_endpoint,
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          client_id: clientId,
          client_secret: clientSecret,
          redirect_uri: redirectUri,
          code_verifier: verifier,
          scope: 'openid profile',
          code,
        }).toString(),
        signal: AbortSignal.timeout(timeoutMs),
      });
      return JSON.parse(await response.text()) as { readonly id_token?: unknown; readonly error_description?: unknown };
    });
    if (typeof answer.id_token === 'string') return await this.#verified(answer.id_token, nonce);
    throw oidcFailed(`Entra ID gave no id token: ${firstLine(answer.error_description)}`);
  }

  /** OpenID Connect Core 1.0, section 3.1.3.7. @throws BridgeError `admin-oidc-failed` */
  async #verified(token: string, nonce: string): Promise<JWTPayload> {
    const { issuer } = await this.#discovered();
    const claims = await this.#signed(token, issuer);
    if (claims.nonce !== nonce) throw oidcFailed('The id token belongs to another sign-in (nonce).');
    return claims;
  }

  async #signed(token: string, issuer: string): Promise<JWTPayload> {
    const options = {
      issuer,
      audience: this.#settings.clientId,
      algorithms: ['RS256'],
      clockTolerance,
      currentDate: new Date(this.#clock.now()),
      requiredClaims: ['exp', 'iat', 'sub', 'nonce'],
    };
    for (const isAgain of [false, true]) {
      try {
        return (await jwtVerify(token, createLocalJWKSet(await this.#keySet(isAgain)), options)).payload;
      } catch (error) {
        // Entra ID replaces its keys now and then ("Signing key rollover").
        if (error instanceof errors.JWKSNoMatchingKey && !isAgain) continue;
        throw error instanceof BridgeError
          ? error
          : oidcFailed(`The id token is not valid: ${errorText(error)}.`, error);
      }
    }
    throw oidcFailed('The id token is signed with an unknown key.');
  }

  async #keySet(anew: boolean): Promise<JSONWebKeySet> {
    const nowMs = this.#clock.now();
    const ageMs = this.#keys ? nowMs - this.#keys.atMs : Number.POSITIVE_INFINITY;
    if (this.#keys && ageMs < (anew ? keysAgainMs : metadataStandsMs)) return this.#keys.value;
    const value = (await this.#json((await this.#discovered()).jwks_uri)) as JSONWebKeySet;
    this.#keys = { value, atMs: nowMs };
    return value;
  }

  async #discovered(): Promise<Metadata> {
    const nowMs = this.#clock.now();
    if (this.#metadata && nowMs - this.#metadata.atMs < metadataStandsMs) return this.#metadata.value;
    const { authority, tenantId } = this.#settings;
    const url = `${authority}/${encodeURIComponent(tenantId)}/v2.0/.well-known/openid-configuration`;
    const value = (await this.#json(url)) as Metadata;
    // A document for no particular tenant would admit everybody.
    if (typeof value.issuer !== 'string' || value.issuer.includes('{')) {
      throw oidcFailed(`Entra ID does not know the tenant ${tenantId}.`);
    }
    this.#metadata = { value, atMs: nowMs };
    return value;
  }

  #json(url: string): Promise<unknown> {
    return failing('Entra ID cannot be reached', async () => {
      const signal = AbortSignal.timeout(timeoutMs);
      const response = await this.#settings.http.request({ method: 'GET', url, signal });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`status ${response.status}`);
      return JSON.parse(text);
    });
  }
}

/** @throws BridgeError `admin-oidc-failed` */
export function oidcFailed(text: string, cause?: unknown): BridgeError {
  return new BridgeError('admin-oidc-failed', text, cause === undefined ? {} : { cause });
}

async function failing<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw cause instanceof BridgeError && cause.code === 'admin-oidc-failed'
      ? cause
      : oidcFailed(`${what}: ${errorText(cause)}.`, cause);
  }
}

/** Microsoft's message: the lines after the first are for Microsoft. */
function firstLine(text: unknown): string {
  return typeof text === 'string' ? (text.split(/[\r\n]/)[0] ?? '').slice(0, 500) : 'no reason given.';
}
