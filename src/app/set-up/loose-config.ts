import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { BridgeError } from '../../base/errors.ts';
import { customCloud } from '../../config/blocks/connections.ts';
import {
  type CloudEndpoints,
  type CloudName,
  type CustomCloud,
  cloudNames,
  resolveCloud,
} from '../../config/clouds.ts';
import { isAddress, isDomainPattern, mailbox, type Sources, sender } from '../../config/fields.ts';
import { parseJson } from '../../config/json.ts';
import { loadConfig } from '../../config/load.ts';
import { type Environment, fetchSecret, type SecretSource } from '../../config/secrets.ts';
import { courierOrderOf } from '../../message/courier-kind.ts';
import type { ScriptAccount } from '../../onboarding/exchange-script/input.ts';
import { dataDirFor } from '../../onboarding/init-config.ts';

type Raw = Readonly<Record<string, unknown>>;

/** The content of a configuration so far: it need not be valid yet, or exist at all. */
export interface LooseConfig {
  readonly path: string;
  readonly exists: boolean;
  /** Absolute; relative paths start here. */
  readonly folder: string;
  /** Absolute. */
  readonly dataDir: string;
  readonly proxy: string | undefined;
  readonly connections: Readonly<Record<string, Raw>>;
  /** Of all accounts, in order; empty for one without. */
  readonly usernames: readonly string[];
  readonly listeners: readonly { readonly protocol: string }[];
  /** Accounts of a connection, once for each mailbox that they name; `*@domain` for those they do not. */
  accountsOf(connection: string): readonly ScriptAccount[];
  /** @throws BridgeError `config-invalid` if the connection's cloud is invalid */
  endpointsOf(connection: string): CloudEndpoints;
  /** A secret that the file contains or refers to; undefined if it is not available. */
  secret(source: unknown): string | undefined;
  /** A path in the file, made absolute. */
  pathOf(path: string): string;
}

/**
 * Reads a configuration that is not complete yet: the connection about to be made is missing from it.
 * @throws BridgeError `config-not-json`, `config-not-found` for a file that exists and cannot be read
 */
export async function readLooseConfig(path: string, env: Environment): Promise<LooseConfig> {
  const raw = await rawConfig(path, env);
  const folder = dirname(resolve(path));
  const pathOf = (relative: string) => resolve(folder, relative);
  const secret = (source: unknown) => {
    const found = isSource(source) ? fetchSecret(source, env, pathOf) : undefined;
    return found && 'secret' in found ? found.secret : undefined;
  };
  const connections = object(raw?.connections) as Record<string, Raw>;
  return {
    path,
    exists: raw !== undefined,
    folder,
    dataDir: pathOf(typeof raw?.dataDir === 'string' ? raw.dataDir : raw ? 'data' : dataDirFor(path)),
    proxy: secret(raw?.proxy),
    connections,
    usernames: list(raw?.accounts).map((account) => String(object(account).username ?? '')),
    listeners: list(raw?.listeners).map((listener) => ({ protocol: String(object(listener).protocol) })),
    accountsOf: (name) => list(raw?.accounts).flatMap((account) => scriptAccounts(object(account), name)),
    endpointsOf: (name) => {
      const { cloud, tenantId } = object(connections[name]);
      return resolveCloud(cloudOf(cloud, name, pathOf), tenantId);
    },
    secret,
    pathOf,
  };
}

/** The parsed file, valid or not; undefined if there is none. */
async function rawConfig(path: string, env: Environment): Promise<Raw | undefined> {
  try {
    await loadConfig(path, { env, secrets: [] });
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    if (error.code === 'config-not-found' && / does not exist/.test(error.message)) return undefined;
    if (error.code !== 'config-invalid' && error.code !== 'secret-unavailable') throw error;
  }
  return object(parseJson(readFileSync(path, 'utf8')).value);
}

function cloudOf(value: unknown, connection: string, path: Sources['path']): CloudName | CustomCloud {
  if (value === undefined) return 'global';
  const named = cloudNames.find((name) => name === value);
  if (named) return named;
  const read = customCloud({ path, secret: () => ({ problem: 'no secret belongs here' }) }).safeParse(value);
  if (read.success) return read.data;
  throw new BridgeError('config-invalid', `connections.${connection}.cloud is not a cloud.`, {
    remedy: 'Run mailbridge config check, which lists what is wrong with it.',
  });
}

/**
 * An account once for each of its mailboxes, patterns included. Any mailbox chosen for a message sends as the other
 * addresses, too; aliases belong to the default one, the first.
 */
function scriptAccounts(account: Raw, connection: string): ScriptAccount[] {
  if (account.connection !== connection) return [];
  const valid = (values: readonly unknown[]) =>
    values.filter((value) => typeof value === 'string').filter((text) => isAddress(text) || isDomainPattern(text));
  const fixed = valid([account.mailbox]);
  const everybody = fixed.length > 0 ? [] : valid([account.username]).filter(isDomainPattern);
  const mailboxes = [...new Set([...fixed, ...everybody, ...valid(list(account.mailboxes))])];
  const send = courierOrderOf(account.send);
  const read = (['imap', 'pop3', 'graph'] as const).find((read) => read === account.read);
  const isFixed = account.mailboxFrom === 'fixed';
  const sentAs =
    account.senders === undefined && isFixed
      ? mailboxes
      : list(account.senders).flatMap((entry) => sender().safeParse(entry).data ?? []);
  const addressOf = (entry: (typeof sentAs)[number]) => (typeof entry === 'string' ? entry : entry.address);
  const isAlias = (entry: (typeof sentAs)[number]) => typeof entry !== 'string' && entry.as === 'alias';
  // A separate mailbox sends as itself, and nobody sends as it.
  const senders = isFixed ? sentAs : sentAs.filter((entry) => !mailboxes.includes(addressOf(entry)));
  const forced = mailbox().safeParse(account.forceFrom).data;
  const sentItems = account.sentItems === 'remove' && { sentItems: 'remove' as const };
  return mailboxes.map((mailbox, index) => {
    const forceFrom = account.forceFrom === true ? mailbox : forced;
    return {
      mailbox,
      senders: index === 0 ? senders : isFixed ? [] : senders.filter((entry) => !isAlias(entry)),
      ...(forceFrom && { forceFrom }),
      ...(send && { send }),
      ...(read && { read }),
      ...sentItems,
    };
  });
}

function isSource(value: unknown): value is SecretSource {
  if (typeof value === 'string') return true;
  const { env, file } = object(value);
  return typeof env === 'string' || typeof file === 'string';
}

function object(value: unknown): Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Raw) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
