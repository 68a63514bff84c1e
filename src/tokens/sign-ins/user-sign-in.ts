import type { Clock } from '../../base/clock.ts';
import type { HttpClient } from '../../base/http/client.ts';
import type { AccessToken } from '../access-token.ts';
import type { ClientCredential } from '../grants/client-credential.ts';
import type { TokenResource } from '../token-source.ts';
import type { SignIn, SignInStore } from './store.ts';

/** Options of every sign-in of a person. */
export interface UserClientOptions {
  /** Name of the connection, for messages. */
  readonly name: string;
  /**
   * GUID or verified domain; `common` or `organizations` if the app accepts people of any tenant, `consumers` for
   * personal accounts.
   */
  readonly tenantId: string;
  readonly clientId: string;
  /** `https://host[:port]` */
  readonly authority: string;
  readonly http: HttpClient;
  readonly clock: Clock;
  /** For one request with its answer; default 30,000. */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * For an app registered as a confidential client. The device code flow does not support such clients and ignores it.
   */
  readonly credential?: ClientCredential | undefined;
}

/** A person who has just signed in. Contains secrets: do not log. */
export interface SignedIn {
  /** User principal name. */
  readonly username: string;
  /** `tid` of the person. */
  readonly homeTenantId: string;
  /** `oid` of the person in that tenant. */
  readonly objectId: string;
  /** Granted scopes, as Entra ID names them: with or without the resource. */
  readonly scopes: readonly string[];
  readonly accessToken: AccessToken;
  /** Data to renew the sign-in: see `packCache`. */
  readonly msalCache: string;
}

/**
 * Stores a sign-in made for one resource. Any earlier sign-in of the connection, and its end, is forgotten.
 * @throws BridgeError see {@link SignInStore}
 */
export async function storeSignIn(
  store: SignInStore,
  options: UserClientOptions,
  signedIn: SignedIn,
  resource: TokenResource | undefined,
): Promise<void> {
  await store.replace(newSignIn(options, signedIn, resource));
}

/** Creates the record of a sign-in made for one resource. */
export function newSignIn(options: UserClientOptions, signedIn: SignedIn, resource: TokenResource | undefined): SignIn {
  const { authority, tenantId, clientId, clock } = options;
  const { username, homeTenantId, objectId, scopes, msalCache } = signedIn;
  const nowMs = clock.now();
  return {
    authority: new URL(authority).origin,
    tenantId,
    clientId,
    username,
    homeTenantId,
    objectId,
    scopes: resource === undefined ? {} : { [resource]: scopes },
    signedInAtMs: nowMs,
    renewedAtMs: nowMs,
    msalCache,
  };
}

/** Tells whether a stored sign-in belongs to the person who has signed in now: an address may be reassigned. */
export function isSamePerson(signIn: SignIn, { homeTenantId, objectId }: SignedIn): boolean {
  return signIn.homeTenantId === homeTenantId && (signIn.objectId === undefined || signIn.objectId === objectId);
}

/** Returns the sign-in after its refresh token was used. */
export function renewedSignIn(
  signIn: SignIn,
  renewal: SignedIn,
  resource: TokenResource | undefined,
  nowMs: number,
): SignIn {
  return {
    ...signIn,
    scopes: resource === undefined ? signIn.scopes : { ...signIn.scopes, [resource]: renewal.scopes },
    renewedAtMs: nowMs,
    msalCache: renewal.msalCache,
  };
}
