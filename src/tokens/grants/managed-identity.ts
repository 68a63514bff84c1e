import type { Clock } from '../../base/clock.ts';
import { BridgeError, errorText } from '../../base/errors.ts';
import type { HttpClient } from '../../base/http/client.ts';
import { AccessToken } from '../access-token.ts';
import type { RecordedFailure } from '../entra/msal-network.ts';
import { tokenError } from '../token-error.ts';
import type { Grant } from './grant.ts';
import { inExchange, type ManagedIdentityExchange, managedIdentityNetwork } from './managed-identity-network.ts';

/** Options of a managed identity grant. */
export interface ManagedIdentityOptions {
  /** Name of the connection, for messages. */
  readonly name: string;
  /** Client ID of a user-assigned identity; if absent, the machine's own (system-assigned) is used. */
  readonly clientId?: string | undefined;
  /** Must not use a proxy: the services that issue these tokens can be reached only from this machine. */
  readonly http: HttpClient;
  readonly clock: Clock;
  /** For one request with its answer; default 10,000. On Azure the answer comes within a second. */
  readonly requestTimeoutMs?: number | undefined;
}

/**
 * The identity of the Azure machine the bridge runs on: virtual machines, App Service, Functions, Container Apps, Azure
 * Arc and others (Microsoft Entra documentation, "What are managed identities for Azure resources?"). Azure itself
 * caches these tokens for up to a day, so `forceRenew` may return the same one again.
 */
export function managedIdentityGrant(options: ManagedIdentityOptions): Grant {
  const { clientId, http, clock, requestTimeoutMs = 10_000 } = options;
  return {
    kind: 'managed-identity',
    async acquire(scopes) {
      const exchange: ManagedIdentityExchange = { http, timeoutMs: requestTimeoutMs, failure: undefined };
      try {
        // The library is large and most commands need no token.
        const { ManagedIdentityApplication } = await import('@azure/msal-node');
        const app = new ManagedIdentityApplication({
          ...(clientId === undefined ? {} : { managedIdentityIdParams: { userAssignedClientId: clientId } }),
          // Its retries take up to 70 seconds; the cache above retries, and meanwhile reports the reason.
          system: { networkClient: managedIdentityNetwork, disableInternalRetries: true },
        });
        // Otherwise it answers from its own cache, by the real clock.
        const request = { resource: resourceOf(scopes), forceRefresh: true };
        const result = await inExchange(exchange, () => app.acquireToken(request));
        const expiresAtMs = result.expiresOn?.getTime() ?? 0;
        // The library rounds, and uses the time of the request if the answer names no expiry.
        if (!result.accessToken || expiresAtMs < clock.now() + 1000) throw new Error('the token has already expired');
        return new AccessToken(result.accessToken, expiresAtMs);
      } catch (thrown) {
        throw managedIdentityError(options, thrown, exchange.failure);
      }
    },
  };
}

/** These services have no scopes, only resources. */
function resourceOf(scopes: readonly string[]): string {
  return (scopes[0] ?? '').replace(/\/\.default$/, '');
}

function managedIdentityError(
  { name, clientId, clock }: ManagedIdentityOptions,
  thrown: unknown,
  failure: RecordedFailure | undefined,
): BridgeError {
  if (failure?.kind === 'network') {
    const { error } = failure;
    const message = `Connection "${name}" could not get a token from the managed identity: ${errorText(error)}`;
    return new BridgeError('managed-identity-unavailable', message, { cause: error, details: { connection: name } });
  }
  if (failure?.kind === 'answer') {
    const { status, host, body } = failure;
    const details = { connection: name, status, error: body?.error };
    if (status === 400 && identityNotFound.test(body?.errorDescription ?? '')) {
      const which = clientId === undefined ? 'no identity of its own' : `no identity with the client ID ${clientId}`;
      const message = `Connection "${name}" could not get a token from the managed identity: this machine has ${which}.`;
      return new BridgeError('managed-identity-not-assigned', message, { details });
    }
    // The answer during an update: "How to use managed identities to acquire an access token", Retry.
    if (status === 404 || status === 410) {
      const message = `Connection "${name}" could not get a token from the managed identity just now (${host} answered ${status}).`;
      return new BridgeError('token-temporarily-unavailable', message, { details });
    }
    // App Service's errors have no names, and an answer in another form than Entra ID's would be taken for that of
    // another server.
    if (status !== 429 && Number(status) < 500 && body?.error === undefined && body?.errorDescription) {
      const said = body.errorDescription.replace(/[\s\p{C}]+/gu, ' ').slice(0, 300);
      const message = `Connection "${name}" could not get a token from the managed identity. ${host} says (HTTP ${status}): ${said}`;
      return new BridgeError('token-refused', message, { details });
    }
  } else if (errorName(thrown) === 'ManagedIdentityError') {
    // An environment the library does not understand; its texts contain no values.
    const message = `Connection "${name}" could not get a token from the managed identity: ${errorText(thrown)}`;
    return new BridgeError('managed-identity-unavailable', message, { details: { connection: name } });
  }
  return tokenError({ connection: name, thrown, failure, nowMs: clock.now() });
}

/** IMDS: "Identity not found". App Service: "No User Assigned or Delegated Managed Identity found for specified …". */
const identityNotFound = /identity not found|no .*managed identity.* found/i;

function errorName(thrown: unknown): string | undefined {
  return thrown instanceof Error ? thrown.name : undefined;
}
