/** What one AADSTS number looks like. */
export interface AadstsEntry {
  /** OAuth 2.0 error (RFC 6749 section 5.2, RFC 8628 section 3.5). */
  readonly error: string;
  /** The kind of failure, for clients that have to react to it. */
  readonly suberror?: string;
  readonly status: number;
  /** `{0}`, `{1}` … are filled in for the case at hand. */
  readonly text: string;
}

/**
 * The errors of the sign-in pages and the token endpoint, in Entra's wording. Learn, "Microsoft Entra authentication
 * and authorization error codes"; texts and statuses as quoted in public reports.
 */
export const aadstsCatalogue = {
  '16000': {
    error: 'interaction_required',
    status: 400,
    text: 'Either multiple user identities are available for the current request or selected account is not supported for the scenario.',
  },
  '28000': {
    error: 'invalid_request',
    status: 400,
    text: 'Provided value for the input parameter scope is not valid because it contains more than one resource. Scope {0} is not valid.',
  },
  '50011': {
    error: 'invalid_request',
    status: 400,
    text: "The redirect URI '{0}' specified in the request does not match the redirect URIs configured for the application '{1}'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal. Navigate to https://aka.ms/redirectUriMismatchError to learn more about how to fix this.",
  },
  '50012': {
    error: 'invalid_client',
    status: 401,
    text: 'Authentication failed. Client assertion contains an invalid signature. [Reason - The thumbprint of the signing certificate is not authorized.]',
  },
  '50013': { error: 'invalid_grant', status: 400, text: 'Assertion failed signature validation.' },
  '50020': {
    error: 'invalid_request',
    status: 400,
    text: "User account '{EUII Hidden}' from identity provider '{0}' does not exist in tenant '{1}' and cannot access the application '{2}'({3}) in that tenant. The account needs to be added as an external user in the tenant first. Sign out and sign in again with a different Azure Active Directory user account.",
  },
  '50027': { error: 'invalid_request', status: 400, text: 'JWT token is invalid or malformed.' },
  '50034': {
    error: 'invalid_grant',
    status: 400,
    text: 'The user account {EUII Hidden} does not exist in the {0} directory. To sign into this application, the account must be added to the directory.',
  },
  '50053': {
    error: 'invalid_grant',
    status: 400,
    text: 'The account is locked, you’ve tried to sign in too many times with an incorrect user ID or password.',
  },
  '50055': { error: 'invalid_grant', suberror: 'user_password_expired', status: 400, text: 'The password is expired.' },
  '50057': { error: 'invalid_grant', status: 400, text: 'The user account is disabled.' },
  '50058': {
    error: 'login_required',
    status: 400,
    text: 'A silent sign-in request was sent but no user is signed in.',
  },
  '50059': {
    error: 'invalid_request',
    status: 400,
    text: 'No tenant-identifying information found in either the request or implied by any provided credentials.',
  },
  '50076': {
    error: 'invalid_grant',
    suberror: 'basic_action',
    status: 400,
    text: "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '{0}'.",
  },
  '50089': { error: 'invalid_request', status: 400, text: 'Authentication failed due to flow token expired.' },
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
    suberror: 'bad_token',
    status: 400,
    text: "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '{0}' and the TokensValidFrom date (before which tokens are not valid) for this user is '{1}'.",
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
    suberror: 'message_only',
    status: 400,
    text: 'Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.',
  },
  '54005': {
    error: 'invalid_grant',
    status: 400,
    text: 'OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.',
  },
  '65001': {
    error: 'invalid_grant',
    suberror: 'consent_required',
    status: 400,
    text: "The user or administrator has not consented to use the application with ID '{0}' named '{1}'. Send an interactive authorization request for this user and resource.",
  },
  '65004': { error: 'access_denied', status: 400, text: 'User declined to consent to access the app.' },
  '70000': { error: 'invalid_grant', status: 400, text: 'Provided grant is invalid or malformed.' },
  '70002': {
    error: 'invalid_client',
    status: 400,
    text: "The provided client is not supported for this feature. The client application must be marked as 'mobile.'",
  },
  '70003': { error: 'unsupported_grant_type', status: 400, text: "The app requested an unsupported grant type '{0}'." },
  '70005': {
    error: 'unsupported_response_type',
    status: 400,
    text: "The provided value for the input parameter 'response_type' is not allowed for this client. Expected value is 'code'.",
  },
  '70007': {
    error: 'unsupported_response_mode',
    status: 400,
    text: "'{0}' is not a supported value of 'response_mode' when requesting a token.",
  },
  '70008': {
    error: 'invalid_grant',
    status: 400,
    text: 'The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.',
  },
  '70011': {
    error: 'invalid_scope',
    status: 400,
    text: "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {0} is not valid.",
  },
  '70016': {
    error: 'authorization_pending',
    status: 400,
    text: 'OAuth 2.0 device flow error. Authorization is pending. Continue polling.',
  },
  '70018': {
    error: 'bad_verification_code',
    status: 400,
    text: 'Invalid verification code due to User typing in wrong user code for device code flow. Authorization is not approved.',
  },
  '70019': { error: 'expired_token', status: 400, text: 'Verification code expired. Have the user retry the sign-in.' },
  '70020': {
    error: 'expired_token',
    status: 400,
    text: "The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
  },
  '70021': {
    error: 'invalid_request',
    status: 400,
    text: "No matching federated identity record found for presented assertion. Assertion Issuer: '{0}'. Assertion Subject: '{1}'. Assertion Audience: '{2}'. https://learn.microsoft.com/entra/workload-id/workload-identity-federation",
  },
  '70043': {
    error: 'invalid_grant',
    suberror: 'token_expired',
    status: 400,
    text: 'The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. The token was issued on {0} and the maximum allowed lifetime for this request is {1}.',
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
  '90023': { error: 'invalid_request', status: 400, text: "Unsupported '{0}' value." },
  '90033': {
    error: 'temporarily_unavailable',
    status: 503,
    text: 'A transient error has occurred. Please try again.',
  },
  '90055': { error: 'temporarily_unavailable', status: 429, text: 'The server is busy. Too many requests.' },
  '90094': { error: 'access_denied', status: 400, text: 'The grant requires admin permission.' },
  '500011': {
    error: 'invalid_resource',
    status: 400,
    text: 'The resource principal named {0} was not found in the tenant named {1}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.',
  },
  '500014': {
    error: 'invalid_resource',
    status: 400,
    text: "The service principal for resource '{0}' is disabled. This indicate that a subscription within the tenant has lapsed, or that the administrator for this tenant has disabled the application, preventing tokens from being issued for it.",
  },
  '500112': {
    error: 'invalid_grant',
    status: 400,
    text: "The reply address '{0}' does not match the reply address '{1}' provided when requesting Authorization code.",
  },
  '500121': {
    error: 'invalid_grant',
    status: 400,
    text: 'Authentication failed during strong authentication request.',
  },
  '500200': {
    error: 'invalid_request',
    status: 400,
    text: "User account '{EUII Hidden}' is a personal Microsoft account. Personal Microsoft accounts are not supported for this application unless explicitly invited to an organization. Try signing out and signing back in with an organizational account.",
  },
  '501481': {
    error: 'invalid_grant',
    status: 400,
    text: 'The Code_Verifier does not match the code_challenge supplied in the authorization request.',
  },
  '650053': {
    error: 'invalid_client',
    status: 400,
    text: "The application '{0}' asked for scope '{1}' that doesn't exist on the resource '{2}'. Contact the app vendor.",
  },
  '650056': {
    error: 'invalid_client',
    status: 400,
    text: "Misconfigured application. This could be due to one of the following: the client has not listed any permissions for '{0}' in the requested permissions in the client's application registration. Or, the admin has not consented in the tenant. Or, check the application identifier in the request to ensure it matches the configured client application identifier. Please contact your admin to fix the configuration or consent on behalf of the tenant. Client app ID: {1}.",
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
  '700025': {
    error: 'invalid_client',
    status: 401,
    text: "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
  },
  '700027': {
    error: 'invalid_client',
    status: 401,
    text: "Client assertion failed signature validation. [Reason - {0}, Thumbprint of key used by client: '{1}', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '{2}'.]",
  },
  '700082': {
    error: 'invalid_grant',
    suberror: 'bad_token',
    status: 400,
    text: 'The refresh token has expired due to inactivity. The token was issued on {0} and was inactive for {1}.00:00:00.',
  },
  '700211': {
    error: 'invalid_client',
    status: 401,
    text: "No matching federated identity record found for presented assertion issuer '{0}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation",
  },
  '700212': {
    error: 'invalid_client',
    status: 401,
    text: "No matching federated identity record found for presented assertion audience '{0}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation",
  },
  '700213': {
    error: 'invalid_client',
    status: 401,
    text: "No matching federated identity record found for presented assertion subject '{0}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation",
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
  '900971': { error: 'invalid_request', status: 400, text: 'No reply address provided.' },
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
  '7000229': {
    error: 'invalid_client',
    status: 401,
    text: 'The client application {0} is missing service principal in the tenant {1}. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119',
  },
  '5000224': {
    error: 'invalid_request',
    status: 400,
    text: 'We are sorry, this resource is not available. If you are seeing this message by mistake, please contact Microsoft support.',
  },
  '9001023': {
    error: 'invalid_request',
    status: 400,
    text: "The grant type '{0}' is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.",
  },
  '9002332': {
    error: 'invalid_request',
    status: 400,
    text: "Application '{0}'({1}) is configured for use by Azure Active Directory users only. Please do not use the /consumers endpoint to serve this request.",
  },
  '9002346': {
    error: 'invalid_request',
    status: 400,
    text: "Application '{0}'({1}) is configured for use by Microsoft Account users only. Please use the /consumers endpoint to serve this request.",
  },
  '9002313': { error: 'invalid_grant', status: 400, text: 'Invalid request. Request is malformed or invalid.' },
} as const satisfies Record<string, AadstsEntry>;

/** An error number the simulator knows. */
export type AadstsCode = keyof typeof aadstsCatalogue;
