import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { NetworkTable } from '../../accounts/networks.ts';
import { BridgeError } from '../../base/errors.ts';
import { connectableHost, isEveryAddress } from '../../base/sockets/listening-host.ts';
import { isLoopback } from '../../base/sockets/loopback.ts';
import { systemConfig } from '../../base/system/system-paths.ts';
import { parseJson } from '../../config/json.ts';
import { loadConfig } from '../../config/load.ts';
import type { AccountConfig, Config, ListenerConfig } from '../../config/schema.ts';
import { type Environment, fetchSecret, type SecretSource } from '../../config/secrets.ts';
import type { ProxyProtocol } from '../../listeners/proxy-protocol/balancers.ts';
import { isPattern } from '../../message/address/pattern.ts';
import type { SendmailArguments } from './arguments.ts';
import { exitCodes, SendmailError } from './exit.ts';

/** Where to submit a message, and as whom. */
export interface SendmailServer {
  readonly host: string;
  readonly port: number;
  /** TLS from the first octet. */
  readonly tls: boolean;
  /** Load balancers in front of it; this machine may be one. */
  readonly proxyProtocol?: ProxyProtocol | undefined;
  /** Left out if the bridge knows the account by its network. */
  readonly login?: { readonly username: string; readonly password: string };
  /** The reverse-path if the caller gives no complete one; empty if none is known. */
  readonly sender: string;
}

/** The parts of a command line that say where to submit. */
type ServerArguments = Pick<SendmailArguments, 'account' | 'config' | 'server' | 'defaultSender'>;

/** The configuration of a call: it is not looked for in the caller's working folder. */
export function sendmailConfigPath({ config }: ServerArguments, env: Environment): string {
  return config ?? (env.MAILBRIDGE_CONFIG || systemConfig);
}

/**
 * Finds the SMTP listener of the bridge on this machine.
 * @throws SendmailError EX_CONFIG, EX_USAGE
 */
export async function findServer(args: ServerArguments, env: Environment): Promise<SendmailServer> {
  if (args.server !== undefined) return { ...readServer(args.server), tls: false, sender: args.defaultSender ?? '' };
  const path = sendmailConfigPath(args, env);
  const { config } = await loadConfig(path, { env, secrets: [] }).catch((error: unknown) => {
    throw error instanceof BridgeError
      ? new SendmailError(exitCodes.config, `${error.message} Or name the listener: --server HOST:PORT.`, {
          cause: error,
        })
      : error;
  });
  const listener = reachableListener(config.listeners);
  const host = addressOf(listener);
  const { account, password } = chooseAccount(config, host, args.account, passwordsOf(path, env));
  return {
    host,
    port: listener.port,
    tls: listener.security === 'tls',
    proxyProtocol: listener.proxyProtocol,
    ...(password === undefined ? {} : { login: { username: account.username, password } }),
    sender: args.defaultSender ?? account.mailbox ?? '',
  };
}

function readServer(text: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\s\p{Cc}]+)\]|([^:\s\p{Cc}]+)):(\d{1,5})$/u.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw new SendmailError(exitCodes.usage, `--server needs HOST:PORT, not "${text}"`);
  return { host, port: Number(port) };
}

function reachableListener(listeners: Config['listeners']): ListenerConfig {
  const smtp = listeners.filter(({ protocol, port }) => protocol === 'smtp' && port !== 0);
  const listener = smtp.find(({ host }) => isThisMachine(host)) ?? smtp[0];
  if (listener) return listener;
  throw new SendmailError(exitCodes.config, 'the configuration has no SMTP listener with a port');
}

function isThisMachine(host: string): boolean {
  return isLoopback(host) || isEveryAddress(host);
}

/** A connection within the machine comes from the address that it goes to. */
function addressOf({ host }: ListenerConfig): string {
  return host === 'localhost' ? '127.0.0.1' : connectableHost(host);
}

type PasswordOf = (account: AccountConfig) => string | undefined;

/** An account, and the password if the bridge does not know it by its network. */
interface ChosenAccount {
  readonly account: AccountConfig;
  readonly password?: string;
}

function chooseAccount(
  config: Config,
  host: string,
  wanted: string | undefined,
  passwordOf: PasswordOf,
): ChosenAccount {
  const table = new NetworkTable<AccountConfig>();
  for (const account of config.accounts) for (const network of account.networks ?? []) table.add(network, account);
  const known = table.find(host);
  // For an account for many it is unknown which person it would be.
  const single = config.accounts.filter(({ username }) => !isPattern(username));
  const named = single.find(({ username }) => username.toLowerCase() === wanted?.toLowerCase());
  if (wanted !== undefined && !named) {
    throw new SendmailError(exitCodes.config, `the configuration has no account "${wanted}"`);
  }
  if (known && (!named || named === known)) return { account: known };
  const candidates = (named ? [named] : single.filter(({ send }) => send !== undefined)).flatMap((account) => {
    const password = passwordOf(account);
    return password === undefined ? [] : [{ account, password }];
  });
  const [only] = candidates;
  if (only && candidates.length === 1) return only;
  const which = named ? `account ${named.username}` : candidates.length > 1 ? 'one of the accounts' : 'no account';
  throw new SendmailError(
    exitCodes.config,
    candidates.length > 1
      ? 'several accounts match: name one with --account, or give one of them "networks": ["127.0.0.1"]'
      : `${which} can be used without its password: give it "networks": ["${host}"]`,
  );
}

/** Passwords in the file or where it refers to; a hash is no use. */
function passwordsOf(path: string, env: Environment): PasswordOf {
  const folder = dirname(resolve(path));
  const { accounts = [] } = parseJson(readFileSync(path, 'utf8')).value as {
    readonly accounts?: readonly { readonly username?: string; readonly password?: SecretSource }[];
  };
  return ({ username }) => {
    const source = accounts.find((account) => account.username === username)?.password;
    const found = source === undefined ? undefined : fetchSecret(source, env, (file) => resolve(folder, file));
    return found && 'secret' in found && !found.secret.startsWith('$scrypt$') ? found.secret : undefined;
  };
}
