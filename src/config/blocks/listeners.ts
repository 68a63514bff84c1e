import { z } from 'zod';
import { block, guid, host, path, port, type Sources, secret, tenant } from '../fields.ts';
import { network } from './accounts.ts';
import { cloud } from './connections.ts';

const minVersion = () => z.enum(['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']);

/** `tls`: the certificate of all listeners. */
export const tlsBlock = (sources: Sources) =>
  block({
    cert: path(sources).meta({ description: 'PEM file with the server certificate, followed by its intermediates.' }),
    key: path(sources).meta({ description: 'PEM file with the private key of the certificate.' }),
    minVersion: minVersion().default('TLSv1.2').meta({
      description:
        'Oldest TLS version accepted from clients. `TLSv1` and `TLSv1.1` are broken and need `@SECLEVEL=0` in `ciphers`; better give one old device a listener of its own, with its own `tls`.',
    }),
    ciphers: z.exactOptional(z.string().min(1)).meta({
      description: 'OpenSSL cipher list for TLS 1.2 and older. Default: that of Node.js.',
    }),
  });

/** Overrides the `tls` block for one port. */
const listenerTls = (sources: Sources) =>
  block({
    cert: z.exactOptional(path(sources)).meta({ description: 'PEM file with another certificate; needs `key`.' }),
    key: z.exactOptional(path(sources)).meta({ description: 'PEM file with its private key; needs `cert`.' }),
    minVersion: z.exactOptional(minVersion()).meta({
      description:
        'Oldest TLS version accepted. `TLSv1` and `TLSv1.1` can be broken by anybody on the way, passwords included: only for devices that support nothing newer, on a separate network. OpenSSL refuses them unless `ciphers` contains `@SECLEVEL=0`.',
    }),
    ciphers: z.exactOptional(z.string().min(1)).meta({
      description:
        'OpenSSL cipher list, such as `DEFAULT@SECLEVEL=0` for old devices. It weakens every connection to this listener.',
    }),
  });

/** `listeners[]`: a port where clients arrive. */
export const listenerBlock = (sources: Sources) =>
  block({
    protocol: z.enum(['smtp', 'imap', 'pop3']).meta({ description: 'Protocol on this port.' }),
    host: host().default('127.0.0.1').meta({
      description: 'Address to listen on. `0.0.0.0` is every IPv4 address of the machine, `::` every address.',
    }),
    port: port(0).meta({ description: 'TCP port. `0` takes any free port; the `ready` line names it.' }),
    security: z.enum(['none', 'starttls', 'tls']).default('starttls').meta({
      description:
        '`tls`: encrypted from the first byte. `starttls`: the client may switch to TLS. `none`: never encrypted. Passwords are refused on an unencrypted connection unless it comes from this machine or `allowInsecureAuth` is set.',
    }),
    allowInsecureAuth: z.boolean().default(false).meta({
      description:
        'Accepts passwords over unencrypted connections too. Anybody on the way can read them; meant for devices that cannot do TLS, on a separate network.',
    }),
    cramMd5: z.boolean().default(false).meta({
      description:
        'Offers CRAM-MD5 as well, without TLS too: the password does not cross the network. For old devices that support nothing else. It works for accounts whose `password` is the password itself, not a hash. It protects neither the mail nor a weak password, which an eavesdropper can guess offline.',
    }),
    lineEnds: z.enum(['lenient', 'strict']).default('lenient').meta({
      description:
        'Line ends of messages that arrive over SMTP. `lenient`: a single LF or CR counts as CRLF, and becomes CRLF; a message ends only with CRLF.CRLF. `strict`: a message with such a line end is refused. Command lines may end in LF alone in both.',
    }),
    proxyProtocol: z
      .exactOptional(
        block({
          from: z.array(network('would let everybody say where they come from')).min(1).meta({
            description:
              'Addresses and networks of the balancers. A connection from there must begin with the header. One from elsewhere is served as a direct client, and a header in it is not read.',
          }),
        }),
      )
      .meta({
        description:
          'For a listener behind a balancer: takes the address of the client from the PROXY protocol, version 1 or 2. `mailbridge help instances` has settings for HAProxy and nginx.',
      }),
    tls: z
      .exactOptional(listenerTls(sources))
      .meta({ description: 'Overrides the `tls` block for this listener, key by key. Meant for old devices.' }),
  });

/** Anything shorter would not withstand guessing without a rate limit. */
const shortestToken = 20;

function tokenProblem(text: string): string | undefined {
  if (text.length < shortestToken) return `must be at least ${shortestToken} characters long`;
  return /^[\x21-\x7e]+$/.test(text) ? undefined : 'must be printable ASCII without spaces';
}

function isPublicUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && text.toLowerCase().replace(/\/$/, '') === url.origin;
}

/** `admin.oidc`: sign-in through Entra ID. */
const oidcBlock = (sources: Sources) =>
  block({
    tenantId: tenant()
      .refine((text) => !['common', 'organizations', 'consumers'].includes(text), {
        error: 'must be the tenant itself: anybody could sign in otherwise',
      })
      .meta({ title: 'tenant', description: 'The tenant whose people sign in: a GUID or a domain.' }),
    clientId: guid().meta({ title: 'GUID', description: 'Application (client) ID of a separate app registration.' }),
    clientSecret: secret(sources).meta({ description: 'Its client secret.' }),
    operateGroup: guid().meta({
      title: 'GUID',
      description:
        'Object ID of the group whose members may change things. The ID token must contain the groups claim.',
    }),
    viewGroup: z.exactOptional(guid()).meta({
      title: 'GUID',
      description:
        'Object ID of the group whose members may only view. Left out: only members of `operateGroup` can sign in.',
    }),
    cloud: cloud(sources),
  });

/** `admin.connect` */
const connectBlock = () =>
  block({
    connection: z.string().meta({
      description:
        'Name of the connection that people sign in to, with `signIns: "each"`. `grant: "device-code"`: they enter a code. `grant: "authorization-code"` with the `redirectUri` `https://HOST/connect/callback`: they sign in in the browser that has the page open, so nobody can trick them into signing in for somebody else.',
    }),
    domains: z.array(host()).default([]).meta({
      title: 'domains',
      description:
        'Domains whose people may connect their mailboxes, as Microsoft names who has signed in. Each needs an account with `username: "*@DOMAIN"`, `passwordFrom: "app-passwords"` and this connection. None: only by invitation.',
    }),
    host: z.exactOptional(host()).meta({
      description:
        'Host name by which programs reach the listeners, as the pages show it; a certificate made here is valid for it. Default: that of `publicUrl`, otherwise `hostname`.',
    }),
  });

/** `admin`: the HTTP listener for health, metrics, API and pages. */
export const adminBlock = (sources: Sources) =>
  block({
    host: host().default('127.0.0.1').meta({ description: 'Address to listen on.' }),
    port: port(0).default(8025).meta({ description: 'TCP port. `0` takes any free one.' }),
    security: z.enum(['none', 'tls']).default('none').meta({
      description:
        '`tls`: HTTPS, with the certificate of the listeners unless `tls` names another. Required for pages and API beyond this machine.',
    }),
    tls: z
      .exactOptional(listenerTls(sources))
      .meta({ description: 'Overrides the `tls` block for this port, key by key.' }),
    pages: z.boolean().default(true).meta({
      description:
        'Pages and API for administrators (`mailbridge help admin`). `false`: only health and metrics, which need no password.',
    }),
    token: z.exactOptional(secret(sources, tokenProblem, 'token')).meta({
      description:
        'The admin token, with which administrators sign in: at least 20 characters. Default: a token made at the first start, in `dataDir`; `mailbridge admin token` prints it.',
    }),
    viewToken: z.exactOptional(secret(sources, tokenProblem)).meta({
      description:
        'A second token, with which somebody can view everything except the content of mail, and change nothing.',
    }),
    publicUrl: z
      .exactOptional(
        z
          .string()
          .refine(isPublicUrl, {
            error: 'must be "https://" or "http://" with a host and optionally a port, and nothing after it',
            abort: true,
          })
          // In the form that browsers send: it is compared, and redirect URIs begin with it.
          .transform((text) => new URL(text).origin),
      )
      .meta({
        title: 'URL',
        description:
          'URL at which people reach the pages, if it is neither `localhost`, an address, `host` nor `hostname`: `https://mailbridge.contoso.com`. Requests for other names are refused.',
      }),
    trustedProxies: z.exactOptional(z.array(network('would let everybody say where they come from')).min(1)).meta({
      title: 'networks',
      description:
        'Addresses and networks of the proxies in front. For requests from there, the client address is taken from X-Forwarded-For, for the sign-in limits and the audit log. The proxy must append the address that it sees, without a port, to that header. Left out: the address of the connection counts.',
    }),
    oidc: z.exactOptional(oidcBlock(sources)).meta({
      description:
        'Lets people sign in with Entra ID, by their groups (`mailbridge help admin`). The redirect URI is `publicUrl`, otherwise `http://localhost:PORT`, followed by `/api/v1/session/oidc/callback`.',
    }),
    connect: z.exactOptional(connectBlock()).meta({
      description:
        'Lets people connect their own mailboxes at `/connect`, without an administrator, and mail programs find their settings; see `mailbridge help clients`. Left out: off.',
    }),
  });
