import { isIP } from 'node:net';
import { z } from 'zod';
import { senderWays } from '../message/sender-way.ts';
import { suggestion } from './nearest.ts';
import { Secret, type SecretSource } from './secrets.ts';

/**
 * The secrets that a command may need although it needs no others: for the queue, the key of the sign-ins, or the admin
 * token.
 */
export type SecretUse = 'queue' | 'key' | 'token';

/** What the schema needs from outside while it parses: relative paths and secrets have no meaning on their own. */
export interface Sources {
  /** Makes a path of the configuration file absolute. */
  path(path: string): string;
  /**
   * The secret, what is wrong with its location, or `unfetched` if it is not wanted.
   * @param use undefined: none that a command requests separately
   */
  secret(
    source: SecretSource,
    use?: SecretUse,
  ): { readonly secret: string } | { readonly problem: string } | { readonly unfetched: true };
}

/**
 * An object that refuses unknown keys and suggests the nearest right one. The message has a line for each unknown key,
 * in the order of the issue's `keys`.
 * @param elsewhere keys that are right in a sibling block, with the reason they are not accepted here
 */
export function block<S extends z.core.$ZodLooseShape>(
  shape: S,
  elsewhere: { readonly keys: readonly string[]; readonly reason: string } = { keys: [], reason: '' },
) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? (issue.keys as string[])
            .map((key) => (elsewhere.keys.includes(key) ? elsewhere.reason : `unknown key${suggestion(key, known)}`))
            .join('\n')
        : undefined,
  });
}

const hostName =
  /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/;
// Patterns in the JSON Schema use neither flags nor \p, because editors in other languages read them too.
const guidForm = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
const domainForm = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*$/i;
const mailboxForm = /^[^\s@<>",;:()[\]\\]{1,64}@(?=.{1,253}$)[\p{L}\p{N}\p{M}_-]+(?:\.[\p{L}\p{N}\p{M}_-]+)*$/u;

/** A host name or an IP address. All-numeric names count as mistyped addresses. */
export function isHost(text: string): boolean {
  return isIP(text) > 0 || (hostName.test(text) && !/^[\d.]+$/.test(text));
}

export const host = () =>
  z.string().refine(isHost, { error: 'must be a host name or an IP address' }).meta({ title: 'host' });

/** @param lowest 0 if "any free port" makes sense */
export const port = (lowest: 0 | 1) => z.int().min(lowest).max(65535);

export const guid = () =>
  z
    .string()
    .regex(guidForm, { error: 'must be a GUID such as "00000000-0000-0000-0000-000000000000"' })
    .meta({ title: 'GUID' });

/** Names for no tenant in particular; `consumers` are personal accounts. */
const tenantWords = ['common', 'organizations', 'consumers'];

export const tenant = () =>
  z
    .string()
    .refine((text) => guidForm.test(text) || domainForm.test(text) || tenantWords.includes(text), {
      error: 'must be a GUID, a domain such as "contoso.onmicrosoft.com", "common", "organizations" or "consumers"',
    })
    .meta({ title: 'tenant' });

/** Whether a text is the address of one mailbox. */
export function isAddress(text: string): boolean {
  return mailboxForm.test(text) && !text.includes('*');
}

/** Whether a text is `*@` and a domain. */
export function isDomainPattern(text: string): boolean {
  return text.startsWith('*@') && isAddress(`x${text.slice(1)}`);
}

export const mailbox = () =>
  z
    .string()
    .refine(isAddress, { error: 'must be an address such as "reports@contoso.com"' })
    .meta({ title: 'address' });

export const senderPattern = () =>
  z
    .string()
    .refine((text) => isAddress(text) || isDomainPattern(text), { error: 'must be an address, or "*@" and a domain' })
    .meta({ title: 'address' });

/** A sender alone, or with its courier. */
export const sender = () =>
  z.union(
    [
      senderPattern(),
      block({
        address: senderPattern().meta({ title: 'address', description: 'The address, or `*@contoso.com`.' }),
        as: z.enum(senderWays).meta({
          description:
            'What lets the mailbox use it. `send-as`: the right SendAs. `on-behalf`: the right SendOnBehalf; readers see "the mailbox on behalf of the address", for which a Sender is added. `alias`: no right, because it is another address of the mailbox; the organization must allow SendFromAliasEnabled.',
        }),
      }),
    ],
    { error: 'must be an address, "*@" and a domain, or {"address": "…", "as": "send-as", "on-behalf" or "alias"}' },
  );

/** An origin: no path, no query, no user. */
export const origin = () =>
  z
    .string()
    .refine((text) => isOrigin(text), {
      error: 'must be "https://" with a host and optionally a port, and nothing after it',
    })
    .meta({ title: 'URL' });

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null &&
    url.protocol === 'https:' &&
    text.toLowerCase().replace(/\/$/, '').replace(/:443$/, '') === url.origin
  );
}

/** A path, absolute in the result. */
export const path = (sources: Sources) =>
  z
    .string()
    .min(1)
    .transform((text) => sources.path(text))
    .meta({ title: 'path' });

const environmentName = () => z.string().regex(/^[^=\0]+$/, { error: 'must be the name of an environment variable' });

/**
 * A secret: the value itself, `{"env": …}` or `{"file": …}`; a {@link Secret} in the result.
 * @param problemWith what is wrong with the secret's form, or undefined; must not quote it
 * @param use as for {@link Sources.secret}
 */
export const secret = (
  sources: Sources,
  problemWith: (value: string) => string | undefined = () => undefined,
  use?: SecretUse,
) =>
  z
    .union(
      [
        z.string(),
        block({
          env: environmentName().meta({ description: 'Name of an environment variable that contains the secret.' }),
        }),
        block({
          file: z.string().min(1).meta({ description: 'Path of a file that contains the secret and nothing else.' }),
        }),
      ],
      { error: 'must be a string, {"env": "NAME"} or {"file": "path"}' },
    )
    .transform((source, context) => {
      const found = sources.secret(source, use);
      if ('unfetched' in found) return new Secret('');
      if ('problem' in found) {
        context.addIssue({
          code: 'custom',
          message: found.problem,
          params: { unavailable: typeof source !== 'string' },
        });
        return z.NEVER;
      }
      const problem = problemWith(found.secret);
      if (problem !== undefined) {
        context.addIssue({ code: 'custom', message: problem });
        return z.NEVER;
      }
      return new Secret(found.secret);
    })
    .meta({ title: 'secret' });
