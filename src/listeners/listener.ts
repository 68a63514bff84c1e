import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { canonicalAddress, sourceNetwork } from '../accounts/networks.ts';
import { BridgeError, errorText } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { logRepeated } from '../base/repeated-lines.ts';
import { endGently } from '../base/sockets/linger.ts';
import { ConnectionCounts, type ConnectionLimits } from './connection-counts.ts';
import { Handshakes, type TlsMaterial } from './handshakes.ts';

/** Bounds of a listener. */
export interface ListenerLimits extends ConnectionLimits {
  /** From the moment a client is accepted to its successful login, the TLS handshake included. */
  readonly loginTimeoutMs: number;
}

export interface ListenerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly security: 'none' | 'starttls' | 'tls';
  /** Needed unless `security` is `none`. */
  readonly tls?: TlsMaterial;
  readonly limits: ListenerLimits;
  readonly log: Log;
}

/** A client that has been accepted; with implicit TLS the handshake is done. */
export interface Client {
  /** Short random name, for logs. */
  readonly id: string;
  readonly socket: Socket;
  readonly secure: boolean;
  /** Present where STARTTLS is to be offered. Does the handshake; the socket is closed where it fails. */
  readonly startTls?: (socket: Duplex) => Promise<Socket>;
  /** Canonical, an IPv4-mapped address as IPv4. */
  readonly remoteAddress: string;
  /** The listener closes: end as soon as it can be done in good order. */
  readonly closing: AbortSignal;
  /** From the moment it was accepted to its login. */
  readonly loginTimeoutMs: number;
  /** Milliseconds that are left of it. */
  loginMsLeft(): number;
}

/** What becomes of clients in a protocol. */
export interface ListenerProtocol {
  readonly name: 'smtp' | 'imap' | 'pop3';
  /** The last line of a client that is rejected because there are too many, with its line end. */
  rejection(limit: 'total' | 'address'): string;
  /** Serves one client to its end, or goes on doing so; never rejects. */
  serve(client: Client): Promise<void>;
}

/** A listening port. */
export interface Listener {
  readonly port: number;
  updateTls(material: TlsMaterial): void;
  /** Stops accepting; resolves when every connection has ended or, after `graceMs`, has been cut. */
  close(graceMs: number): Promise<void>;
}

/** A handshake takes no longer than that, and no longer than is left for the login. */
const handshakeTimeoutMs = 30_000;

/** Rejected clients whose last line is on its way; further ones are cut without it. */
const maxRejected = 100;

/** Listens for the clients of a protocol. Rejects with the system's error when the port cannot be had. */
export async function listen(options: ListenerOptions, protocol: ListenerProtocol): Promise<Listener> {
  const door = new Door(options, protocol);
  // Nothing is read of a client before somebody wants it.
  const server = createServer(
    { allowHalfOpen: true, noDelay: true, keepAlive: true, pauseOnConnect: true },
    (socket) => {
      void door.accept(socket);
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, options.host, resolve);
  });
  server.on('error', (error) => options.log.error({ error, protocol: protocol.name }, 'a listener failed'));
  return {
    port: (server.address() as AddressInfo).port,
    updateTls: (material) => door.updateTls(material),
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await door.close(graceMs);
      await closed;
    },
  };
}

/** Counts clients, rejects those too many, and does TLS. */
class Door {
  readonly #options: ListenerOptions;
  readonly #protocol: ListenerProtocol;
  readonly #handshakes: Handshakes | undefined;
  readonly #counts: ConnectionCounts;
  readonly #closing = unlimited(new AbortController());
  readonly #open = new Map<Socket, Promise<void>>();
  readonly #rejected = new Set<Socket>();

  constructor(options: ListenerOptions, protocol: ListenerProtocol) {
    this.#options = options;
    this.#protocol = protocol;
    this.#counts = new ConnectionCounts(options.limits);
    if (options.security !== 'none' && options.tls === undefined) throw new Error('TLS without a certificate.');
    this.#handshakes = options.tls && new Handshakes(options.tls);
  }

  updateTls(material: TlsMaterial): void {
    this.#handshakes?.update(material);
  }

  async accept(socket: Socket): Promise<void> {
    socket.on('error', () => {});
    const remoteAddress = canonicalAddress(socket.remoteAddress ?? '');
    // Whoever left before we looked has no address any more.
    if (remoteAddress === undefined || this.#closing.signal.aborted) {
      socket.destroy();
      return;
    }
    const source = sourceNetwork(remoteAddress);
    const limit = this.#counts.exceeded(source);
    if (limit !== undefined) {
      this.#reject(socket, remoteAddress, limit);
      return;
    }
    const remove = this.#counts.add(source);
    const served = this.#serve(socket, remoteAddress);
    this.#open.set(socket, served);
    await served;
    this.#open.delete(socket);
    remove();
  }

  /** Resolves when all have ended, or have been cut after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#closing.abort();
    this.#handshakes?.abandon();
    for (const socket of this.#rejected) socket.destroy();
    const timer = setTimeout(() => {
      for (const socket of this.#open.keys()) socket.destroy();
    }, graceMs);
    await Promise.all(this.#open.values());
    clearTimeout(timer);
  }

  async #serve(socket: Socket, remoteAddress: string): Promise<void> {
    const { security, limits, log } = this.#options;
    const { loginTimeoutMs } = limits;
    const loginUntilMs = performance.now() + loginTimeoutMs;
    const loginMsLeft = (): number => Math.max(0, loginUntilMs - performance.now());
    const id = randomBytes(6).toString('base64url');
    const common = { id, remoteAddress, closing: this.#closing.signal, loginTimeoutMs, loginMsLeft };
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    // Whoever is still there after the time for a login is known, and has it once more: STARTTLS forgets the login.
    const handshakeMs = () => (loginMsLeft() > 0 ? loginMsLeft() : loginTimeoutMs);
    const secure = (plain: Duplex) => this.#secure(plain as Socket, remoteAddress, handshakeMs());
    const offered = security === 'starttls' && { startTls: secure };
    // A failed handshake has closed the socket.
    const first = security === 'tls' ? await secure(socket).catch(() => undefined) : socket;
    if (first !== undefined) {
      await this.#protocol
        .serve({ ...common, socket: first, secure: security === 'tls', ...offered })
        .catch((error: unknown) => {
          log.error({ error, client: remoteAddress }, 'unexpected error while serving a client');
          first.destroy();
        });
    }
    // The last words may still be on their way.
    await closed;
  }

  async #secure(socket: Socket, client: string, loginMsLeft: number): Promise<Socket> {
    if (this.#handshakes === undefined) throw new Error('TLS without a certificate.');
    try {
      return await this.#handshakes.secure(socket, Math.min(handshakeTimeoutMs, loginMsLeft));
    } catch (error) {
      // Old devices fail so, and whoever looks for the cause finds it. Everything else is noise.
      const level = (error as { readonly code?: string }).code?.startsWith('ERR_SSL_') ? 'info' : 'debug';
      const text = 'TLS handshake failed';
      const reason = errorText(error);
      if (level === 'info') this.#log(level, client, { reason }, text);
      else this.#options.log.debug({ protocol: this.#protocol.name, client, reason }, text);
      throw error;
    }
  }

  #log(level: 'info' | 'warn', client: string, facts: object, text: string): void {
    const protocol = this.#protocol.name;
    const key = `${protocol} ${sourceNetwork(client)} ${text}`;
    logRepeated(this.#options.log, level, key, { protocol, client, ...facts }, text);
  }

  #reject(socket: Socket, client: string, limit: 'total' | 'address'): void {
    const details = { open: this.#counts.open, fromThere: this.#counts.from(sourceNetwork(client)) };
    const error = new BridgeError('client-connections-exceeded', 'Too many connections are open.', { details });
    this.#log('warn', client, { error }, 'connection rejected: too many open');
    // With TLS from the first byte there is no line that the client would understand.
    if (this.#options.security === 'tls' || this.#rejected.size >= maxRejected) {
      socket.destroy();
      return;
    }
    this.#rejected.add(socket);
    socket.once('close', () => this.#rejected.delete(socket));
    socket.write(this.#protocol.rejection(limit));
    endGently(socket);
  }
}

/** Every connection listens to it: that is no leak. */
function unlimited(controller: AbortController): AbortController {
  setMaxListeners(0, controller.signal);
  return controller;
}
