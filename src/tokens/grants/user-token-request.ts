import type {
  AuthenticationResult,
  ConfidentialClientApplication,
  Configuration,
  INetworkModule,
  PublicClientApplication,
} from '@azure/msal-node';
import { AccessToken } from '../access-token.ts';
import { peopleAuthority } from '../entra/authority.ts';
import { MsalNetwork } from '../entra/msal-network.ts';
import { packCache, unpackCache, withToken } from '../sign-ins/stored-msal-cache.ts';
import type { SignedIn, UserClientOptions } from '../sign-ins/user-sign-in.ts';
import { tokenError } from '../token-error.ts';
import { clientProof } from './client-credential.ts';

/** One request for a delegated token. */
export interface UserTokenRequest {
  readonly scopes: readonly string[];
  /** `msalCache` of the sign-in, if there is one. */
  readonly msalCache?: string;
  /** Secrets to keep out of errors, besides the client's own. */
  readonly secrets?: readonly string[];
  readonly signal?: AbortSignal | undefined;
  /** Wraps the network used by the Microsoft library. */
  readonly through?: (network: MsalNetwork) => INetworkModule;
}

type UserApp = PublicClientApplication | ConfidentialClientApplication;

/**
 * Requests one token through the Microsoft library. Like the app-only grant, it uses a new application each time: the
 * caches above know more, and can be tested.
 * @param ask calls one of the library's flows
 * @throws BridgeError see {@link tokenError}; `authority-invalid`, `tenant-invalid`, or one of the credential
 */
export async function requestUserToken(
  options: UserClientOptions,
  request: UserTokenRequest,
  ask: (app: UserApp) => Promise<AuthenticationResult | null>,
): Promise<SignedIn> {
  const earlier = unpackCache(request.msalCache ?? '{}');
  return await withUserApp(options, request, async (app, network) => {
    const cache = app.getTokenCache();
    cache.deserialize(earlier.msal);
    const result = await ask(app);
    const nowMs = options.clock.now();
    // The library rounds, and calculates with the machine's own clock; what counts is the token's lifetime.
    const { expiresAtMs } = network;
    if (!result?.account || !result.accessToken || expiresAtMs <= nowMs)
      throw new Error('the answer contains no token');
    const token = { scopes: request.scopes, value: result.accessToken, expiresAtMs };
    return {
      username: result.account.username,
      homeTenantId: result.account.tenantId,
      objectId: result.uniqueId,
      scopes: result.scopes,
      accessToken: new AccessToken(token.value, token.expiresAtMs),
      msalCache: packCache({ msal: cache.serialize(), tokens: withToken(earlier.tokens, token, nowMs) }),
    };
  });
}

/** Creates an application of the Microsoft library for one use, and translates what it throws to a BridgeError. */
export async function withUserApp<T>(
  options: UserClientOptions,
  { through, signal, secrets = [] }: Pick<UserTokenRequest, 'through' | 'signal' | 'secrets'>,
  use: (app: UserApp, network: MsalNetwork) => Promise<T>,
): Promise<T> {
  const { name, clientId, credential, http, clock } = options;
  const auth = { clientId, ...peopleAuthority(name, options.authority, options.tenantId) };
  const proof = credential && (await clientProof(name, credential)());
  const network = new MsalNetwork(http, options.requestTimeoutMs ?? 30_000, { clock, signal });
  try {
    const configuration: Configuration = {
      auth: { ...auth, ...proof?.auth },
      system: { networkClient: through?.(network) ?? network },
    };
    // The library is large and most commands need no token.
    const msal = await import('@azure/msal-node');
    const app = proof
      ? new msal.ConfidentialClientApplication(configuration)
      : new msal.PublicClientApplication(configuration);
    return await use(app, network);
  } catch (thrown) {
    const hidden = [...(proof?.secrets ?? []), ...secrets];
    throw tokenError({ connection: name, thrown, failure: network.failure, secrets: hidden, nowMs: clock.now() });
  }
}
