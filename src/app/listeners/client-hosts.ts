import { hostname as machineName, networkInterfaces } from 'node:os';
import { isEveryAddress } from '../../base/sockets/listening-host.ts';
import { isLoopback } from '../../base/sockets/loopback.ts';
import type { Config, ListenerConfig } from '../../config/schema.ts';
import { ownAddresses } from '../../onboarding/own-addresses.ts';

/** The parts of a configuration that name the bridge for programs. */
export type NamingConfig = Pick<Config, 'hostname'> & {
  readonly admin?: Pick<NonNullable<Config['admin']>, 'connect' | 'publicUrl'> | undefined;
};

/**
 * The names by which programs reach a listener, best first: `admin.connect.host`, else the host of `admin.publicUrl`,
 * else `hostname`, else the name of the machine; then the addresses that it listens on. A listener for this machine
 * only has a name only if the configuration has `admin.connect`: people come from elsewhere, and something in front
 * leads them there.
 * @param host that the listener is bound to
 */
export function clientHosts(host: string, naming: NamingConfig): readonly [string, ...string[]] {
  const configured = configuredHost(naming);
  if (isLoopback(host)) return naming.admin?.connect && configured !== undefined ? [configured, host] : [host];
  const name = configured ?? machineName();
  const addresses = isEveryAddress(host) ? ownAddresses(name, networkInterfaces()) : [host];
  return [name, ...addresses.filter((each) => each !== name)];
}

/** The name given to programs; undefined if the configuration has none. */
export function configuredHost({ admin, hostname }: NamingConfig): string | undefined {
  const publicHost = admin?.publicUrl === undefined ? undefined : hostOf(admin.publicUrl);
  return admin?.connect?.host ?? publicHost ?? hostname;
}

/** Only URLs have IPv6 addresses in brackets. */
function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '');
}

const bySecurity = { tls: 2, starttls: 1, none: 0 } as const;

/** The listener of a protocol that others reach, preferably with TLS from the first byte. */
export function bestListener<T extends Pick<ListenerConfig, 'protocol' | 'host' | 'security'>>(
  listeners: readonly T[],
  protocol: ListenerConfig['protocol'],
): T | undefined {
  const rank = ({ host, security }: T) => (isLoopback(host) ? 0 : 10) + bySecurity[security];
  return listeners.filter((each) => each.protocol === protocol).toSorted((a, b) => rank(b) - rank(a))[0];
}
