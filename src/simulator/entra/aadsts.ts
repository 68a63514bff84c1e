import { randomUUID } from 'node:crypto';
import type { HttpAnswer } from '../http/http-server.ts';

interface Entry {
  /** OAuth 2.0 error (RFC 6749 section 5.2). */
  readonly error: string;
  readonly status: number;
  /** `{0}`, `{1}` … stand for what the case at hand fills in. */
  readonly text: string;
}

/**
 * The errors of the token endpoint, in Entra's words. Learn, "Microsoft Entra authentication and authorization error
 * codes"; texts and statuses as people quote them in public.
 */
const catalogue = {
  '28000': {
    error: 'invalid_request',
    status: 400,
    text: 'Provided value for the input parameter scope is not valid because it contains more than one resource. Scope {0} is not valid.',
  },
  '50013': { error: 'invalid_grant', status: 400, text: 'Assertion failed signature validation.' },
  '50027': { error: 'invalid_request', status: 400, text: 'JWT token is invalid or malformed.' },
  '50053': {
    error: 'invalid_grant',
    status: 400,
    text: 'The account is locked, you’ve tried to sign in too many times with an incorrect user ID or password.',
  },
  '50059': {
    error: 'invalid_request',
    status: 400,
    text: 'No tenant-identifying information found in either the request or implied by any provided credentials.',
  },
  '50076': {
    error: 'invalid_grant',
    status: 400,
    text: "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '{0}'.",
  },
  '50105': {
    error: 'interaction_required',
    status: 400,
    text: "Your administrator has configured the application {0} to block users unless they are specifically granted ('assigned') access to the application.",
  },
  '50126': {
    error: 'invalid_grant',
    status: 400,
    text: 'Error validating credentials due to invalid username or password.',
  },
  '50173': {
    error: 'invalid_grant',
    status: 400,
    text: 'The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.',
  },
  '50194': {
    error: 'invalid_request',
    status: 400,
    text: "Application '{0}'({1}) is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific endpoint or configure the application to be multi-tenant.",
  },
  '50196': {
    error: 'invalid_grant',
    status: 400,
    text: 'The server terminated an operation because it encountered a client request loop. Please contact your app vendor.',
  },
  '53003': {
    error: 'invalid_grant',
    status: 400,
    text: 'Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.',
  },
  '65001': {
    error: 'invalid_grant',
    status: 400,
    text: "The user or administrator has not consented to use the application with ID '{0}' named '{1}'. Send an interactive authorization request for this user and resource.",
  },
  '70003': { error: 'unsupported_grant_type', status: 400, text: "The app requested an unsupported grant type '{0}'." },
  '70011': {
    error: 'invalid_scope',
    status: 400,
    text: "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {0} is not valid.",
  },
  '90002': {
    error: 'invalid_request',
    status: 400,
    text: "Tenant '{0}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
  },
  '90014': {
    error: 'invalid_request',
    status: 400,
    text: "The required field '{0}' is missing from the credential. Ensure that you have all the necessary parameters for the login request.",
  },
  '90033': {
    error: 'temporarily_unavailable',
    status: 503,
    text: 'A transient error has occurred. Please try again.',
  },
  '90055': { error: 'temporarily_unavailable', status: 429, text: 'The server is busy. Too many requests.' },
  '500011': {
    error: 'invalid_resource',
    status: 400,
    text: 'The resource principal named {0} was not found in the tenant named {1}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.',
  },
  '700016': {
    error: 'unauthorized_client',
    status: 400,
    text: "Application with identifier '{0}' was not found in the directory '{1}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
  },
  '700021': {
    error: 'invalid_client',
    status: 401,
    text: "Client assertion application identifier doesn't match 'client_id' parameter. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials .",
  },
  '700023': {
    error: 'invalid_client',
    status: 401,
    text: 'Client assertion audience claim does not match Realm issuer. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials .',
  },
  '700024': {
    error: 'invalid_client',
    status: 401,
    text: 'Client assertion is not within its valid time range. Current time: {0}, assertion valid from {1}, expiry time of assertion {2}. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials .',
  },
  '700027': {
    error: 'invalid_client',
    status: 401,
    text: "Client assertion failed signature validation. [Reason - {0}, Thumbprint of key used by client: '{1}', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '{2}'.]",
  },
  '900023': {
    error: 'invalid_request',
    status: 400,
    text: "Specified tenant identifier '{0}' is neither a valid DNS name, nor a valid external domain.",
  },
  '900144': {
    error: 'invalid_request',
    status: 400,
    text: "The request body must contain the following parameter: '{0}'.",
  },
  '1002012': {
    error: 'invalid_scope',
    status: 400,
    text: 'The provided value for scope {0} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).',
  },
  '7000112': { error: 'unauthorized_client', status: 400, text: "Application '{0}'({1}) is disabled." },
  '7000215': {
    error: 'invalid_client',
    status: 401,
    text: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{0}'.",
  },
  '7000216': {
    error: 'invalid_client',
    status: 401,
    text: "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
  },
  '7000218': {
    error: 'invalid_client',
    status: 401,
    text: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
  },
  '7000222': {
    error: 'invalid_client',
    status: 401,
    text: "The provided client secret keys for app '{0}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.",
  },
  '9001023': {
    error: 'invalid_request',
    status: 400,
    text: "The grant type '{0}' is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.",
  },
} as const satisfies Record<string, Entry>;

/** An error number the simulator knows. */
export type AadstsCode = keyof typeof catalogue;

export function isAadstsCode(code: string): code is AadstsCode {
  return Object.hasOwn(catalogue, code);
}

/** A refusal of the token endpoint. */
export class EntraError extends Error {
  override readonly name = 'EntraError';
  readonly code: string;
  readonly error: string;
  readonly status: number;

  private constructor(code: string, entry: Entry) {
    super(entry.text);
    this.code = code;
    this.error = entry.error;
    this.status = entry.status;
  }

  /** @param fill what stands in place of `{0}`, `{1}` … */
  static of(code: AadstsCode, ...fill: readonly string[]): EntraError {
    const entry: Entry = catalogue[code];
    return new EntraError(code, { ...entry, text: entry.text.replace(/\{(\d)\}/g, (_, n) => fill[Number(n)] ?? '') });
  }

  /** An error that somebody staged, with anything the catalogue does not know filled in. */
  static staged(code: string, status: number | undefined, text: string | undefined): EntraError {
    const known: Entry = isAadstsCode(code)
      ? catalogue[code]
      : { error: 'invalid_request', status: 400, text: 'A staged error.' };
    return new EntraError(code, { error: known.error, status: status ?? known.status, text: text ?? known.text });
  }
}

/** An error in the form in which the token endpoint sends it. */
export function errorAnswer(error: EntraError, correlationId: string, authority: string): HttpAnswer {
  const traceId = randomUUID();
  const timestamp = `${new Date().toISOString().slice(0, 19).replace('T', ' ')}Z`;
  return {
    status: error.status,
    headers: { 'Cache-Control': 'no-store, no-cache', Pragma: 'no-cache', 'x-ms-request-id': traceId },
    body: {
      error: error.error,
      error_description: `AADSTS${error.code}: ${error.message} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
      error_codes: [Number(error.code)],
      timestamp,
      trace_id: traceId,
      correlation_id: correlationId,
      error_uri: `${authority}/error?code=${error.code}`,
    },
  };
}
