import { createServer } from 'node:net';

/** Ports above 1024, which need no privileges, with the digits of the standard ones. */
export const usualPorts = { smtp: 2525, imap: 1143, pop3: 1110 } as const;
/** For the admin pages. */
export const usualAdminPort = 8025;
const furthest = 50;

/** For each protocol the usual port, or the next one that is free on this machine. */
export async function freePorts(
  host: string,
  protocols: readonly (keyof typeof usualPorts)[],
): Promise<Record<keyof typeof usualPorts, number>> {
  const ports: Record<keyof typeof usualPorts, number> = { ...usualPorts };
  for (const protocol of protocols) ports[protocol] = await freeFrom(usualPorts[protocol], host);
  return ports;
}

/** The usual port of the admin pages, or the next one that is free on this machine. */
export function freeAdminPort(host: string): Promise<number> {
  return freeFrom(usualAdminPort, host);
}

async function freeFrom(first: number, host: string): Promise<number> {
  for (let port = first; port < first + furthest; port++) if (await isFree(port, host)) return port;
  return first;
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}
