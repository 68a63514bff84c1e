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
import { Balancers, type ProxyProtocol } from './proxy-protocol/balancers.ts';
import { Traffic, type TrafficReport } from './traffic.ts';

/** Limits of a listener. */
export interface ListenerLimits extends ConnectionLimits {
  /** From the moment a client is accepted to its successful login, including the TLS handshake. */
  readonly loginTimeoutMs: number;
}

export interface ListenerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly security: 'none' | 'starttls' | 'tls';
  /** Required unless `security` is `none`. */
  readonly tls?: TlsMaterial;
  /** The balancers in front of it, which announce their clients. */
  readonly proxyProtocol?: ProxyProtocol;
  readonly limits: ListenerLimits;
  readonly log: Log;
  /** Called for each client that is accepted, or rejected because there are too many. */
  onClient?(what: 'accepted' | 'rejected'): void;
  /** Called with the traffic of the connections served here. */
  readonly onTraffic?: TrafficReport;
}

/** An accepted client; with implicit TLS, the handshake is done. */
export interface Client {
  /** Short random name, for logs. */
  readonly id: string;
  readonly socket: Socket;
  readonly secure: boolean;
  /** Present if STARTTLS is to be offered. Performs the handshake; the socket is closed if it fails. */
  readonly startTls?: (socket: Duplex) => Promise<Socket>;
  /** Canonical, with an IPv4-mapped address as IPv4. Behind a balancer, it differs from that of the socket. */
  readonly remoteAddress: string;
  /** The listener closes: end as soon as possible in an orderly way. */
  readonly closing: AbortSignal;
  /** From the moment it was accepted to its login. */
  readonly loginTimeoutMs: number;
  /** Milliseconds left of it. */
  loginMsLeft(): number;
}

/** Handles clients of a protocol. */
export interface ListenerProtocol {
  readonly name: 'smtp' | 'imap' | 'pop3';
  /** The last line sent to a client that is rejected because there are too many, including its line end. */
  rejection(limit: 'total' | 'address'): string;
  /** Serves one client until its end, or continues to do so; never rejects. */
  serve(client: Client): Promise<void>;
  /** The listener closes: work in progress has this long. */
  shutDown?(graceMs: number): void;
}

/** Serves clients in another process that this listener has accepted and counted. */
export interface ServedElsewhere {
  /**
   * Takes a client over. Data already read from it, after a PROXY header, is in the socket.
   * @param ended called once, when its connection has ended
   * @returns false if it has to be served here; otherwise the socket must not be touched any more
   */
  take(socket: Socket, remoteAddress: string, ended: () => void): boolean;
  updateTls(material: TlsMaterial): void;
  /** Resolves when every client taken over has ended or, after `graceMs`, has been cut off. */
  close(graceMs: number): Promise<void>;
}

/** Serves clients that another process has accepted and counted. */
export interface Reception {
  /** Resolves when the connection has ended. */
  serve(socket: Socket, remoteAddress: string): Promise<void>;
  updateTls(material: TlsMaterial): void;
  /** Resolves when every connection has ended or, after `graceMs`, has been cut off. */
  close(graceMs: number): Promise<void>;
}

/** A listening port. */
export interface Listener {
  readonly port: number;
  /** Number of clients connected now. */
  clients(): number;
  updateTls(material: TlsMaterial): void;
  /** Changes how new clients are served; connected ones continue as before. Host, port and limits stay. */
  change(options: ListenerOptions, protocol: ListenerProtocol, elsewhere?: ServedElsewhere): void;
  /** Stops accepting; connected clients continue until {@link close}. */
  leave(): void;
  /** Stops accepting; resolves when every connection has ended or, after `graceMs`, has been cut off. */
  close(graceMs: number): Promise<void>;
}

/** Maximum duration of a handshake, if no less is left for the login. */
const handshakeTimeoutMs = 30_000;

/** Rejected clients whose last line is being sent; further ones are cut off without it. */
const maxRejected = 100;

/** Listens for clients of a protocol. Rejects with the system's error if the port is not available. */
export async function listen(
  options: ListenerOptions,
  protocol: ListenerProtocol,
  elsewhere?: ServedElsewhere,
): Promise<Listener> {
  const doors = new Doors(new Door(options, protocol, elsewhere));
  // Nothing is read from a client before it is needed.
  const server = createServer(
    { allowHalfOpen: true, noDelay: true, keepAlive: true, pauseOnConnect: true },
    (socket) => {
      void doors.front.accept(socket);
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, options.host, resolve);
  });
  server.on('error', (error) => options.log.error({ error, protocol: protocol.name }, 'a listener failed'));
  return {
    port: (server.address() as AddressInfo).port,
    clients: () => doors.front.clients,
    updateTls: (material) => doors.updateTls(material),
    change: (...next) => doors.change(...next),
    leave() {
      server.close();
    },
    async close(graceMs) {
      // Called with an error if it is no longer listening, which is just as good.
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await doors.close(graceMs);
      // Node.js would ask the other processes about their clients, even a process that is gone.
      if (!doors.hasElsewhere) await closed;
    },
  };
}

/** The door through which clients enter now, and earlier ones whose clients are still connected. */
class Doors {
  front: Door;
  /** Whether clients were ever handed to other processes. */
  hasElsewhere: boolean;
  readonly #all: Set<Door>;

  constructor(first: Door) {
    this.front = first;
    this.hasElsewhere = first.hasElsewhere;
    this.#all = new Set([first]);
  }

  change(options: ListenerOptions, protocol: ListenerProtocol, elsewhere?: ServedElsewhere): void {
    this.front = new Door(options, protocol, elsewhere, this.front.counts);
    for (const door of this.#all) if (door.isEmpty) this.#all.delete(door);
    this.#all.add(this.front);
    this.hasElsewhere ||= this.front.hasElsewhere;
  }

  updateTls(material: TlsMaterial): void {
    for (const door of this.#all) door.updateTls(material);
  }

  async close(graceMs: number): Promise<void> {
    await Promise.all([...this.#all].map((door) => door.close(graceMs)));
  }
}

/** Serves clients of a protocol accepted by a listener in another process. */
export function receive(options: ListenerOptions, protocol: ListenerProtocol): Reception {
  return new Door(options, protocol);
}

/** Counts clients, rejects excess ones, and performs TLS. */
class Door implements Reception {
  readonly #options: ListenerOptions;
  readonly #protocol: ListenerProtocol;
  readonly #elsewhere: ServedElsewhere | undefined;
  readonly #handshakes: Handshakes | undefined;
  readonly #balancers: Balancers | undefined;
  readonly counts: ConnectionCounts;
  /** Connected clients that entered through this door. */
  #served = 0;
  readonly #closing = unlimited(new AbortController());
  readonly #open = new Map<Socket, Promise<void>>();
  readonly #rejected = new Set<Socket>();
  readonly #traffic: Traffic | undefined;

  /** @param counts of the clients that entered through the previous door */
  constructor(
    options: ListenerOptions,
    protocol: ListenerProtocol,
    elsewhere?: ServedElsewhere,
    counts = new ConnectionCounts(options.limits),
  ) {
    this.#options = options;
    this.#protocol = protocol;
    this.#elsewhere = elsewhere;
    this.counts = counts;
    if (options.security !== 'none' && options.tls === undefined) throw new Error('TLS without a certificate.');
    this.#handshakes = options.tls && new Handshakes(options.tls);
    const { proxyProtocol, limits, onTraffic } = options;
    this.#traffic = onTraffic && new Traffic(onTraffic);
    this.#balancers = proxyProtocol && new Balancers(proxyProtocol, limits.maxConnections);
  }

  get clients(): number {
    return this.counts.open;
  }

  get hasElsewhere(): boolean {
    return this.#elsewhere !== undefined;
  }

  get isEmpty(): boolean {
    return this.#served === 0;
  }

  updateTls(material: TlsMaterial): void {
    this.#handshakes?.update(material);
    this.#elsewhere?.updateTls(material);
  }

  async accept(socket: Socket): Promise<void> {
    socket.on('error', () => {});
    const acceptedAtMs = performance.now();
    const peer = canonicalAddress(socket.remoteAddress ?? '');
    const isProxied = peer !== undefined && this.#balancers?.has(peer) === true;
    const remoteAddress = isProxied && !this.#closing.signal.aborted ? await this.#clientOf(socket, peer) : peer;
    // A client that has already left has no address any more.
    if (remoteAddress === undefined || this.#closing.signal.aborted) {
      socket.destroy();
      return;
    }
    const source = sourceNetwork(remoteAddress);
    const limit = this.counts.exceeded(source);
    if (limit !== undefined) {
      this.#reject(socket, remoteAddress, limit);
      return;
    }
    const uncount = this.counts.add(source);
    this.#served++;
    const remove = () => {
      this.#served--;
      uncount();
    };
    this.#options.onClient?.('accepted');
    if (this.#elsewhere?.take(socket, remoteAddress, remove)) return;
    await this.#serveCounted(socket, remoteAddress, acceptedAtMs);
    remove();
  }

  async serve(socket: Socket, remoteAddress: string): Promise<void> {
    await this.#serveCounted(socket, remoteAddress, performance.now());
  }

  async #serveCounted(socket: Socket, remoteAddress: string, acceptedAtMs: number): Promise<void> {
    const served = this.#serve(socket, remoteAddress, acceptedAtMs);
    this.#open.set(socket, served);
    this.#traffic?.add(socket);
    await served;
    this.#traffic?.remove(socket);
    this.#open.delete(socket);
  }

  /** Resolves when all have ended, or have been cut off after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#protocol.shutDown?.(graceMs);
    this.#closing.abort();
    this.#handshakes?.abandon();
    this.#balancers?.abandon();
    for (const socket of this.#rejected) socket.destroy();
    const timer = setTimeout(() => {
      for (const socket of this.#open.keys()) socket.destroy();
    }, graceMs);
    await Promise.all([...this.#open.values(), this.#elsewhere?.close(graceMs)]);
    clearTimeout(timer);
  }

  /** Returns the client that a balancer announces; undefined if the connection is closed. */
  async #clientOf(socket: Socket, balancer: string): Promise<string | undefined> {
    try {
      return await this.#balancers?.clientOf(socket, balancer, this.#options.limits.loginTimeoutMs);
    } catch (cause) {
      const text = `The balancer sent no valid PROXY header: ${errorText(cause)}.`;
      const error = new BridgeError('proxy-header-invalid', text, { cause });
      if (!this.#closing.signal.aborted) this.#log('warn', balancer, { error }, 'connection closed: no PROXY header');
      return undefined;
    }
  }

  async #serve(socket: Socket, remoteAddress: string, acceptedAtMs: number): Promise<void> {
    const { security, limits, log } = this.#options;
    const { loginTimeoutMs } = limits;
    const loginUntilMs = acceptedAtMs + loginTimeoutMs;
    const loginMsLeft = (): number => Math.max(0, loginUntilMs - performance.now());
    const id = randomBytes(6).toString('base64url');
    const common = { id, remoteAddress, closing: this.#closing.signal, loginTimeoutMs, loginMsLeft };
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    // A client still connected after the login time has logged in, and gets the full time again: STARTTLS forgets the
    // login.
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
    // The last data may still be on its way.
    await closed;
  }

  async #secure(socket: Socket, client: string, loginMsLeft: number): Promise<Socket> {
    if (this.#handshakes === undefined) throw new Error('TLS without a certificate.');
    try {
      return await this.#handshakes.secure(socket, Math.min(handshakeTimeoutMs, loginMsLeft));
    } catch (error) {
      // Old devices fail like this, and an administrator looking for the cause finds it. Everything else is noise.
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
    const details = { open: this.counts.open, fromThere: this.counts.from(sourceNetwork(client)) };
    const error = new BridgeError('client-connections-exceeded', 'Too many connections are open.', { details });
    this.#log('warn', client, { error }, 'connection rejected: too many open');
    this.#options.onClient?.('rejected');
    // With implicit TLS, there is no line that the client would understand.
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

/** Every connection listens to it: that is not a leak. */
function unlimited(controller: AbortController): AbortController {
  setMaxListeners(0, controller.signal);
  return controller;
}
