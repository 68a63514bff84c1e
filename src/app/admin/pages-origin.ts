import { hostname as machineName } from 'node:os';
import { isEveryAddress } from '../../base/sockets/listening-host.ts';
import type { AdminConfig, Config } from '../../config/schema.ts';

/** Where people reach the pages, as far as the configuration says: only scheme, host and port. */
export function pagesOrigin(
  { publicUrl, host, port, security }: AdminConfig,
  { hostname = machineName() }: Pick<Config, 'hostname'>,
): string {
  if (publicUrl !== undefined) return publicUrl;
  const name = isEveryAddress(host) ? hostname : host;
  return `${security === 'tls' ? 'https' : 'http'}://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
