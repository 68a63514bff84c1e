import { z } from 'zod';
import { isLoopback } from '../../base/sockets/loopback.ts';
import { block, isHost, path, type Sources, secret } from '../fields.ts';

const ldapUrl = () =>
  z
    .string()
    .refine((text) => isLdapUrl(text), { error: 'must be "ldaps://" or "ldap://" with a host and optionally a port' })
    .meta({
      title: 'URL',
      description:
        '`ldaps://dc1.contoso.com`, or `ldap://…` with `startTls`. The certificate must be valid for the name. Without TLS only on this machine.',
    });

function isLdapUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^ldaps?:$/.test(url.protocol)) return false;
  const nothingElse = !url.username && !url.password && /^\/?$/.test(url.pathname) && !url.search && !url.hash;
  return nothingElse && isHost(url.hostname.replace(/^\[|\]$/g, ''));
}

const dn = () => z.string().min(1).max(1024);

/** A part of a DN, or what Active Directory accepts instead. */
const bindTemplate = () =>
  dn()
    .refine((text) => /\{(?:username|local)\}/.test(text), { error: 'must hold "{username}" or "{local}"' })
    .meta({
      description:
        'Name to bind with for each login: `{username}` is the name given (which Active Directory accepts as the user principal name), `{local}` the part before its `@`, `{domain}` the part after it. Or `uid={local},ou=people,dc=contoso,dc=com`. Replaces `baseDn`, `filter` and `searchBind`.',
    });

const filterForm = () =>
  z
    .string()
    .max(4096)
    .refine((text) => /^\(.*\)$/s.test(text) && /\{(?:username|local)\}/.test(text) && isBalanced(text), {
      error: 'must be a filter in parentheses that holds "{username}" or "{local}"',
    });

function isBalanced(text: string): boolean {
  let depth = 0;
  for (const letter of text) {
    if (letter === '(') depth++;
    if (letter === ')' && --depth < 0) return false;
  }
  return depth === 0;
}

const standardFilter = '(&(objectClass=person)(|(mail={username})(userPrincipalName={username})))';

/** `accounts[].passwordFrom.ldap` */
const ldapBlock = (sources: Sources) =>
  block({
    url: ldapUrl(),
    startTls: z.boolean().default(false).meta({
      description: 'Starts TLS on an `ldap://` connection before anything else is sent.',
    }),
    caFile: z.exactOptional(path(sources)).meta({
      description:
        'PEM file of the certificate authorities to trust for the server; name your own authority here if you have one. Default: those that Node.js trusts.',
    }),
    bindDn: z.exactOptional(bindTemplate()),
    searchBind: z
      .exactOptional(
        block({
          dn: dn().meta({ description: 'Who searches: a DN, or in Active Directory also a user principal name.' }),
          password: secret(sources).meta({ description: 'Its password.' }),
        }),
      )
      .meta({ description: 'Login for the search. Left out: anonymous, if the server allows that.' }),
    baseDn: z.exactOptional(dn()).meta({
      description:
        'Where to search for people, such as `dc=contoso,dc=com`. The search must find exactly one; the password is then checked by a bind as that one.',
    }),
    filter: z.exactOptional(filterForm()).meta({
      description: `Who is searched, with the same placeholders as \`bindDn\`. Default: \`${standardFilter}\`. Only members of a group: \`(&(userPrincipalName={username})(memberOf=CN=Mail,OU=Groups,DC=contoso,DC=com))\`.`,
    }),
    timeoutSeconds: z.number().min(0.1).max(60).default(5).meta({
      description: 'How long to wait for each answer. Only logins of this account wait.',
    }),
    rememberMinutes: z.number().min(0).max(1440).default(10).meta({
      description:
        'How long a password that was right is accepted without asking the server again. For that time a person can still log in after being disabled, or while the server is down. `0`: ask for each login.',
    }),
  }).superRefine((ldap, context) => {
    const fault = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    const { protocol, hostname } = new URL(ldap.url);
    const isClear = protocol === 'ldap:';
    if (isClear && !ldap.startTls && !isLoopback(hostname.replace(/^\[|\]$/g, '')))
      fault('url', 'would send passwords unencrypted: use "ldaps://", or "startTls": true');
    if (!isClear && ldap.startTls) fault('startTls', 'is for "ldap://": "ldaps://" begins with TLS');
    if (ldap.bindDn === undefined && ldap.baseDn === undefined)
      fault('bindDn', 'missing: give "bindDn", or "baseDn" to search in');
    for (const key of ['baseDn', 'filter', 'searchBind'] as const) {
      if (ldap.bindDn !== undefined && ldap[key] !== undefined)
        fault(key, 'is for a search: leave it out, or "bindDn"');
    }
  });

/** A file, or an LDAP server. */
const placeBlock = (sources: Sources) =>
  block({
    file: z.exactOptional(path(sources)).meta({
      description:
        'A file with a line `name:hash` for each person; `mailbridge hash-password --user NAME` prints one. The bridge reads it again when it changes.',
    }),
    ldap: z.exactOptional(ldapBlock(sources)).meta({ description: 'An LDAP server, such as Active Directory.' }),
  }).transform(({ file, ldap }, context) => {
    if (file !== undefined && ldap === undefined) return { file };
    if (file === undefined && ldap !== undefined) return { ldap };
    context.addIssue({ code: 'custom', message: 'needs "file" or "ldap", and one of them only' });
    return z.NEVER;
  });

/** `accounts[].passwordFrom` */
export const passwordFromBlock = (sources: Sources) =>
  z
    .union([z.literal('app-passwords'), placeBlock(sources)], {
      error: 'must be {"file": "path"}, {"ldap": {…}} or "app-passwords"',
    })
    .meta({
      description:
        'Where the password is checked, instead of `password`: in a file, by an LDAP server, or only against app passwords (`mailbridge account add`), which every account accepts. See [Accounts](accounts.md).',
    });

/** The filter if the configuration has none. */
export function ldapFilter(filter: string | undefined): string {
  return filter ?? standardFilter;
}
