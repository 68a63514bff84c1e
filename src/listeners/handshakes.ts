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

/** The server's side of TLS handshakes on open sockets. */
export class Handshakes {
  #context: SecureContext;
  readonly #underWay = new Set<Socket>();

  constructor(material: TlsMaterial) {
    this.#context = contextOf(material);
  }

  /** New handshakes use the new certificate; open connections keep theirs. */
  update(material: TlsMaterial): void {
    this.#context = contextOf(material);
  }

  /** Aborts the handshakes in progress: a client without a session has nothing to lose. */
  abandon(): void {
    for (const socket of this.#underWay) socket.destroy();
  }

  /**
   * Performs a handshake. Rejects if it fails, takes longer than `timeoutMs`, or the client ends the connection, with
   * or without closing it; the socket is then closed.
   */
  async secure(socket: Socket, timeoutMs: number): Promise<TLSSocket> {
    const untilMs = performance.now() + timeoutMs;
    // OpenSSL takes 50 kB per connection, too much for a client that only keeps it open.
    await this.#happens(socket, timeoutMs, (done) => onFirstRecord(socket, done));
    // From here on, the outer socket must be the one to destroy: otherwise Node.js crashes in the middle of a
    // handshake.
    const secured = new TLSSocket(socket, { isServer: true, secureContext: this.#context });
    await this.#happens(secured, untilMs - performance.now(), (done) => secured.once('secure', done));
    return secured;
  }

  /** Resolves when `begin` calls back. Closes the socket and rejects if it fails, ends or takes too long. */
  #happens(socket: Socket, timeoutMs: number, begin: (done: () => void) => void): Promise<void> {
    this.#underWay.add(socket);
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#underWay.delete(socket);
        socket.off('end', ended).off('close', ended);
      };
      const fail = (error: Error): void => {
        settle();
        socket.destroy();
        reject(error);
      };
      const ended = (): void => fail(new Error('The connection ended during the TLS handshake.'));
      const timer = setTimeout(() => fail(new Error('The TLS handshake took too long.')), timeoutMs);
      // These stay: an error without a listener would end the process.
      socket.on('error', fail).on('_tlsError', fail);
      socket.once('end', ended).once('close', ended);
      begin(() => {
        settle();
        socket.off('error', fail).off('_tlsError', fail);
        socket.on('error', () => {});
        resolve();
      });
    });
  }
}

/** TLS 1.3 (RFC 8446) section 5.1: type, version and length, then at most 2^14 octets. */
const recordHeaderBytes = 5;
const maxRecordBytes = 2 ** 14;
const handshakeRecord = 22;

/** Calls back once the first record is complete, or the data is not a record. The data stays in the socket. */
function onFirstRecord(socket: Socket, done: () => void): void {
  let received = Buffer.alloc(0);
  const take = (chunk: Buffer): void => {
    received = Buffer.concat([received, chunk]);
    if (isPartOfRecord(received)) return;
    socket.off('data', take).pause();
    socket.unshift(received);
    done();
  };
  socket.on('data', take).resume();
}

function isPartOfRecord(received: Buffer): boolean {
  if (received.length < recordHeaderBytes) return true;
  if (received[0] !== handshakeRecord) return false;
  const length = received.readUInt16BE(recordHeaderBytes - 2);
  return length <= maxRecordBytes && received.length < recordHeaderBytes + length;
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
