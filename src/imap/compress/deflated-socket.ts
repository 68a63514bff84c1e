import { Duplex } from 'node:stream';
import { constants, createDeflateRaw, createInflateRaw, type DeflateRaw, type InflateRaw } from 'node:zlib';
import { bytesSent } from '../../base/sockets/presence.ts';

/** Octets inflated at a time: a kilobyte may stand for a megabyte, of which no more than this lies in memory. */
const chunkBytes = 16 * 1024;

/**
 * A connection both of whose directions are DEFLATE (RFC 4978). Only as much is inflated as is read from it, and no
 * more is taken from the socket than the other side's pace allows.
 */
export class DeflatedSocket extends Duplex {
  readonly #socket: Duplex;
  readonly #inflate: InflateRaw;
  readonly #deflate: DeflateRaw;
  /** Somebody reads, and has not got enough. */
  #isWanted = false;

  /** @param unread what has been taken off the socket already */
  constructor(socket: Duplex, unread: Buffer) {
    super();
    this.#socket = socket;
    // A stream cut in the middle is the end of the connection, and no error of its own.
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

  /** What has gone out, deflated. */
  get bytesWritten(): number {
    return bytesSent(this.#socket);
  }

  override _read(): void {
    this.#isWanted = true;
    this.#pass();
  }

  /** Inflated octets go on only as they are asked for: a kilobyte that nobody reads must not become a megabyte. */
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
