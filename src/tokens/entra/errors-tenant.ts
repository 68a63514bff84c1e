import { appPage, type EntraError, enterprisePage, needsAdmin, permanent, variant } from './error.ts';

const tenantSpecific = needsAdmin(
  'The request names no tenant, and this app or this grant needs one.',
  'Set tenantId to the Directory (tenant) ID of your tenant, not to common, organizations or consumers.',
);
const otherCloud = needsAdmin(
  'The tenant belongs to another cloud than the connection names.',
  'Set cloud to the one that the tenant is in: global, us-gov-high, us-gov-dod or china.',
);
const tenantRestrictions = needsAdmin(
  'A proxy of the network allows sign-ins to certain tenants only (tenant restrictions), and this one is not among them.',
  'Have the administrator of the network add the tenant to the header Restrict-Access-To-Tenants that the proxy sets.',
);
const crossTenant = needsAdmin(
  'A cross-tenant access policy blocks the user from this tenant.',
  'Use a user of the tenant itself, or have the policy changed: Entra admin center > External Identities > Cross-tenant access settings.',
);
const personalAccountsOnly = needsAdmin(
  'The app registration is for personal accounts only.',
  `Set tenantId to "consumers" if a personal account (outlook.com, hotmail.com) is meant; otherwise register the app for an organization: ${appPage} > Authentication > Supported account types.`,
);
const notForConsumers = needsAdmin(
  'The app registration is for accounts of organizations only, and tenantId asks for personal ones.',
  `Set tenantId to the Directory (tenant) ID; for personal accounts change ${appPage} > Authentication > Supported account types.`,
);

const wrongScope = needsAdmin(
  'The scope is wrong, or names more than one resource.',
  'Ask for one resource at a time: https://graph.microsoft.com/.default or https://outlook.office365.com/.default. Remove your own scopes from the connection.',
);
const resourceGone = needsAdmin(
  'The resource asked for is disabled or does not exist in the tenant.',
  'Check that the tenant has Exchange Online licences, and remove your own scopes from the connection.',
);
const unknownScope = needsAdmin(
  'The resource has no such permission: a scope is misspelled, or belongs to another resource.',
  'Remove scopes from the connection, so that the right ones are asked for; SMTP.Send and IMAP.AccessAsUser.All belong to https://outlook.office.com, Mail.Send to https://graph.microsoft.com.',
);
const adminConsent = needsAdmin(
  'The app asks for permissions that nobody has consented to.',
  `Let an administrator grant consent: ${appPage} > API permissions > Grant admin consent, or "mailbridge consent".`,
);
const permissionNotListed = needsAdmin(
  'The app registration does not list the permission asked for, or lists it wrongly.',
  `Run mailbridge register-app --name NAME, which adds the permissions of a person’s sign-in and consents; for an app with --tenant-wide (Graph) or --classic (SMTP). By hand: add the permission under ${appPage} > API permissions (application permissions for client-credentials) and grant admin consent.`,
);
const badRequest = needsAdmin(
  'Microsoft Entra ID does not understand the request.',
  'Remove scopes, prompt and redirectUri from the connection. If there is a proxy in between, check that it changes nothing.',
);

export { adminConsent };

/** The numbers that concern the tenant and what is requested. */
export const tenantErrors: Readonly<Record<number, EntraError>> = {
  90002: needsAdmin(
    'There is no such tenant.',
    'Set tenantId to the Directory (tenant) ID, and cloud to the one that the tenant is in.',
  ),
  900023: needsAdmin(
    'The tenant is malformed.',
    'Set tenantId to a GUID or to a verified domain such as contoso.onmicrosoft.com.',
  ),
  5000224: needsAdmin(
    'The tenant is blocked or has been deleted.',
    'Check tenantId. If it is right, the subscription of the tenant has ended: open a support request with Microsoft.',
  ),
  50059: tenantSpecific,
  50128: tenantSpecific,
  50194: tenantSpecific,
  9001023: tenantSpecific,
  90019: tenantSpecific,
  90124: tenantSpecific,
  90130: tenantSpecific,
  50049: needsAdmin(
    'The authority is not a sign-in host of Microsoft Entra ID.',
    'Check cloud (authority) of the connection; the usual one is https://login.microsoftonline.com.',
  ),
  90038: otherCloud,
  90043: otherCloud,
  90051: otherCloud,
  900382: otherCloud,
  900432: otherCloud,
  50002: tenantRestrictions,
  500021: tenantRestrictions,
  500022: tenantRestrictions,
  500212: crossTenant,
  500213: crossTenant,
  9002346: personalAccountsOnly,
  9002331: personalAccountsOnly,
  9002332: notForConsumers,
  90027: notForConsumers,
  1002016: needsAdmin(
    'The request used an old version of TLS, which Microsoft refuses.',
    'Look for a proxy that opens TLS connections and speaks an old version itself: mailbridge uses TLS 1.2 or later.',
  ),

  700023: {
    ...wrongScope,
    variants: [
      variant(
        'assertion audience',
        needsAdmin(
          'The client assertion is meant for another tenant or another cloud.',
          'Check tenantId and cloud of the connection; of a clientAssertionFile also the audience (aud) of the assertion.',
        ),
      ),
    ],
  },
  700022: wrongScope,
  70011: wrongScope,
  28000: wrongScope,
  28002: wrongScope,
  28003: wrongScope,
  901002: wrongScope,
  1002012: needsAdmin(
    'The client credentials grant does not accept individual scopes, only all that the app was granted.',
    'Ask for https://graph.microsoft.com/.default or https://outlook.office365.com/.default. Remove your own scopes from the connection.',
  ),
  90009: needsAdmin(
    'The app asks for a token for itself.',
    'Remove scopes that name the client id from the connection: a token is needed for Microsoft Graph or Exchange Online.',
  ),
  500011: needsAdmin(
    'The tenant does not know the resource: no Exchange Online in it, or another cloud.',
    'Check that the tenant has Exchange Online licences, that cloud is right, and the spelling of any scopes you set yourself.',
  ),
  500014: needsAdmin(
    'The tenant has disabled the resource, or its subscription has lapsed.',
    'Renew the Exchange Online subscription of the tenant, or enable the resource: Entra admin center > Enterprise applications > Office 365 Exchange Online (or Microsoft Graph) > Properties.',
  ),
  50001: resourceGone,
  650054: resourceGone,
  650052: needsAdmin(
    'The organization has no subscription for the service, or has not set it up.',
    'Give the tenant an Exchange Online licence; after that its service principal appears by itself.',
  ),
  650053: unknownScope,
  65005: { ...permissionNotListed, variants: [variant("that doesn't exist", unknownScope)] },
  650056: permissionNotListed,
  650057: permissionNotListed,

  65001: adminConsent,
  90008: adminConsent,
  90094: adminConsent,
  90095: adminConsent,
  90099: adminConsent,
  9002341: adminConsent,
  90093: needsAdmin(
    'The user who gave consent may not do so for the organization.',
    'Open the link of "mailbridge consent" as Privileged Role Administrator or Global Administrator.',
  ),
  65004: permanent('The user declined to give consent.', 'Start the sign-in again and accept.'),
  50105: needsAdmin(
    'The user is not assigned to the app.',
    `${enterprisePage}: assign the user, or set "Assignment required" to No.`,
  ),

  900144: needsAdmin(
    'The request lacks a parameter, which Microsoft names.',
    'Fill in what it names: clientId, scopes or the credential of the connection is empty. If none is, look for a proxy that drops the body of requests.',
  ),
  90014: badRequest,
  90013: badRequest,
  90023: badRequest,
  90100: badRequest,
  9002313: badRequest,
};
