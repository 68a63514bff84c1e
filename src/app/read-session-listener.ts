import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { canonicalAddress } from '../accounts/networks.ts';
import { BridgeError, errorText } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type ReadTlsMaterial, TlsWrapper } from './read-session-tls.ts';

/** Bounds of a listener for reading clients. */
export interface ReadListenerLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** From the greeting to a successful login. */
  readonly loginTimeoutMs: number;
  /** Silence of a client that has logged in; at least 30 minutes. */
  readonly idleTimeoutMs: number;
}

export interface ReadListenerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly security: 'none' | 'starttls' | 'tls';
  /** Needed unless `security` is `none`. */
  readonly tls?: ReadTlsMaterial;
  readonly limits: ReadListenerLimits;
  readonly log: Log;
}

/** A client that has connected; with implicit TLS the handshake is done. */
export interface ReadConnection {
  /** Short random name, for logs. */
  readonly id: string;
  readonly socket: Duplex;
  readonly secure: boolean;
  /** Present where STARTTLS is to be offered. */
  readonly startTls?: (socket: Duplex) => Promise<Duplex>;
  /** Canonical, an IPv4-mapped address as IPv4. */
  readonly remoteAddress: string;
  /** The listener closes: end as soon as it can be done in good order. */
  readonly closing: AbortSignal;
}

/** A listening port. */
export interface ReadListener {
  readonly port: number;
  updateTls(material: ReadTlsMaterial): void;
  /** Stops accepting; resolves when every connection has ended or, after `graceMs`, has been cut. */
  close(graceMs: number): Promise<void>;
}

/** A handshake takes no longer than that. */
const handshakeTimeoutMs = 30_000;

/**
 * Listens for reading clients.
 * @param serve serves one connection to its end; never rejects
 * @param refusal the line a client is told why it is not served, with its line end
 * @returns rejects with the system's error when the port cannot be had
 */
export async function listenForReaders(
  options: ReadListenerOptions,
  serve: (connection: ReadConnection) => Promise<void>,
  refusal: (why: string) => string,
): Promise<ReadListener> {
  const doorkeeper = new Doorkeeper(options, serve, refusal);
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) => {
    void doorkeeper.welcome(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, options.host, resolve);
  });
  server.on('error', (error) => options.log.error({ error }, 'a listener failed'));
  return {
    port: (server.address() as AddressInfo).port,
    updateTls: (material) => doorkeeper.updateTls(material),
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await doorkeeper.close(graceMs);
      await closed;
    },
  };
}

/** Counts connections, turns away those too many, and does TLS where it comes first. */
class Doorkeeper {
  readonly #options: ReadListenerOptions;
  readonly #serve: (connection: ReadConnection) => Promise<void>;
  readonly #refusal: (why: string) => string;
  readonly #tls: TlsWrapper | undefined;
  readonly #closing = unlimited(new AbortController());
  readonly #open = new Map<Socket, Promise<void>>();
  readonly #perAddress = new Map<string, number>();

  constructor(
    options: ReadListenerOptions,
    serve: (connection: ReadConnection) => Promise<void>,
    refusal: (why: string) => string,
  ) {
    this.#options = options;
    this.#serve = serve;
    this.#refusal = refusal;
    if (options.security !== 'none' && options.tls === undefined) throw new Error('TLS without a certificate.');
    this.#tls = options.tls && new TlsWrapper(options.tls, handshakeTimeoutMs);
  }

  updateTls(material: ReadTlsMaterial): void {
    this.#tls?.update(material);
  }

  async welcome(socket: Socket): Promise<void> {
    const remoteAddress = canonicalAddress(socket.remoteAddress ?? '') ?? '';
    const { limits, log } = this.#options;
    socket.on('error', () => {});
    const fromThere = this.#perAddress.get(remoteAddress) ?? 0;
    if (this.#open.size >= limits.maxConnections || fromThere >= limits.maxConnectionsPerAddress) {
      const error = new BridgeError('client-connections-exceeded', 'Too many connections are open.', {
        details: { open: this.#open.size, fromThere },
      });
      log.warn({ client: remoteAddress, error }, 'connection refused: too many');
      return this.#turnAway(socket);
    }
    this.#perAddress.set(remoteAddress, fromThere + 1);
    const served = this.#admit(socket, remoteAddress);
    this.#open.set(socket, served);
    await served;
    this.#open.delete(socket);
    const left = (this.#perAddress.get(remoteAddress) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(remoteAddress, left);
    else this.#perAddress.delete(remoteAddress);
  }

  /** Resolves when all have ended, or have been cut after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#closing.abort();
    const timer = setTimeout(() => {
      for (const socket of this.#open.keys()) socket.destroy();
    }, graceMs);
    await Promise.all(this.#open.values());
    clearTimeout(timer);
  }

  async #admit(socket: Socket, remoteAddress: string): Promise<void> {
    const { security, log } = this.#options;
    const id = randomBytes(6).toString('base64url');
    const tls = this.#tls;
    const common = { id, remoteAddress, closing: this.#closing.signal };
    const startTls = tls && ((plain: Duplex) => tls.secure(plain as Socket));
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    try {
      if (security === 'tls' && tls !== undefined) {
        await this.#serve({ ...common, socket: await tls.secure(socket), secure: true });
      } else {
        const offered = security === 'starttls' && startTls !== undefined;
        await this.#serve({ ...common, socket, secure: false, ...(offered && { startTls }) });
      }
    } catch (error) {
      log.debug({ client: remoteAddress, reason: errorText(error) }, 'TLS handshake failed');
      socket.destroy();
    }
    // The last words may still be on their way.
    await closed;
  }

  #turnAway(socket: Socket): void {
    if (this.#options.security === 'tls') {
      socket.destroy();
      return;
    }
    socket.end(this.#refusal('Too many connections, try again later.'));
    socket.resume();
    setTimeout(() => socket.destroy(), 1_000).unref();
  }
}

/** Every connection listens to it: that is no leak. */
function unlimited(controller: AbortController): AbortController {
  setMaxListeners(0, controller.signal);
  return controller;
}
