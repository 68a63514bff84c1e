import { Duplex } from 'node:stream';
import { constants, createDeflateRaw, createInflateRaw, type DeflateRaw, type InflateRaw } from 'node:zlib';
import { bytesSent } from '../../base/sockets/presence.ts';

/** Bytes inflated at a time: a kilobyte can expand to a megabyte, of which no more than this is held in memory. */
const chunkBytes = 16 * 1024;

/**
 * A connection with DEFLATE in both directions (RFC 4978). It inflates only as much as is read from it, and takes no
 * more from the socket than the reader consumes.
 */
export class DeflatedSocket extends Duplex {
  readonly #socket: Duplex;
  readonly #inflate: InflateRaw;
  readonly #deflate: DeflateRaw;
  /** A reader is waiting for data. */
  #isWanted = false;

  /** @param unread data already taken from the socket */
  constructor(socket: Duplex, unread: Buffer) {
    super();
    this.#socket = socket;
    // A stream cut off in the middle ends the connection; it is not an error of its own.
    this.#inflate = createInflateRaw({ chunkSize: chunkBytes, finishFlush: constants.Z_SYNC_FLUSH });
    this.#deflate = createDeflateRaw({ flush: constants.Z_SYNC_FLUSH });
    this.#inflate
      .on('readable', () => this.#pass())
      .on('end', () => this.push(null))
      .on('error', (error) => this.destroy(error));
    this.#deflate.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    if (unread.length > 0) this.#inflate.write(unread);
    socket.pipe(this.#inflate);
    this.#deflate.pipe(socket);
  }

  /** Bytes sent, after compression. */
  get bytesWritten(): number {
    return bytesSent(this.#socket);
  }

  override _read(): void {
    this.#isWanted = true;
    this.#pass();
  }

  /** Passes on inflated bytes only as they are requested: a kilobyte that nobody reads must not become a megabyte. */
  #pass(): void {
    while (this.#isWanted) {
      const chunk = this.#inflate.read() as Buffer | null;
      if (chunk === null) return;
      this.#isWanted = false;
      if (this.push(chunk)) this.#isWanted = true;
    }
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, taken: (error?: Error | null) => void): void {
    this.#deflate.write(chunk, taken);
  }

  override _final(ended: (error?: Error | null) => void): void {
    this.#deflate.end(ended);
  }

  override _destroy(error: Error | null, destroyed: (error: Error | null) => void): void {
    this.#inflate.destroy();
    this.#deflate.destroy();
    this.#socket.destroy();
    destroyed(error);
  }
}
