import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';

/** Certificate, key and TLS settings of a listener. */
export interface ReadTlsMaterial {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  readonly minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  readonly ciphers?: string;
}

/** The server's side of TLS handshakes, on sockets that are open already. */
export class TlsWrapper {
  // It never listens: connections are given to it, as `tls.Server` allows.
  readonly #server: ReturnType<typeof createServer>;
  readonly #waiting = new Map<string, (socket: TLSSocket) => void>();
  readonly #failures = new Map<string, Error>();

  constructor(material: ReadTlsMaterial, handshakeTimeoutMs: number) {
    this.#server = createServer({ ...material, handshakeTimeout: handshakeTimeoutMs, allowHalfOpen: true });
    this.#server.on('secureConnection', (socket) => this.#waiting.get(keyOf(socket))?.(socket));
    this.#server.on('tlsClientError', (error, socket) => this.#failures.set(keyOf(socket), error));
  }

  /** New handshakes use the new certificate; connections that are open keep theirs. */
  update(material: ReadTlsMaterial): void {
    this.#server.setSecureContext(material);
  }

  /** Does the handshake. Rejects when it fails or takes too long; the socket is closed then. */
  secure(socket: Socket): Promise<TLSSocket> {
    const key = keyOf(socket);
    return new Promise((resolve, reject) => {
      const onClose = (): void => {
        this.#waiting.delete(key);
        const failure = this.#failures.get(key);
        this.#failures.delete(key);
        reject(failure ?? new Error('The connection ended during the TLS handshake.'));
      };
      socket.once('close', onClose);
      this.#waiting.set(key, (secured) => {
        socket.off('close', onClose);
        this.#waiting.delete(key);
        resolve(secured);
      });
      this.#server.emit('connection', socket);
    });
  }
}

/** Both ends' addresses: what tells one open connection from every other. */
function keyOf({ remoteAddress, remotePort, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localPort}`;
}
