import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';

/** Certificate, key and TLS settings of a listener. */
export interface TlsMaterial {
  /** PEM. */
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  readonly minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL cipher list. */
  readonly ciphers?: string;
}

/** The server's side of TLS handshakes, on sockets that are open already. */
export class Handshakes {
  #context: SecureContext;
  readonly #underWay = new Set<TLSSocket>();

  constructor(material: TlsMaterial) {
    this.#context = contextOf(material);
  }

  /** New handshakes use the new certificate; connections that are open keep theirs. */
  update(material: TlsMaterial): void {
    this.#context = contextOf(material);
  }

  /** Ends the handshakes that are under way: a client without a session has nothing to lose. */
  abandon(): void {
    for (const socket of this.#underWay) socket.destroy();
  }

  /**
   * Does a handshake. Rejects when it fails, takes longer than `timeoutMs`, or the client ends the connection, with or
   * without closing it; the socket is closed then.
   */
  secure(socket: Socket, timeoutMs: number): Promise<TLSSocket> {
    // Destroyed is always the socket on top: without it, Node.js crashes in the middle of a handshake.
    const secured = new TLSSocket(socket, { isServer: true, secureContext: this.#context });
    this.#underWay.add(secured);
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#underWay.delete(secured);
        secured.off('end', ended).off('close', ended);
      };
      const fail = (error: Error): void => {
        settle();
        secured.destroy();
        reject(error);
      };
      const ended = (): void => fail(new Error('The connection ended during the TLS handshake.'));
      const timer = setTimeout(() => fail(new Error('The TLS handshake took too long.')), timeoutMs);
      // They stay: an error that nobody listens to would end the process.
      secured.on('error', fail).on('_tlsError', fail);
      secured.once('end', ended).once('close', ended);
      secured.once('secure', () => {
        settle();
        secured.off('error', fail).off('_tlsError', fail);
        secured.on('error', () => {});
        resolve(secured);
      });
    });
  }
}

function contextOf({ cert, key, minVersion = 'TLSv1.2', ciphers }: TlsMaterial): SecureContext {
  return createSecureContext({
    cert,
    key,
    minVersion,
    honorCipherOrder: true,
    ...(ciphers !== undefined && { ciphers }),
  });
}
