import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { BridgeError, errorText } from '../base/errors.ts';

/** Where a PostgreSQL server is. */
export interface PostgresHost {
  /** A name or an address; a path that begins with a slash is the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
}

/** How the TLS session with the server is verified; where it is undefined, TLS is not used. */
export interface PostgresTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** False: the certificate is verified, but not its name (`sslmode=verify-ca`). */
  readonly checksName: boolean;
}

/** A parsed connection URL. */
export interface PostgresAddress {
  /** Tried in this order; the first that is not a standby is used. */
  readonly hosts: readonly PostgresHost[];
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly applicationName: string;
  readonly tls: PostgresTls | undefined;
}

const understood = [
  ...['sslmode', 'sslrootcert', 'sslcert', 'sslkey'],
  ...['application_name', 'host', 'port', 'target_session_attrs'],
];

/**
 * Parses `postgres://USER:PASSWORD@HOST[:PORT][,HOST[:PORT]…]/DATABASE[?PARAMETERS]` like libpq, except that TLS is
 * required and the certificate is verified with its name, unless the server is on this machine.
 * @param caFile PEM; default: `sslrootcert`, else the authorities that Node.js knows
 * @throws BridgeError `queue-store-refused` if something is not understood; it never names the password
 */
export function postgresAddress(url: string, caFile?: string): PostgresAddress {
  const parts = /^postgres(?:ql)?:\/\/(?:([^@/?]*)@)?([^/?@]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(url);
  if (!parts) throw wrong('is not postgres://USER:PASSWORD@HOST:PORT/DATABASE');
  const [, login = '', hostList = '', database = '', query = ''] = parts;
  const parameters = parametersOf(query);
  const [user, password] = loginOf(login);
  const hosts = hostsOf(parameters.get('host') ?? decoded(hostList), parameters.get('port'));
  return {
    hosts,
    user,
    password,
    database: decoded(database) || user,
    applicationName: parameters.get('application_name') ?? 'mailbridge',
    tls: tlsOf(parameters, hosts, caFile),
  };
}

function parametersOf(query: string): URLSearchParams {
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) {
    if (!understood.includes(name))
      throw wrong(`has the parameter ${name}, which is not one of ${understood.join(', ')}`);
  }
  const session = parameters.get('target_session_attrs') ?? 'read-write';
  if (session !== 'read-write' && session !== 'primary') {
    throw wrong(`has target_session_attrs=${session}; the queue needs read-write`);
  }
  return parameters;
}

function loginOf(login: string): [user: string, password: string] {
  const colon = login.indexOf(':');
  const user = decoded(colon < 0 ? login : login.slice(0, colon));
  if (user === '') throw wrong('names no user');
  return [user, colon < 0 ? '' : decoded(login.slice(colon + 1))];
}

function hostsOf(list: string, ports: string | null): PostgresHost[] {
  const shared = ports?.split(',') ?? [];
  return list.split(',').map((each, i) => {
    const [, host = '', port] = /^(\[[^\]]+\]|[^:]*)(?::(\d+))?$/.exec(each) ?? [];
    if (each !== '' && host === '') throw wrong(`names the host ${each}, which is not one`);
    const number = Number(port ?? shared[i] ?? shared[0] ?? 5432);
    if (!(number > 0 && number < 65_536)) throw wrong(`names the port ${port ?? ports}`);
    return { host: host.replace(/^\[|\]$/g, '') || 'localhost', port: number };
  });
}

function tlsOf(parameters: URLSearchParams, hosts: readonly PostgresHost[], caFile?: string): PostgresTls | undefined {
  const mode =
    parameters.get('sslmode') ?? (hosts.every(({ host }) => isLocal(host)) && !caFile ? 'disable' : 'verify-full');
  if (mode === 'disable') return undefined;
  // For libpq "require" verifies nothing; anything stronger satisfies it as well.
  if (!['require', 'verify-ca', 'verify-full'].includes(mode)) {
    throw wrong(`has sslmode=${mode}; use verify-full, verify-ca, require (checked like verify-full) or disable`);
  }
  const file = (path: string | null | undefined) => (path ? pem(path) : undefined);
  const rootCert = parameters.get('sslrootcert');
  const ca = file(caFile ?? (rootCert === 'system' ? undefined : rootCert));
  const [cert, key] = [file(parameters.get('sslcert')), file(parameters.get('sslkey'))];
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }), checksName: mode !== 'verify-ca' };
}

function pem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new BridgeError('tls-material-unreadable', `${path} cannot be read (${errorText(cause)}).`, { cause });
  }
}

function isLocal(host: string): boolean {
  return (
    host.startsWith('/') || host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('has a % that does not begin an escape; write %25 for the sign itself');
  }
}

function wrong(what: string): BridgeError {
  return new BridgeError('queue-store-refused', `queue.postgres.url ${what}.`);
}
