import { z } from 'zod';
import { accountBlock } from './blocks/accounts.ts';
import { alertsBlock } from './blocks/alerts.ts';
import { connectionBlock } from './blocks/connections.ts';
import { adminBlock, listenerBlock, tlsBlock } from './blocks/listeners.ts';
import { limitsBlock, logBlock, queueBlock, retryBlock, shutdownBlock } from './blocks/service.ts';
import { block, isHost, path, type Sources, secret } from './fields.ts';
import type { Secret } from './secrets.ts';

// A configuration is read once: compiling functions for it takes longer than it saves.
z.config({ jitless: true });

const connectionName = () =>
  z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
    error: 'a connection\'s name must be letters, digits, ".", "_" and "-", at most 64',
  });

function proxyProblem(text: string): string | undefined {
  const url = URL.parse(text);
  const plain = url !== null && /^https?:$/.test(url.protocol) && isHost(url.hostname.replace(/^\[|\]$/g, ''));
  return plain && url.pathname === '/' && url.search === ''
    ? undefined
    : 'must be an http:// or https:// URL without a path';
}

function tokenKeyProblem(text: string): string | undefined {
  return text.length < 20 ? 'must be at least 20 characters long' : undefined;
}

const instanceName = () =>
  z
    .exactOptional(
      z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, {
        error: 'must be letters, digits, ".", "_" and "-", at most 63',
      }),
    )
    .meta({
      description:
        'Name of this bridge among those that share a queue on PostgreSQL; each needs its own. Default: the name of the machine.',
    });

/**
 * The schema of the configuration file: types, bounds, defaults and the text of its documentation.
 * @param sources where relative paths start and secrets come from
 */
export function configSchema(sources: Sources) {
  return block({
    $schema: z
      .exactOptional(z.string())
      .meta({ description: 'For editors: the path of `config.schema.json`. Not used by the bridge.' }),
    hostname: z.exactOptional(z.string().refine(isHost, { error: 'must be a host name' })).meta({
      title: 'host',
      description:
        'Name in greetings, `Received` lines and the certificate made here. Default: the name of the machine.',
    }),
    instance: instanceName(),
    dataDir: path(sources).prefault('data').meta({
      description:
        'Folder for certificates made here and, with `queue.store: "sqlite"`, for the queue and sign-ins. One bridge at a time.',
    }),
    tokenKey: z.exactOptional(secret(sources, tokenKeyProblem, 'key')).meta({
      description:
        'Key that encrypts the sign-ins, in files or in the store that instances share: 32 bytes in base64 or hex (`openssl rand -base64 32`), or a passphrase of at least 20 characters. Default: the systemd credential `mailbridge-token-key`, otherwise the key that `install-service` made (`/etc/mailbridge/token.key`, for its data folder), otherwise the file `token.key`, made in `dataDir` when first needed. If the key changes, everybody has to sign in again. Instances that share a store need the same key and do not make one.',
    }),
    proxy: z.exactOptional(secret(sources, proxyProblem)).meta({
      description:
        'URL of the HTTP proxy for Entra ID and Graph, `http://[user:password@]host:port`. Default: `HTTPS_PROXY` and `NO_PROXY` of the environment. IMAP, POP3 and SMTP do not use it.',
    }),
    log: logBlock().prefault({}).meta({ description: 'The log, on standard output.' }),
    tls: z.exactOptional(tlsBlock(sources)).meta({
      description:
        'Certificate of the listeners. Left out: the bridge makes its own certificate authority in `dataDir` at the first start, for clients to trust.',
    }),
    workers: workersField(),
    listeners: z.array(listenerBlock(sources)).min(1).meta({ description: 'Ports where clients arrive.' }),
    connections: z
      .record(connectionName(), connectionBlock(sources))
      .refine((record) => Object.keys(record).length > 0, { error: 'must hold at least one connection' })
      .meta({ description: 'App registrations at Microsoft, by a name of your choice.' }),
    accounts: z
      .array(accountBlock(sources))
      .min(1)
      .meta({ description: 'Who may log in, and which mailbox that means.' }),
    queue: queueBlock(sources).prefault({}).meta({ description: 'Accepted mail that is not yet delivered.' }),
    retry: retryBlock().prefault({}).meta({
      description:
        'Quick retries within one delivery attempt. When they are used up, the queue waits and makes further attempts until `queue.expireAfterHours`.',
    }),
    limits: limitsBlock().prefault({}).meta({ description: 'Limits on what is accepted and sent, and how fast.' }),
    admin: z.exactOptional(adminBlock(sources)).meta({
      description:
        'HTTP for health (`/health`, `/healthz`, `/readyz`), metrics (`/metrics`), and the pages and API of administrators. Left out: none.',
    }),
    alerts: alertsBlock(sources).prefault({}).meta({
      description:
        'Whom the bridge alerts when something is wrong, or soon will be. The log has each alert in any case. See `mailbridge help operations`.',
    }),
    shutdown: shutdownBlock().prefault({}).meta({ description: 'How the bridge stops.' }),
  });
}

function workersField() {
  return z
    .union([z.int().min(1).max(64), z.literal('auto')], { error: 'must be "auto" or a whole number from 1 to 64' })
    .default(1)
    .meta({
      description:
        'Processes that serve IMAP and POP3 clients, each on one processor; everything else stays in the main process. `1`: the main process does that too. `auto`: one fewer than there are processors, at most 8. Each takes about 30 MB. See `mailbridge help instances`.',
    });
}

type DeepReadonly<T> = T extends Secret
  ? Secret
  : T extends readonly (infer E)[]
    ? // Keeps the type of a non-empty list.
      T extends readonly [unknown, ...unknown[]]
      ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
      : readonly DeepReadonly<E>[]
    : T extends object
      ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
      : T;

/** The contents allowed in the file. */
export type ConfigInput = z.input<ReturnType<typeof configSchema>>;
/** The configuration in force: checked, with defaults, absolute paths and fetched secrets; frozen. */
export type Config = DeepReadonly<z.output<ReturnType<typeof configSchema>>>;
export type ListenerConfig = Config['listeners'][number];
export type ListenerTlsConfig = NonNullable<ListenerConfig['tls']>;
export type TlsConfig = NonNullable<Config['tls']>;
export type Connection = Config['connections'][string];
export type AccountConfig = Config['accounts'][number];
export type QueueConfig = Config['queue'];
export type RetryConfig = Config['retry'];
export type LimitsConfig = Config['limits'];
export type LogConfig = Config['log'];
export type AdminConfig = NonNullable<Config['admin']>;

/** A connection with one particular grant. */
export type ConnectionOf<G extends Connection['grant']> = Extract<Connection, { grant: G }>;
