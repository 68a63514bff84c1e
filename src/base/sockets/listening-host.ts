/** Tells whether a listener on this host accepts connections to any address of the machine: `0.0.0.0`, `::`. */
export function isEveryAddress(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** Returns the address at which this machine itself reaches a listener. @param host that it listens on */
export function connectableHost(host: string): string {
  return isEveryAddress(host) ? '127.0.0.1' : host;
}
