import type { ErrorKind } from '../base/errors.ts';

/** What one AADSTS number stands for. */
export interface EntraError {
  readonly kind: Exclude<ErrorKind, 'usage'>;
  /** What is wrong, one sentence. */
  readonly cause: string;
  /** What to do about it, one or two sentences. */
  readonly remedy: string;
}

const appPage = 'Entra admin center > App registrations > the app';

const needsAdmin = (cause: string, remedy: string): EntraError => ({ kind: 'needs-admin', cause, remedy });
const temporary = (cause: string, remedy: string): EntraError => ({ kind: 'temporary', cause, remedy });
const permanent = (cause: string, remedy: string): EntraError => ({ kind: 'permanent', cause, remedy });

const multiFactor = needsAdmin(
  'The user has to pass or set up multifactor authentication, which nothing unattended can do.',
  'Sign in again with "mailbridge login", or use the client-credentials grant, which has no user.',
);
const conditionalAccess = needsAdmin(
  'A Conditional Access policy or the security defaults block this sign-in.',
  'Look at the sign-in log in the Entra admin center for the policy. Exempt the app or the user from it, or use another grant: device-code is what such policies block most often.',
);
const wrongScope = needsAdmin(
  'The scope is wrong, or names more than one resource.',
  'Ask for one resource at a time: https://graph.microsoft.com/.default or https://outlook.office365.com/.default. Remove scopes of your own from the connection.',
);
const tenantSpecific = needsAdmin(
  'The request names no tenant, and this app or this grant needs one.',
  'Set tenantId to the Directory (tenant) ID of your tenant, not to common or organizations.',
);
const signInAgain = 'Sign in again with "mailbridge login".';
const adminConsent = needsAdmin(
  'The app asks for permissions that nobody has consented to.',
  `Let an administrator grant consent: ${appPage} > API permissions > Grant admin consent, or "mailbridge consent".`,
);
const permissionNotListed = needsAdmin(
  'The app registration does not list the permission asked for, or lists it wrongly.',
  `Add the permission under ${appPage} > API permissions (application permissions for client-credentials) and grant admin consent.`,
);
const busy = temporary(
  'Microsoft Entra ID is overloaded or has trouble that passes.',
  'Nothing: it is tried again. If it lasts, look at https://status.cloud.microsoft.',
);
const signInRevoked = needsAdmin(
  'The sign-in was revoked: a changed or reset password, or an administrator who ended the sessions.',
  signInAgain,
);
const federatedCredential = needsAdmin(
  'No federated credential of the app matches the assertion.',
  `Compare issuer, subject and audience with ${appPage} > Certificates & secrets > Federated credentials.`,
);
const passwordExpired = needsAdmin(
  'The password of the user has expired.',
  'Reset the password, then sign in again or give the new one to the connection.',
);
const otherTenantsUser = needsAdmin(
  'The user belongs to another tenant, or is a personal account, and this tenant does not know them.',
  'Sign in with a user of the tenant that tenantId names.',
);
const singlePageApp = `Register the redirect URI as "Mobile and desktop applications" or "Web", not as a single-page app (${appPage} > Authentication), then sign in again.`;
const personNeeded = needsAdmin(
  'The sign-in needs the person at the screen, and was not allowed to show a page.',
  'Sign in with "mailbridge login", without prompt "none".',
);
const codeUsedUp = permanent('The device code has expired or was used before.', 'Start the sign-in again.');

/** AADSTS numbers by what they mean: Microsoft Entra documentation, "Microsoft Entra authentication and authorization error codes". */
const entries: Readonly<Record<number, EntraError>> = {
  // the app and its credential
  7000215: needsAdmin(
    'The client secret is wrong.',
    `Put the Value of the secret into clientSecret, not its Secret ID. If the value is lost, make a new one: ${appPage} > Certificates & secrets.`,
  ),
  7000222: needsAdmin(
    'The client secret has expired.',
    `Make a new secret (${appPage} > Certificates & secrets) and put its Value into clientSecret, or use a certificate.`,
  ),
  7000218: needsAdmin(
    'The app registration wants a secret or a certificate, and the request held neither.',
    `Give clientSecret or clientCertificate; for device-code turn on "Allow public client flows" under ${appPage} > Authentication.`,
  ),
  700025: needsAdmin(
    'The app registration is a public client and must not send a secret.',
    `Remove clientSecret or clientCertificate from the connection, or register the app for a web platform: ${appPage} > Authentication.`,
  ),
  700027: needsAdmin(
    'The signature by the client certificate was not accepted: the certificate is not registered with the app, has expired, or the clock of this machine is wrong.',
    `Upload this very certificate under ${appPage} > Certificates & secrets, and check that the key belongs to it and the clock is right.`,
  ),
  700016: needsAdmin(
    'The tenant knows no app with this client id.',
    'Compare clientId and tenantId with the overview page of the app registration: one of them is wrong, or the app was never installed in this tenant.',
  ),
  700011: needsAdmin(
    'The app is not installed in the tenant.',
    'Grant admin consent once ("mailbridge consent"), which installs it.',
  ),
  7000112: needsAdmin(
    'The app is disabled in the tenant.',
    'Entra admin center > Enterprise applications > the app > Properties: set "Enabled for users to sign-in" to Yes.',
  ),
  700212: federatedCredential,
  70021: federatedCredential,
  50011: needsAdmin(
    'The redirect URI is not registered with the app.',
    `Add it, letter by letter, under ${appPage} > Authentication.`,
  ),
  65002: needsAdmin(
    'The client id belongs to Microsoft and may not use this API.',
    'Register an app of your own ("mailbridge register-app") and use its client id.',
  ),

  // the tenant
  90002: needsAdmin(
    'There is no such tenant.',
    'Set tenantId to the Directory (tenant) ID, and cloud to the one the tenant lives in.',
  ),
  900023: needsAdmin(
    'The tenant is written wrongly.',
    'Set tenantId to a GUID or to a verified domain such as contoso.onmicrosoft.com.',
  ),
  50059: tenantSpecific,
  50128: tenantSpecific,
  50194: tenantSpecific,
  9001023: tenantSpecific,

  // what is asked for
  700023: wrongScope,
  700022: wrongScope,
  70011: wrongScope,
  28002: wrongScope,
  1002012: needsAdmin(
    'The client credentials grant takes no single scopes, only all that the app was granted.',
    'Ask for https://graph.microsoft.com/.default or https://outlook.office365.com/.default. Remove scopes of your own from the connection.',
  ),
  500011: needsAdmin(
    'The tenant does not know the resource: no Exchange Online in it, or another cloud.',
    'Check that the tenant has Exchange Online licences, that cloud is right, and the spelling of any scopes of your own.',
  ),
  650052: needsAdmin(
    'The organization has no subscription for the service, or has not set it up.',
    'Give the tenant an Exchange Online licence; after that its service principal appears by itself.',
  ),
  650056: permissionNotListed,
  650057: permissionNotListed,

  // consent
  65001: adminConsent,
  90094: adminConsent,
  90095: adminConsent,
  65004: permanent('The user declined to give consent.', 'Start the sign-in again and accept.'),
  50105: needsAdmin(
    'The user is not assigned to the app.',
    'Entra admin center > Enterprise applications > the app: assign the user, or set "Assignment required" to No.',
  ),

  // the user
  50126: needsAdmin(
    'The username or password of the Microsoft 365 user is wrong.',
    'Correct username and password of the connection; a wrong one tried often locks the user.',
  ),
  50034: needsAdmin(
    'The tenant knows no such user.',
    'Check the user principal name, and that it belongs to this tenant.',
  ),
  50055: passwordExpired,
  50144: passwordExpired,
  50056: needsAdmin(
    'The user has no password in the directory.',
    'Set one, or use another grant: a shared mailbox or a federated user cannot sign in with a password here.',
  ),
  50057: needsAdmin('The user is disabled.', 'Enable the user in the Microsoft 365 admin center.'),
  50053: needsAdmin(
    'The user is locked after too many wrong passwords, or the sign-in came from an address with a bad name.',
    'Wait, or unblock the user in the Entra admin center; then correct the password here before trying again.',
  ),
  50020: otherTenantsUser,
  90072: otherTenantsUser,
  50125: needsAdmin(
    'The user has to reset the password or register security information first.',
    'Let the user sign in once at https://myaccount.microsoft.com and do what is asked there, then try again.',
  ),
  50072: multiFactor,
  50074: multiFactor,
  50076: multiFactor,
  50078: multiFactor,
  50079: multiFactor,
  50158: multiFactor,
  500121: permanent(
    'The multifactor authentication was refused or not finished.',
    'Start the sign-in again and confirm it on the second device.',
  ),
  50097: conditionalAccess,
  53000: conditionalAccess,
  53001: conditionalAccess,
  53002: conditionalAccess,
  53003: conditionalAccess,
  530003: conditionalAccess,
  530032: conditionalAccess,
  530035: conditionalAccess,

  // the sign-in and its refresh token
  70016: temporary('Nobody has entered the code yet.', 'Open the address shown and enter the code.'),
  70018: permanent('The code entered is wrong.', 'Start the sign-in again and copy the code as shown.'),
  70019: codeUsedUp,
  90119: permanent('The code entered is malformed.', 'Start the sign-in again and copy the code as shown.'),
  90120: codeUsedUp,
  50058: personNeeded,
  50089: permanent('The sign-in took too long.', 'Start the sign-in again.'),
  70000: needsAdmin('The sign-in is not valid any more.', signInAgain),
  700082: needsAdmin('The sign-in has expired, because it was not used for 90 days.', signInAgain),
  70008: needsAdmin('The sign-in has expired.', signInAgain),
  700084: needsAdmin('The sign-in was made for a single-page app and lasts 24 hours.', singlePageApp),
  9002327: needsAdmin('The redirect URI is registered for a single-page app.', singlePageApp),
  70043: needsAdmin(
    'A policy of the tenant wants the user to sign in again at intervals.',
    `${signInAgain} To end that, exempt the app from the sign-in frequency in Conditional Access.`,
  ),
  50173: signInRevoked,
  50133: signInRevoked,
  50132: signInRevoked,
  54005: permanent('The authorization code was used before.', 'Start the sign-in again.'),
  501481: permanent('The code verifier does not match the code challenge of the sign-in.', 'Start the sign-in again.'),

  // Entra ID itself
  50196: temporary(
    'Microsoft Entra ID has seen the same request too often and blocks it for a while.',
    'Wait a few minutes. Stop other programs that ask for tokens with the same client id in a loop.',
  ),
  90055: busy,
  90033: busy,
  90024: busy,
};

/** Every AADSTS number with an entry of its own. */
export const entraErrors: ReadonlyMap<number, EntraError> = new Map(
  Object.entries(entries).map(([number, entry]) => [Number(number), entry]),
);

/** What an AADSTS number (without the prefix) means, if it is in the catalogue. */
export function entraError(aadsts: number): EntraError | undefined {
  return entraErrors.get(aadsts);
}

/** OAuth errors that say enough by themselves: OpenID Connect Core section 3.1.2.6. */
const named: Readonly<Record<string, EntraError>> = {
  consent_required: adminConsent,
  interaction_required: personNeeded,
  login_required: personNeeded,
};

/** What an OAuth error means that came without an AADSTS number of the catalogue. */
export function oauthError(error: string | undefined): EntraError | undefined {
  return error === undefined || !Object.hasOwn(named, error) ? undefined : named[error];
}
