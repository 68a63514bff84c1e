import type { NetworkInterfaceInfo } from 'node:os';

/** Networks of virtual machines and containers on this machine, which contain no devices. */
const virtual = /^(?:docker|br-|veth|virbr|vmnet|vEthernet|cni|lxc)/;

/**
 * What can be typed into a device to reach this machine: its name, then its addresses in the networks around it. IPv6
 * only if there is no IPv4, because few old devices accept it.
 * @param interfaces as returned by `os.networkInterfaces`
 */
export function ownAddresses(
  hostname: string,
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
): string[] {
  const all = Object.entries(interfaces)
    .filter(([name]) => !virtual.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    // Link-local addresses only make sense with the name of an interface.
    .filter(({ internal, address }) => !internal && !/^fe80:|^169\.254\./i.test(address));
  const ipv4 = all.filter(({ family }) => family === 'IPv4');
  return [hostname, ...(ipv4.length > 0 ? ipv4 : all).map(({ address }) => address)];
}

/** The command that lets devices through this machine's firewall, for the two programs that Linux systems ship with. */
export function firewallLine(ports: readonly number[]): string {
  const firewalld = ports.map((port) => `--add-port=${port}/tcp`).join(' ');
  return `sudo ufw allow ${ports.join(',')}/tcp (ufw), or sudo firewall-cmd --permanent ${firewalld} && sudo firewall-cmd --reload (firewalld)`;
}
