import type { Clock } from '../../base/clock.ts';
import { BridgeError, errorText } from '../../base/errors.ts';
import type { HttpClient } from '../../base/http/client.ts';
import { AccessToken } from '../access-token.ts';
import type { RecordedFailure } from '../entra/msal-network.ts';
import { tokenError } from '../token-error.ts';
import type { Grant } from './grant.ts';
import { inExchange, type ManagedIdentityExchange, managedIdentityNetwork } from './managed-identity-network.ts';

/** What a managed identity grant needs. */
export interface ManagedIdentityOptions {
  /** Of the connection, for messages. */
  readonly name: string;
  /** Client ID of a user-assigned identity; left out, the machine's own (system-assigned). */
  readonly clientId?: string | undefined;
  /** One without a proxy: the services that give these tokens can be reached from this machine alone. */
  readonly http: HttpClient;
  readonly clock: Clock;
  /** For one request with its answer; default 10,000. On Azure the answer comes within a second. */
  readonly requestTimeoutMs?: number | undefined;
}

/**
 * The identity of the Azure machine the bridge runs on: virtual machines, App Service, Functions, Container Apps, Azure
 * Arc and others (Microsoft Entra documentation, "What are managed identities for Azure resources?"). Azure keeps these
 * tokens itself for up to a day, so `forceRenew` may give the same one again.
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
          // Its retries take up to 70 seconds; the cache above tries again, and in the meantime says why not.
          system: { networkClient: managedIdentityNetwork, disableInternalRetries: true },
        });
        // Without force it answers from a cache of its own, by the real clock.
        const request = { resource: resourceOf(scopes), forceRefresh: true };
        const result = await inExchange(exchange, () => app.acquireToken(request));
        const expiresAtMs = result.expiresOn?.getTime() ?? 0;
        // The library rounds, and takes the time of the request where the answer names none.
        if (!result.accessToken || expiresAtMs < clock.now() + 1000) throw new Error('the token has already expired');
        return new AccessToken(result.accessToken, expiresAtMs);
      } catch (thrown) {
        throw managedIdentityError(options, thrown, exchange.failure);
      }
    },
  };
}

/** These services know no scopes but the resource they are of. */
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
    // So it answers while it is being updated: "How to use managed identities to acquire an access token", Retry.
    if (status === 404 || status === 410) {
      const message = `Connection "${name}" could not get a token from the managed identity just now (${host} answered ${status}).`;
      return new BridgeError('token-temporarily-unavailable', message, { details });
    }
    // App Service gives its errors no names, and what is not Entra ID's form would be taken for somebody else's answer.
    if (status !== 429 && Number(status) < 500 && body?.error === undefined && body?.errorDescription) {
      const said = body.errorDescription.replace(/[\s\p{C}]+/gu, ' ').slice(0, 300);
      const message = `Connection "${name}" could not get a token from the managed identity. ${host} says (HTTP ${status}): ${said}`;
      return new BridgeError('token-refused', message, { details });
    }
  } else if (errorName(thrown) === 'ManagedIdentityError') {
    // An environment that the library cannot make sense of; its texts hold no values.
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
