/**
 * The content of a PROXY header. The specification, versions 1 and 2:
 * https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
 */
export interface ProxyHeader {
  /** Length of the header in bytes; the client's own data follows it. */
  readonly bytes: number;
  /**
   * The client's address, canonical; undefined if the balancer connects on its own behalf, as for health checks, or
   * knows no IP address of the client.
   */
  readonly client: string | undefined;
}

/**
 * The data received is not a PROXY header, or none came. The text continues "The balancer sent no valid PROXY header:".
 */
export class ProxyHeaderError extends Error {
  override readonly name = 'ProxyHeaderError';
}

/** Tells whether the data received so far can be the beginning of something. */
export function canBegin(what: Buffer, received: Buffer): boolean {
  const length = Math.min(what.length, received.length);
  return what.compare(received, 0, length, 0, length) === 0;
}
