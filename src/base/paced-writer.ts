import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { ConnectionEnded } from './line-reader.ts';

/** Octets gathered before they go to the socket. */
const flushBytes = 16 * 1024;

/** Writes to a socket: many small pieces in one write, large ones no faster than the other side takes them. */
export class PacedWriter {
  #stream: Duplex;
  readonly #encoding: 'latin1' | 'utf8';
  #pending = '';

  constructor(stream: Duplex, encoding: 'latin1' | 'utf8') {
    this.#stream = stream;
    this.#encoding = encoding;
  }

  /** Goes on with another stream, the old one being wrapped in TLS by now. */
  switchTo(stream: Duplex): void {
    this.#stream = stream;
  }

  /** Nothing is sent before {@link flush}, {@link drained} or {@link octets}. */
  raw(text: string): void {
    this.#pending += text;
  }

  /** Sends what is pending. @returns whether the other side keeps up */
  flush(): boolean {
    const text = this.#pending;
    this.#pending = '';
    if (text === '' || !this.#stream.writable) return true;
    return this.#stream.write(text, this.#encoding);
  }

  /** Sends what is pending once it is worth it, and waits if the other side does not keep up. */
  async drained(): Promise<void> {
    if (this.#pending.length >= flushBytes && !this.flush()) await this.#drain();
  }

  /** Sends what is pending and then this, and waits if the other side does not keep up. @throws ConnectionEnded */
  async octets(chunk: Uint8Array): Promise<void> {
    this.flush();
    if (!this.#stream.write(chunk)) await this.#drain();
  }

  /** Ends the connection where it stands: half of something must not look whole. */
  breakOff(what: string, cause: unknown): ConnectionEnded {
    this.#stream.destroy();
    return new ConnectionEnded(what, { cause });
  }

  async #drain(): Promise<void> {
    if (this.#stream.destroyed) throw new ConnectionEnded('The connection has ended.');
    const abort = new AbortController();
    const closed = (): void => abort.abort();
    this.#stream.once('close', closed);
    try {
      await once(this.#stream, 'drain', { signal: abort.signal });
    } catch {
      throw new ConnectionEnded('The connection has ended.');
    } finally {
      this.#stream.off('close', closed);
    }
  }
}
