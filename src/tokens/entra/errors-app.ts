import { clockRemedy } from './clock-remedy.ts';
import { appPage, type EntraError, enterprisePage, needsAdmin, variant } from './error.ts';

const federatedPage = `${appPage} > Certificates & secrets > Federated credentials`;
const credentialsPage = `${appPage} > Certificates & secrets`;

const federatedCredential = needsAdmin(
  'No federated credential of the app matches the assertion.',
  `Compare issuer, subject and audience with ${federatedPage}.`,
);
const noCredential = needsAdmin(
  'The app registration requires a secret or a certificate, and the request had neither.',
  `Give clientSecret or clientCertificate; for device-code turn on "Allow public client flows" under ${appPage} > Authentication.`,
);
const wrongSecret = needsAdmin(
  'The client secret is wrong.',
  `Put the Value of the secret into clientSecret, not its Secret ID. If the value is lost, make a new one: ${credentialsPage}.`,
);
const uploadCertificate = `Upload this certificate under ${credentialsPage}, and check that the key of clientCertificate belongs to it.`;
const wrongClock = needsAdmin(
  'The clock of this machine is wrong: the assertion that it signed with its certificate is not valid at this time.',
  'Set the clock of this machine and keep it right with NTP. If clientAssertionFile is used, have its assertion renewed before it expires.',
  { remedyFor: clockRemedy },
);
const unknownApp = needsAdmin(
  'The tenant has no app with this client id.',
  'Compare clientId and tenantId with the overview page of the app registration: one of them is wrong, or the app was never installed in this tenant.',
);
const appDisabled = needsAdmin(
  'The app is disabled in the tenant.',
  `${enterprisePage} > Properties: set "Enabled for users to sign-in" to Yes.`,
);
const redirectUri = needsAdmin(
  'The redirect URI is not registered with the app.',
  `Add it, exactly, under ${appPage} > Authentication.`,
);
const noRedirectUri = needsAdmin(
  'The app registration has no redirect URI.',
  `Add http://localhost under ${appPage} > Authentication > Mobile and desktop applications, or the connection's redirectUri under Web.`,
);
const malformedAssertion = needsAdmin(
  'The client assertion is not a JWT that Microsoft Entra ID can read, or its signature is wrong.',
  'Check the file of clientAssertionFile: it must contain one assertion (JWT) and nothing else, from the issuer that the federated credential names.',
);
const publicClient = needsAdmin(
  'The app registration does not allow sign-ins without a secret (public client flows).',
  `Turn on "Allow public client flows" under ${appPage} > Authentication.`,
);

/** The numbers that concern the app registration and its credential. */
export const appErrors: Readonly<Record<number, EntraError>> = {
  7000215: wrongSecret,
  7000222: needsAdmin(
    'The client secret has expired.',
    `For an app-only connection run mailbridge register-app --name NAME --rotate, which makes a new one and removes the old one. By hand: make a new secret (${credentialsPage}) and put its Value into clientSecret, or use a certificate.`,
  ),
  7000218: noCredential,
  7000216: noCredential,
  700025: needsAdmin(
    'The app registration is a public client and must not send a secret.',
    `Remove clientSecret or clientCertificate from the connection, or register the app for a web platform: ${appPage} > Authentication.`,
  ),
  // From the first version of the protocol, and for personal accounts in the second.
  70002: needsAdmin(
    'The credential of the app was not accepted.',
    `Compare clientSecret or clientCertificate with ${credentialsPage}.`,
    {
      variants: [
        variant("marked as 'mobile", publicClient),
        variant(
          'not enabled for consumers',
          needsAdmin(
            'The app registration does not exist for personal accounts.',
            `Set "Supported account types" to one with personal Microsoft accounts under ${appPage} > Authentication, and compare clientId.`,
          ),
        ),
      ],
    },
  ),
  700027: needsAdmin(
    'The signature by the client certificate was not accepted: the certificate is not registered with the app, has expired, or the clock of this machine is wrong.',
    `Upload this certificate under ${credentialsPage}, and check that the key belongs to it and the clock is right.`,
    {
      variants: [
        variant(
          'key used is expired',
          needsAdmin(
            'The client certificate has expired.',
            `For an app-only connection run mailbridge register-app --name NAME --rotate, which makes a new one and removes the old one. By hand: make a new certificate, upload it under ${credentialsPage}, and name it as clientCertificate.`,
          ),
        ),
        variant(
          'key was not found',
          needsAdmin('The client certificate is not registered with the app.', uploadCertificate),
        ),
      ],
    },
  ),
  700024: wrongClock,
  500133: wrongClock,
  50012: needsAdmin(
    'The client certificate was not accepted: its thumbprint or subject is not registered, its chain is broken, or the signature is wrong.',
    uploadCertificate,
    { variants: [variant('invalid client secret', wrongSecret)] },
  ),
  700030: needsAdmin(
    'The subject of the client certificate is not one that the app trusts.',
    `Upload the certificate itself under ${credentialsPage}.`,
  ),
  700021: needsAdmin(
    'The client assertion is for a different app than clientId names.',
    'Compare clientId with the subject (sub) of the assertion in clientAssertionFile.',
  ),
  50013: malformedAssertion,
  50027: malformedAssertion,
  70021: federatedCredential,
  700211: needsAdmin(
    'No federated credential of the app has the issuer of the assertion.',
    `Compare the issuer (iss) of the assertion, exactly, with ${federatedPage}.`,
  ),
  700212: needsAdmin(
    'No federated credential of the app has the audience of the assertion.',
    `Compare the audience (aud) of the assertion with ${federatedPage}; as a rule it is api://AzureADTokenExchange.`,
  ),
  700213: needsAdmin(
    'No federated credential of the app has the subject of the assertion.',
    `Copy the subject that Microsoft names, exactly, to ${federatedPage}.`,
  ),
  7000272: needsAdmin(
    'The key that signed the assertion is not among those that its issuer publishes.',
    'Check the keys (jwks_uri) that the issuer of the assertion publishes. After a change of keys wait half an hour.',
  ),
  700016: unknownApp,
  70001: unknownApp,
  700011: needsAdmin(
    'The app is not installed in the tenant.',
    'Grant admin consent once ("mailbridge consent"), which installs it.',
  ),
  7000229: needsAdmin(
    'The app is registered, but the tenant has no service principal (enterprise application) of it.',
    'Grant admin consent once ("mailbridge consent"), which makes it, or run "az ad sp create --id CLIENT_ID".',
  ),
  7000112: appDisabled,
  1000031: appDisabled,
  50011: redirectUri,
  70004: redirectUri,
  500112: needsAdmin(
    'The code was requested with a different redirect URI than the one it came back with.',
    'Set redirectUri to one address that is registered with the app and that nothing rewrites, such as http://localhost.',
  ),
  900971: noRedirectUri,
  90102: needsAdmin(
    'The redirect URI is not an absolute address.',
    'Set redirectUri to a whole address, such as http://localhost.',
  ),
  65002: needsAdmin(
    'The client id belongs to Microsoft and may not use this API.',
    'Register your own app ("mailbridge register-app") and use its client id.',
  ),
  70003: needsAdmin(
    'The app may not use this grant.',
    `Choose another grant for the connection; device-code and password need "Allow public client flows" under ${appPage} > Authentication.`,
  ),
};
