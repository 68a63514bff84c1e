import { z } from 'zod';
import { cloudNames } from '../clouds.ts';
import { block, guid, host, mailbox, origin, path, port, type Sources, secret, tenant } from '../fields.ts';

/** The ways to get tokens, in order of preference. */
export const grants = [
  'client-credentials',
  'managed-identity',
  'device-code',
  'authorization-code',
  'password',
] as const;
export type GrantName = (typeof grants)[number];

const endpoint = () =>
  z.exactOptional(
    block({
      host: z.exactOptional(host()).meta({ description: 'Host name; the certificate must be valid for it.' }),
      port: z.exactOptional(port(1)).meta({ description: 'TCP port.' }),
      security: z.exactOptional(z.enum(['none', 'starttls', 'tls'])).meta({
        description:
          '`tls`: encrypted from the first byte. `starttls`: required before anything else. `none`: tokens travel in the clear; for tests on one machine.',
      }),
    }),
  );

const scope = () => z.string().regex(/^\S+$/, { error: 'must be one scope, without spaces' });

/** `connections.NAME.cloud` as an object. */
export const customCloud = (sources: Sources) =>
  block({
    authority: z.exactOptional(origin()).meta({ description: 'Origin of the token authority, without the tenant.' }),
    graph: z.exactOptional(origin()).meta({ description: 'Origin of Microsoft Graph.' }),
    imap: endpoint().meta({ description: 'IMAP server.' }),
    pop3: endpoint().meta({ description: 'POP3 server.' }),
    smtp: endpoint().meta({ description: 'SMTP submission server.' }),
    caFile: z.exactOptional(path(sources)).meta({
      description: 'PEM file of certificate authorities to trust for all of these, besides the well-known ones.',
    }),
    exchangeScope: z
      .exactOptional(scope())
      .meta({ description: 'Scope to request for app-only tokens for IMAP, POP3 and SMTP.' }),
    graphScope: z.exactOptional(scope()).meta({ description: 'Scope to request for app-only tokens for Graph.' }),
  });

export const cloud = (sources: Sources) =>
  z
    .union([z.enum(cloudNames), customCloud(sources)], {
      error: `must be one of ${cloudNames.map((name) => `"${name}"`).join(', ')}, or an object`,
    })
    .prefault('global')
    .meta({
      description:
        'The Microsoft cloud of the tenant, or an object for other servers; what the object leaves out is as in `global`.',
    });

const shared = (sources: Sources) => ({
  cloud: cloud(sources),
  mailboxImport: z.exactOptional(z.boolean()).meta({
    description:
      'Uses mailbox import to store what IMAP clients append to mailboxes that are read through Graph; it keeps every octet of messages of up to 2.9 MB. Without it, and for larger messages, Exchange makes the messages anew, and refuses signed ones. Needs MailboxItem.ImportExport (apps: `.All`) and User.Read.All; only in the cloud `global`. Default: `false`.',
  }),
  scopes: z.exactOptional(z.array(scope()).min(1)).meta({
    description:
      'Scopes to request instead of those the accounts need. Rarely needed: Graph and Exchange never share a token.',
  }),
});

const tenantId = () =>
  tenant().meta({
    description:
      'Directory (tenant) ID, or a domain of the tenant. Only if a person signs in: `common`, `organizations`, and `consumers` for personal accounts of outlook.com, hotmail.com and live.com (with `device-code` or `authorization-code`).',
  });
const clientId = () => guid().meta({ description: 'Application (client) ID of the app registration.' });

const credentials = (sources: Sources) => ({
  clientSecretExpiresAt: z.exactOptional(z.iso.date()).meta({
    description:
      'Date on which `clientSecret` expires, such as `2027-05-31`, as `register-app` writes it: metrics and alerts warn before.',
  }),
  clientSecret: z.exactOptional(secret(sources)).meta({
    description:
      'Client secret: its *Value*, not its ID. One of `clientSecret`, `clientCertificate` and `clientAssertionFile`.',
  }),
  clientCertificate: z
    .exactOptional(
      block({
        cert: path(sources).meta({ description: 'PEM file with the certificate uploaded to the app registration.' }),
        key: path(sources).meta({ description: 'PEM file with its private key, not encrypted.' }),
      }),
    )
    .meta({ description: 'Certificate instead of a client secret. Read at the start and at each reload.' }),
  applicationObjectId: z.exactOptional(guid()).meta({
    description:
      'Object ID of the app registration (not its client ID), as `register-app` writes it: with it the bridge renews `clientCertificate` by itself, 45 days before it expires. Without it nothing is renewed.',
  }),
  clientAssertionFile: z.exactOptional(path(sources)).meta({
    description:
      'File with a token (JWT) of another issuer that the app registration trusts as a federated credential: Kubernetes, a CI service. Replaces a client secret, and is read again for each request.',
  }),
});

const tokenFile = (sources: Sources) =>
  z.exactOptional(path(sources)).meta({
    description: 'Where the sign-in is kept, encrypted. Default: a file named after the connection in `dataDir`.',
  });
const signIns = () =>
  z.enum(['one', 'each']).default('one').meta({
    description:
      '`one`: one person signs in, for all accounts of the connection. `each`: each mailbox has its own sign-in, made at `/connect` or with `mailbridge login --mailbox`.',
  });
const prompt = () =>
  z
    .exactOptional(z.enum(['none', 'login', 'consent', 'select_account']))
    .meta({ description: 'What the sign-in page must prompt for.' });

/** The keys of a connection by grant, one block for each. */
const shapes = (sources: Sources) => ({
  'client-credentials': { tenantId: tenantId(), clientId: clientId(), ...credentials(sources) },
  'managed-identity': {
    tenantId: z.exactOptional(tenantId()),
    clientId: z
      .exactOptional(guid())
      .meta({ description: "Client ID of a user-assigned identity. Default: the machine's own." }),
  },
  'device-code': {
    tenantId: tenantId(),
    clientId: clientId(),
    signIns: signIns(),
    prompt: prompt(),
    tokenFile: tokenFile(sources),
  },
  'authorization-code': {
    tenantId: tenantId(),
    clientId: clientId(),
    ...credentials(sources),
    signIns: signIns(),
    prompt: prompt(),
    redirectUri: z
      .exactOptional(
        z.string().refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''), {
          error: 'must be an http:// or https:// URL',
        }),
      )
      .meta({ title: 'URL', description: 'Redirect URI as registered. Default: a loopback address.' }),
    tokenFile: tokenFile(sources),
  },
  password: {
    tenantId: tenantId(),
    clientId: clientId(),
    ...credentials(sources),
    username: mailbox().meta({ description: 'User principal name of the person whose password it is.' }),
    password: secret(sources).meta({
      description: 'The Microsoft password. Works only if nothing requires a second factor.',
    }),
    tokenFile: tokenFile(sources),
  },
});

const grantTexts: Readonly<Record<GrantName, string>> = {
  'client-credentials':
    'The app itself, with a client secret, a certificate or a federated token; nobody signs in. The right choice for most.',
  'managed-identity': 'The identity of the Azure machine the bridge runs on; no secret at all.',
  'device-code': 'A person signs in once on any device, with a code.',
  'authorization-code': 'A person signs in once in a browser on this machine.',
  password: 'The password of a person, sent to Microsoft. Deprecated; a last resort.',
};

/** Every key that a connection can have with any grant. */
export function connectionKeys(sources: Sources): string[] {
  const keys = Object.values(shapes(sources)).flatMap((shape) => Object.keys(shape));
  return [...new Set(['grant', ...keys, ...Object.keys(shared(sources))])];
}

/** `connections.NAME`: one app registration in one tenant, and how its tokens are obtained. */
export function connectionBlock(sources: Sources) {
  const all = connectionKeys(sources);
  const byGrant = shapes(sources);
  const variant = <G extends GrantName>(grant: G) =>
    block(
      {
        grant: z.literal(grant).meta({ description: 'How tokens are obtained; see above.' }),
        ...byGrant[grant],
        ...shared(sources),
      },
      { keys: all, reason: `not used with grant "${grant}"` },
    ).meta({ description: grantTexts[grant] });
  return z.discriminatedUnion('grant', [
    variant('client-credentials'),
    variant('managed-identity'),
    variant('device-code'),
    variant('authorization-code'),
    variant('password'),
  ]);
}
