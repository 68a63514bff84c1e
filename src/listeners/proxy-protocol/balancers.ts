import type { Socket } from 'node:net';
import { NetworkTable } from '../../accounts/networks.ts';
import { isLoopback } from '../../base/sockets/loopback.ts';
import { ProxyHeaderError } from './proxy-header.ts';
import { receiveProxyHeader } from './receive-header.ts';
import { localHeader } from './version-2.ts';

/**
 * The networks whose connections begin with a PROXY header. A header is not accepted from anyone else, who could claim
 * anything.
 */
export interface ProxyProtocol {
  readonly from: readonly string[];
}

/** The specification asks for at least three seconds, enough for a lost packet. */
const headerTimeoutMs = 5_000;

/**
 * The balancers in front of a listener: reads from their PROXY headers which clients they forward. Connections whose
 * header has not arrived have a separate limit, so that silent ones take no client's place.
 */
export class Balancers {
  readonly #networks: NetworkTable<true>;
  readonly #maxWaiting: number;
  readonly #waiting = new Set<Socket>();

  /** @param maxWaiting headers awaited at a time; one more replaces the oldest */
  constructor({ from }: ProxyProtocol, maxWaiting: number) {
    this.#networks = tableOf(from);
    this.#maxWaiting = maxWaiting;
  }

  /** Tells whether a connection from this address begins with a header. */
  has(address: string): boolean {
    return this.#networks.find(address) === true;
  }

  /**
   * Waits for the header of a balancer's connection.
   * @param peer the balancer's address
   * @returns the address that the connection counts as; undefined if it ended without any data
   * @throws ProxyHeaderError the socket is then closed
   */
  async clientOf(socket: Socket, peer: string, loginTimeoutMs: number): Promise<string | undefined> {
    this.#makeRoom();
    this.#waiting.add(socket);
    try {
      const header = await receiveProxyHeader(socket, Math.min(headerTimeoutMs, loginTimeoutMs));
      return header && countsAs(header.client, peer);
    } finally {
      this.#waiting.delete(socket);
    }
  }

  /** Ends the connections whose header has not arrived. */
  abandon(): void {
    for (const socket of this.#waiting) socket.destroy();
  }

  #makeRoom(): void {
    const [oldest] = this.#waiting;
    if (oldest === undefined || this.#waiting.size < this.#maxWaiting) return;
    this.#waiting.delete(oldest);
    oldest.destroy(new ProxyHeaderError('too many connections waited for theirs'));
  }
}

/** 127.0.0.1 in another machine's header means that machine, so it is not trusted on this one. */
function countsAs(client: string | undefined, peer: string): string {
  return client === undefined || (isLoopback(client) && !isLoopback(peer)) ? peer : client;
}

/** Tells a listener on this machine that the connection is our own, if it considers us a balancer. */
export function sendLocalHeader(socket: Socket, proxyProtocol: ProxyProtocol | undefined): void {
  if (tableOf(proxyProtocol?.from ?? []).find(socket.localAddress ?? '')) socket.write(localHeader);
}

function tableOf(networks: readonly string[]): NetworkTable<true> {
  const table = new NetworkTable<true>();
  for (const network of networks) table.add(network, true);
  return table;
}
