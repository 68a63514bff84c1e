import { appPage, type EntraError, needsAdmin, permanent, temporary } from './error.ts';

const signInAgain = 'Sign in again with "mailbridge login".';
const multiFactor = needsAdmin(
  'The user must pass or set up multifactor authentication, which an unattended program cannot do.',
  'Sign in again with "mailbridge login", or use the client-credentials grant, which has no user.',
);
const conditionalAccess = needsAdmin(
  'A Conditional Access policy or the security defaults block this sign-in.',
  'Look at the sign-in log in the Entra admin center for the policy. Exempt the app or the user from it, or use another grant: device-code is what such policies block most often.',
);
const managedDevice = needsAdmin(
  'A Conditional Access policy requires a managed device, and this sign-in did not come from one.',
  'Sign in on a managed device with the grant authorization-code, or exempt the user or the app from the policy; client-credentials has no device.',
);
const riskyUser = needsAdmin(
  'Microsoft blocks the user because of a detected risk.',
  'Look at Entra admin center > ID Protection > Risky users, have the password changed, and dismiss the risk.',
);
const signInRevoked = needsAdmin(
  'The sign-in was revoked: a changed or reset password, or an administrator who ended the sessions.',
  signInAgain,
);
const passwordExpired = needsAdmin(
  'The password of the user has expired.',
  'Reset the password, then sign in again or give the new one to the connection.',
);
const wrongPassword = needsAdmin(
  'The username or password of the Microsoft 365 user is wrong.',
  'Correct username and password of the connection; a wrong one tried often locks the user.',
);
const unknownUser = needsAdmin(
  'The tenant has no such user.',
  'Check the user principal name, and that it belongs to this tenant.',
);
const otherTenantsUser = needsAdmin(
  'The user belongs to another tenant, or is a personal account, and this tenant does not know them.',
  'Sign in with a user of the tenant that tenantId names.',
);
const personalAccount = needsAdmin(
  'The user signed in with a personal account (outlook.com, hotmail.com), which this tenant or app does not serve.',
  `Sign in with a work or school account of the tenant. For a personal mailbox set tenantId to "consumers" and let the app registration serve personal accounts: ${appPage} > Authentication > Supported account types.`,
);
const federatedProvider = needsAdmin(
  "The organization's own sign-in service (AD FS or another identity provider) failed or refused the user.",
  'Let the user sign in at https://myaccount.microsoft.com: if that fails too, the administrator of that service must look at it. The password grant cannot serve federated users.',
);
const onPremises = temporary(
  'Microsoft Entra ID currently cannot have the password checked by the Active Directory of the organization.',
  'Look at the authentication agents: Entra admin center > Entra Connect > Pass-through authentication. It is tried again.',
);
const singlePageApp = `Register the redirect URI as "Mobile and desktop applications" or "Web", not as a single-page app (${appPage} > Authentication), then sign in again.`;
const spa = needsAdmin('The redirect URI is registered for a single-page app.', singlePageApp);

/** The sign-in needs a page but must not show one. */
export const personNeeded = needsAdmin(
  'The sign-in needs the person at the screen, and was not allowed to show a page.',
  'Sign in with "mailbridge login", without prompt "none".',
);
const codeUsedUp = permanent('The device code has expired or was used before.', 'Start the sign-in again.');

/** The numbers that concern a user, a sign-in or its refresh token. */
export const personErrors: Readonly<Record<number, EntraError>> = {
  // the user
  50126: wrongPassword,
  50064: wrongPassword,
  50034: unknownUser,
  50197: unknownUser,
  50055: passwordExpired,
  50144: passwordExpired,
  50135: needsAdmin(
    'The user has to change the password, because Microsoft considers it leaked.',
    'Change the password at https://myaccount.microsoft.com, then sign in again or give the new one to the connection.',
  ),
  50056: needsAdmin(
    'The user has no password in the directory.',
    'Set one, or use another grant: a shared mailbox or a federated user cannot sign in with a password here.',
  ),
  50057: needsAdmin('The user is disabled.', 'Enable the user in the Microsoft 365 admin center.'),
  50053: needsAdmin(
    'The user is locked after too many wrong passwords, or the sign-in came from an address with a bad reputation.',
    'Wait, or unblock the user in the Entra admin center; then correct the password here before trying again.',
  ),
  50020: otherTenantsUser,
  90072: otherTenantsUser,
  16000: otherTenantsUser,
  16003: otherTenantsUser,
  50014: otherTenantsUser,
  51004: otherTenantsUser,
  500200: personalAccount,
  500208: personalAccount,
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
  53004: multiFactor,
  53010: multiFactor,
  500121: permanent(
    'The multifactor authentication was refused or not finished.',
    'Start the sign-in again and confirm it on the second device.',
  ),
  50087: temporary('The second factor could not be checked just now.', 'Start the sign-in again in a few minutes.'),
  50088: temporary('Too many calls for a second factor were made.', 'Start the sign-in again in a few minutes.'),
  50005: conditionalAccess,
  50131: conditionalAccess,
  53002: conditionalAccess,
  53003: conditionalAccess,
  530032: conditionalAccess,
  530035: conditionalAccess,
  50097: managedDevice,
  50127: managedDevice,
  50129: managedDevice,
  50155: managedDevice,
  50187: managedDevice,
  53000: managedDevice,
  53001: managedDevice,
  530003: managedDevice,
  530004: managedDevice,
  530036: needsAdmin(
    'A policy that blocks device codes (authentication flows) ended the sign-in, which was made with one.',
    'Sign in with the grant authorization-code, or exempt the user from the policy: Entra admin center > Conditional Access.',
  ),
  53011: riskyUser,
  530034: riskyUser,
  50180: federatedProvider,
  20001: federatedProvider,
  20012: federatedProvider,
  20033: federatedProvider,
  40008: federatedProvider,
  40009: federatedProvider,
  40010: federatedProvider,
  40015: federatedProvider,
  50008: federatedProvider,
  50107: federatedProvider,
  90123: federatedProvider,
  80001: onPremises,
  80002: onPremises,
  80005: onPremises,
  80007: onPremises,
  80010: onPremises,
  80014: onPremises,
  80012: needsAdmin(
    'Active Directory does not allow the user to sign in at this hour.',
    'Allow it at all hours: Active Directory Users and Computers > the user > Account > Logon Hours.',
  ),
  80013: needsAdmin(
    'The clock of an authentication agent and that of Active Directory differ.',
    'Set the clocks of the servers that run the authentication agents of the organization.',
  ),
  54000: needsAdmin('The user is a minor, whom a rule blocks.', 'Use another user.'),
  135011: needsAdmin('The device of the sign-in is disabled.', 'Enable it: Entra admin center > Devices.'),

  // the sign-in and its refresh token
  70016: temporary('Nobody has entered the code yet.', 'Open the address shown and enter the code.'),
  70018: permanent('The code entered is wrong.', 'Start the sign-in again and copy the code as shown.'),
  70019: codeUsedUp,
  70020: codeUsedUp,
  90119: permanent('The code entered is malformed.', 'Start the sign-in again and copy the code as shown.'),
  90120: codeUsedUp,
  50134: permanent(
    'The device code was entered in a different region than it was requested in.',
    'Start the sign-in again.',
  ),
  50058: personNeeded,
  700020: personNeeded,
  50089: permanent('The sign-in took too long.', 'Start the sign-in again.'),
  50140: permanent(
    'The sign-in was interrupted by the question whether to stay signed in.',
    'Start the sign-in again.',
  ),
  50143: permanent('The browser is signed in with another account.', 'Start the sign-in again in a private window.'),
  50199: permanent('The sign-in was not confirmed on the page.', 'Start the sign-in again and confirm it.'),
  70000: needsAdmin('The sign-in is not valid any more.', signInAgain),
  700082: needsAdmin('The sign-in has expired, because it was not used for 90 days.', signInAgain),
  70008: needsAdmin('The sign-in has expired.', signInAgain),
  50085: needsAdmin('The sign-in has to be renewed at the identity provider of the user.', signInAgain),
  50139: needsAdmin('The sign-in of the personal account is no longer valid.', signInAgain),
  700084: needsAdmin('The sign-in was made for a single-page app and lasts 24 hours.', singlePageApp),
  9002325: spa,
  9002326: spa,
  9002327: spa,
  70043: needsAdmin(
    'A policy of the tenant requires the user to sign in again at intervals.',
    `${signInAgain} To end that, exempt the app from the sign-in frequency in Conditional Access.`,
  ),
  50173: signInRevoked,
  50133: signInRevoked,
  50132: signInRevoked,
  54005: permanent('The authorization code was used before.', 'Start the sign-in again.'),
  700005: permanent('The authorization code was issued by another tenant.', 'Start the sign-in again.'),
  501481: permanent('The code verifier does not match the code challenge of the sign-in.', 'Start the sign-in again.'),
};
