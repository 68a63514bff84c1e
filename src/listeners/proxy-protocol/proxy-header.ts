/**
 * What a PROXY header says of a connection. The specification, versions 1 and 2:
 * https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
 */
export interface ProxyHeader {
  /** Its length in bytes; the client's own octets begin behind it. */
  readonly bytes: number;
  /**
   * The client's address, canonical; undefined where the balancer connects on its own account, as its health checks do, or
   * does not know an IP address of the client.
   */
  readonly client: string | undefined;
}

/** What came is no PROXY header, or none came. The text goes on from "The balancer sent no valid PROXY header:". */
export class ProxyHeaderError extends Error {
  override readonly name = 'ProxyHeaderError';
}

/** Whether what came so far can be the beginning of something. */
export function canBegin(what: Buffer, received: Buffer): boolean {
  const length = Math.min(what.length, received.length);
  return what.compare(received, 0, length, 0, length) === 0;
}
