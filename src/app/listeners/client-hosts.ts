import { hostname as machineName, networkInterfaces } from 'node:os';
import { isEveryAddress } from '../../base/sockets/listening-host.ts';
import { isLoopback } from '../../base/sockets/loopback.ts';
import type { Config, ListenerConfig } from '../../config/schema.ts';
import { ownAddresses } from '../../onboarding/own-addresses.ts';

/** What of a configuration names the bridge for programs. */
export type NamingConfig = Pick<Config, 'hostname'> & {
  readonly admin?: Pick<NonNullable<Config['admin']>, 'connect' | 'publicUrl'> | undefined;
};

/**
 * By what programs reach a listener, the best first: `admin.connect.host`, else the host of `admin.publicUrl`, else
 * `hostname`, else the name of the machine; then the addresses that it listens on. A listener of this machine alone has a
 * name only where the configuration has `admin.connect`: people come from elsewhere, and something in front leads them there.
 * @param host that the listener is bound to
 */
export function clientHosts(host: string, naming: NamingConfig): readonly [string, ...string[]] {
  const configured = configuredHost(naming);
  if (isLoopback(host)) return naming.admin?.connect && configured !== undefined ? [configured, host] : [host];
  const name = configured ?? machineName();
  const addresses = isEveryAddress(host) ? ownAddresses(name, networkInterfaces()) : [host];
  return [name, ...addresses.filter((each) => each !== name)];
}

/** The name that programs are told; undefined where the configuration has none. */
export function configuredHost({ admin, hostname }: NamingConfig): string | undefined {
  const publicHost = admin?.publicUrl === undefined ? undefined : hostOf(admin.publicUrl);
  return admin?.connect?.host ?? publicHost ?? hostname;
}

/** IPv6 addresses stand in brackets in a URL alone. */
function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '');
}

const bySecurity = { tls: 2, starttls: 1, none: 0 } as const;

/** Of one protocol the listener that others reach, with TLS from the first byte where there is one. */
export function bestListener<T extends Pick<ListenerConfig, 'protocol' | 'host' | 'security'>>(
  listeners: readonly T[],
  protocol: ListenerConfig['protocol'],
): T | undefined {
  const rank = ({ host, security }: T) => (isLoopback(host) ? 0 : 10) + bySecurity[security];
  return listeners.filter((each) => each.protocol === protocol).toSorted((a, b) => rank(b) - rank(a))[0];
}
