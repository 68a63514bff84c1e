import type { Socket } from 'node:net';
import { NetworkTable } from '../../accounts/networks.ts';
import { isLoopback } from '../../base/sockets/loopback.ts';
import { ProxyHeaderError } from './proxy-header.ts';
import { receiveProxyHeader } from './receive-header.ts';
import { localHeader } from './version-2.ts';

/** The networks whose connections begin with a PROXY header. Nobody else's do: they could say what they like. */
export interface ProxyProtocol {
  readonly from: readonly string[];
}

/** The specification asks for three seconds at least, the time of a packet that is lost. */
const headerTimeoutMs = 5_000;

/**
 * The balancers before a listener: tells by their PROXY headers whose connections they are. Those whose header has not
 * come yet are bounded by themselves: silent ones take the place of no client.
 */
export class Balancers {
  readonly #networks: NetworkTable<true>;
  readonly #maxWaiting: number;
  readonly #waiting = new Set<Socket>();

  /** @param maxWaiting headers that are waited for at a time; one more takes the place of the oldest */
  constructor({ from }: ProxyProtocol, maxWaiting: number) {
    this.#networks = tableOf(from);
    this.#maxWaiting = maxWaiting;
  }

  /** Whether a connection from this address begins with a header. */
  has(address: string): boolean {
    return this.#networks.find(address) === true;
  }

  /**
   * Waits for the header of a balancer's connection.
   * @param peer the balancer's address
   * @returns the address that the connection counts as; undefined where it ended without a word
   * @throws ProxyHeaderError the socket is closed then
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

  /** Ends the connections whose header has not come. */
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

/** 127.0.0.1 in the header of another machine means that machine, and nothing that is trusted on this one. */
function countsAs(client: string | undefined, peer: string): string {
  return client === undefined || (isLoopback(client) && !isLoopback(peer)) ? peer : client;
}

/** Says to a listener of this machine that we connect on our own account, where it takes us for a balancer. */
export function sendLocalHeader(socket: Socket, proxyProtocol: ProxyProtocol | undefined): void {
  if (tableOf(proxyProtocol?.from ?? []).find(socket.localAddress ?? '')) socket.write(localHeader);
}

function tableOf(networks: readonly string[]): NetworkTable<true> {
  const table = new NetworkTable<true>();
  for (const network of networks) table.add(network, true);
  return table;
}
