import type { Clock } from '../../base/clock.ts';
import type { HttpClient } from '../../base/http/client.ts';
import { AccessToken } from '../access-token.ts';
import { tenantAuthority } from '../entra/authority.ts';
import { MsalNetwork } from '../entra/msal-network.ts';
import { tokenError } from '../token-error.ts';
import { type ClientCredential, clientProof } from './client-credential.ts';
import type { Grant } from './grant.ts';

export type { ClientCredential } from './client-credential.ts';

/** Options of a client credentials grant. */
export interface ClientCredentialsOptions {
  /** Name of the connection, for messages. */
  readonly name: string;
  /** GUID or verified domain. */
  readonly tenantId: string;
  readonly clientId: string;
  readonly credential: ClientCredential;
  /** `https://login.microsoftonline.com`, another cloud's, or any other host's: `https://host[:port]`. */
  readonly authority: string;
  readonly http: HttpClient;
  readonly clock: Clock;
  /** For one request with its answer; default 30,000. */
  readonly requestTimeoutMs?: number | undefined;
}

/**
 * The client credentials grant: the app acts as itself, without a user (RFC 6749 section 4.4; Microsoft identity
 * platform documentation, "OAuth 2.0 client credentials flow").
 * @throws BridgeError `authority-invalid`, `tenant-invalid`, `client-certificate-invalid`
 */
export function clientCredentialsGrant(options: ClientCredentialsOptions): Grant {
  const { name, clientId, clock } = options;
  const auth = { clientId, ...tenantAuthority(name, options.authority, options.tenantId) };
  const prove = clientProof(name, options.credential);

  return {
    kind: 'client-credentials',
    async acquire(scopes) {
      const proof = await prove();
      const network = new MsalNetwork(options.http, options.requestTimeoutMs ?? 30_000);
      const startedAtMs = clock.now();
      try {
        // The library is large and most commands need no token.
        const { ConfidentialClientApplication } = await import('@azure/msal-node');
        // A new application each time: otherwise the library would keep a second cache, with a throttle on the real
        // clock that answers in place of Microsoft for up to an hour. The cache above does both, and can be tested.
        const app = new ConfidentialClientApplication({
          auth: { ...auth, ...proof.auth },
          system: { networkClient: network },
        });
        const result = await app.acquireTokenByClientCredential({
          scopes: [...scopes],
          skipCache: true,
          // Otherwise MSAL_FORCE_REGION in the environment would direct it to other hosts.
          azureRegion: 'DisableMsalForceRegion',
        });
        // The library rounds, and calculates with the machine's own clock; what counts is the token's lifetime.
        const { expiresInMs } = network;
        if (!result?.accessToken || expiresInMs === 0) throw new Error('the token has already expired');
        return new AccessToken(result.accessToken, startedAtMs + expiresInMs);
      } catch (thrown) {
        throw tokenError({
          connection: name,
          thrown,
          failure: network.failure,
          secrets: proof.secrets,
          nowMs: clock.now(),
        });
      }
    },
  };
}
